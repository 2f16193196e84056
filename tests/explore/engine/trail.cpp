// SPDX-License-Identifier: BSL-1.0
// Trails as text, and the strategy that follows one.
#include "search.hpp"

namespace explore {

std::string to_text(std::vector<decision> const& trail) {
    std::string text;
    for (std::size_t i = 0; i < trail.size();) {
        decision const d = trail[i];
        std::size_t count = 1;
        while (i + count < trail.size() && trail[i + count].schedules == d.schedules && trail[i + count].chosen == d.chosen)
            ++count;
        if (d.schedules) {
            text += d.chosen == the_clock ? '*' : static_cast<char>('A' + d.chosen);
        } else if (d.chosen == 0) {
            text += '.';
        } else {
            text += '+';
            text += static_cast<char>('0' + d.chosen);
            count = 1;
        }
        if (count > 1) text += std::to_string(count);
        i += count;
    }
    return text;
}

std::vector<decision> from_text(std::string const& text) {
    std::vector<decision> trail;
    for (std::size_t i = 0; i < text.size();) {
        char const c = text[i++];
        decision d{c != '.' && c != '+', 0, 0};
        if (c == '*') {
            d.chosen = the_clock;
        } else if (c >= 'A' && c < static_cast<char>('A' + max_threads)) {
            d.chosen = static_cast<std::uint8_t>(c - 'A');
        } else if (c == '+' && i < text.size()) {
            d.chosen = static_cast<std::uint8_t>(text[i++] - '0');
        } else if (c != '.') {
            break;
        }
        std::size_t count = 0;
        while (c != '+' && i < text.size() && text[i] >= '0' && text[i] <= '9')
            count = count * 10 + static_cast<std::size_t>(text[i++] - '0');
        trail.insert(trail.end(), count == 0 ? 1 : count, d);
    }
    return trail;
}

namespace {

class follower final : public strategy {
public:
    explicit follower(std::vector<decision> trail) : trail_{std::move(trail)} {}
    unsigned schedule(situation const& now) override {
        if (at_ < trail_.size() && trail_[at_].schedules && contains(now.enabled, trail_[at_].chosen)) return trail_[at_++].chosen;
        at_ = trail_.size();  // the program has changed since, or the trail is at its end
        return now.current < max_threads && contains(now.enabled, now.current) ? now.current : first_of(now.enabled);
    }
    unsigned outcome(unsigned options) override {
        if (at_ < trail_.size() && !trail_[at_].schedules && trail_[at_].chosen < options) return trail_[at_++].chosen;
        at_ = trail_.size();
        return 0;
    }
    bool next() override { return false; }

private:
    std::vector<decision> trail_;
    std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<strategy> replay(std::vector<decision> trail) { return std::make_unique<follower>(std::move(trail)); }

}  // namespace explore
