// SPDX-License-Identifier: BSL-1.0
#include "search.hpp"

namespace explore {

namespace {

class random_search final : public strategy {
public:
    random_search(std::uint64_t seed, unsigned depth) : state_{seed}, depth_{depth} { begin(); }

    unsigned schedule(situation const& now) override {
        ++step_;
        if (!by_priority_) {
            // Runs of a thread, as real machines have them, and now and then a switch after every operation.
            if (now.current < max_threads && contains(now.enabled, now.current) && below(8) >= restlessness_) return now.current;
            return member(now.enabled, below(static_cast<std::uint32_t>(__builtin_popcount(now.enabled))));
        }
        unsigned best = nobody;
        for (unsigned t = 0; t <= max_threads; ++t)
            if (contains(now.enabled, t) && (best == nobody || priority_[t] > priority_[best])) best = t;
        for (std::uint32_t const change : changes_)
            if (change == step_) priority_[best] = --lowest_;
        return best;
    }
    unsigned outcome(unsigned options) override { return below(4) != 0 ? 0 : below(options); }
    bool next() override {
        longest_ = step_ > longest_ ? step_ : longest_;
        begin();
        return true;
    }

private:
    void begin() {
        by_priority_ = !by_priority_;
        step_ = 0;
        lowest_ = 0;
        restlessness_ = 1 + below(8);
        for (auto& p : priority_)
            p = static_cast<std::int32_t>(1 + below(1u << 20));
        changes_.clear();
        for (unsigned i = 1; by_priority_ && i < depth_; ++i)
            changes_.push_back(1 + below(longest_));
    }
    static unsigned member(thread_set set, unsigned index) {
        for (; index > 0; --index)
            set &= set - 1;
        return first_of(set);
    }
    std::uint32_t below(std::uint32_t limit) {
        state_ += 0x9E3779B97F4A7C15u;
        std::uint64_t x = state_;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
        return static_cast<std::uint32_t>(((x ^ (x >> 31)) >> 32) * limit >> 32);
    }

    std::uint64_t state_;
    unsigned const depth_;
    bool by_priority_ = false;
    std::uint32_t step_ = 0, longest_ = 50, restlessness_ = 1;
    std::int32_t lowest_ = 0;
    std::array<std::int32_t, max_threads + 1> priority_{};
    std::vector<std::uint32_t> changes_;
};

}  // namespace

std::unique_ptr<strategy> at_random(std::uint64_t seed, unsigned depth) { return std::make_unique<random_search>(seed, depth); }

}  // namespace explore
