// SPDX-License-Identifier: BSL-1.0
#include "search.hpp"

namespace explore {

namespace {

class few_preemptions_search final : public strategy {
public:
    explicit few_preemptions_search(unsigned bound) : bound_{bound} {}

    unsigned schedule(situation const& now) override {
        bool const could_go_on = now.current < max_threads && contains(now.enabled, now.current);
        if (at_ == path_.size()) {
            node n;
            n.schedules = true;
            n.chosen = static_cast<std::uint8_t>(could_go_on ? now.current : first_of(now.enabled));
            bool const others_too = !could_go_on || spent_ < bound_;
            n.left = others_too ? now.enabled & ~only(n.chosen) : 0;
            // To move the clock on while somebody could go on is a preemption too.
            if (!could_go_on && spent_ >= bound_ && (now.enabled & ~only(the_clock)) != 0) n.left &= ~only(the_clock);
            path_.push_back(n);
        }
        node const& n = path_[at_++];
        bool const early_clock = n.chosen == the_clock && (now.enabled & ~only(the_clock)) != 0;
        if ((could_go_on && n.chosen != now.current) || (!could_go_on && early_clock)) ++spent_;
        return n.chosen;
    }
    unsigned outcome(unsigned options) override {
        if (at_ == path_.size()) {
            node n;
            n.options = static_cast<std::uint8_t>(options);
            path_.push_back(n);
        }
        return path_[at_++].chosen;
    }
    bool next() override {
        for (; !path_.empty(); path_.pop_back()) {
            node& n = path_.back();
            if (n.schedules && n.left != 0) {
                n.chosen = static_cast<std::uint8_t>(first_of(n.left));
                n.left &= ~only(n.chosen);
                break;
            }
            if (!n.schedules && ++n.chosen < n.options) break;
        }
        at_ = 0;
        spent_ = 0;
        return !path_.empty();
    }

private:
    struct node {
        thread_set left = 0;
        std::uint8_t chosen = 0, options = 0;
        bool schedules = false;
    };
    unsigned const bound_;
    std::vector<node> path_;
    std::size_t at_ = 0;
    unsigned spent_ = 0;
};

}  // namespace

std::unique_ptr<strategy> few_preemptions(unsigned bound) { return std::make_unique<few_preemptions_search>(bound); }

}  // namespace explore
