// SPDX-License-Identifier: BSL-1.0
#include "search.hpp"

namespace explore {

namespace {

/// A depth-first search. `path_` is the execution at hand: nodes where a thread was chosen, between them nodes where an outcome was.
/// A node's alternatives are those that a later operation asks for: when a thread does something that conflicts with an earlier
/// operation which it did not depend on, the two could have come the other way round, so it is to be tried at the earlier one's node.
/// A thread whose operation has been tried at a node sleeps in the node's other branches until something conflicts with it.
class every_order_search final : public strategy {
public:
    unsigned schedule(situation const& now) override {
        if (at_ == path_.size()) {
            node n;
            n.schedules = true;
            n.enabled = now.enabled;
            n.asleep = asleep_;
            thread_set const free = now.enabled & ~asleep_;
            if (free == 0) return abandon;
            n.chosen =
                static_cast<std::uint8_t>(contains(free, now.current) && now.current < max_threads ? now.current : first_of(free));
            n.wanted = only(n.chosen);
            path_.push_back(n);
        }
        node& n = path_[at_];
        at_node_ = static_cast<std::uint32_t>(at_++);
        // Those that sleep here stay asleep below unless what is done now conflicts with them (`did`).
        asleep_ = (n.asleep | n.tried) & ~only(n.chosen);
        next_ = now.next;
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

    void did(unsigned thread, operation const& o) override {
        for (thread_set rest = asleep_; rest != 0; rest &= rest - 1)
            if (conflict(next_[first_of(rest)], o)) asleep_ &= ~only(first_of(rest));
        // The clock may never move by itself, so nothing would show that it could have.
        if (contains(path_[at_node_].enabled, the_clock) && thread != the_clock && conflict(o, next_[the_clock]))
            path_[at_node_].wanted |= only(the_clock);
        mark const me{at_node_ + 1, thread};
        note(me, o);
    }

    void woke(unsigned waker, unsigned woken) override { depends_[woken].join(depends_[waker]); }

    bool next() override {
        while (!path_.empty()) {
            node& n = path_.back();
            if (!n.schedules) {
                if (++n.chosen < n.options) break;
            } else {
                n.tried |= only(n.chosen);
                if (thread_set const left = n.wanted & n.enabled & ~n.tried & ~n.asleep; left != 0) {
                    n.chosen = static_cast<std::uint8_t>(first_of(left));
                    break;
                }
            }
            path_.pop_back();
        }
        at_ = 0;
        asleep_ = 0;
        places_.clear();
        depends_ = {};
        last_tick_ = {};
        last_waking_ = {};
        last_tick_clock_ = {};
        waking_clock_ = {};
        return !path_.empty();
    }

private:
    struct node {
        thread_set enabled = 0, wanted = 0, tried = 0, asleep = 0;
        std::uint8_t chosen = 0, options = 0;
        bool schedules = false;
    };
    /// An operation that was done: its node's index plus one, and whose it was.
    struct mark {
        std::uint32_t when = 0;
        unsigned thread = 0;
    };
    /// What was done to an address.
    struct place {
        mark write, queue, lock;
        std::array<std::uint32_t, max_threads + 1> reads{};
        vector_clock writers, readers, queuers;  ///< what an operation that conflicts with those depends on
    };

    void note(mark me, operation const& o) {
        vector_clock& mine = depends_[me.thread];
        mark race;  // the last operation that conflicts with this one and that it does not depend on
        auto const meets = [&](mark const& other) {
            if (other.when > race.when && other.thread != me.thread && !mine.knows(other.thread, other.when)) race = other;
        };
        bool added = false;
        place* const p = o.address != 0 ? places_.find_or_add(o.address, added) : nullptr;
        bool const reads = (o.does & (operation::reads | operation::writes)) != 0, writes = (o.does & operation::writes) != 0;
        bool const queues = (o.does & operation::queues) != 0, waking = queues || (o.does & operation::timed) != 0;
        bool const ticks = (o.does & operation::ticks) != 0;
        if (p != nullptr) {
            if ((o.does & operation::locks) != 0) {
                meets(p->lock);  // an unlocking cannot come later than the locking that it makes possible
            } else {
                if (reads) meets(p->write);
                for (unsigned t = 0; writes && t <= max_threads; ++t)
                    meets({p->reads[t], t});
                if (queues) meets(p->queue);
            }
        }
        if (waking) meets(last_tick_);
        for (unsigned t = 0; ticks && t < max_threads; ++t)
            meets({last_waking_[t], t});
        if (race.when != 0) try_before(race, me, mine);

        if (p != nullptr) {
            if (reads) mine.join(p->writers);
            if (writes) mine.join(p->readers);
            if (queues) mine.join(p->queuers);
        }
        if (waking) mine.join(last_tick_clock_);
        if (ticks) mine.join(waking_clock_);
        mine.at[me.thread] = me.when;

        if (p != nullptr) {
            if (writes) {
                p->write = me;
                p->writers = mine;
            } else if (reads) {
                p->reads[me.thread] = me.when;
                p->readers.join(mine);
            }
            if (queues) {
                p->queue = me;
                p->queuers = mine;
            }
            if ((o.does & operation::locks) != 0) p->lock = me;
        }
        if (waking) {
            last_waking_[me.thread] = me.when;
            waking_clock_.join(mine);
        }
        if (ticks) {
            last_tick_ = me;
            last_tick_clock_ = mine;
        }
    }

    /// `me` is to be tried in place of `race`, or whoever makes it possible there.
    void try_before(mark race, mark me, vector_clock const& mine) {
        node& n = path_[race.when - 1];
        if (contains(n.enabled, me.thread)) {
            n.wanted |= only(me.thread);
            return;
        }
        for (unsigned t = 0; t <= max_threads; ++t)
            if (contains(n.enabled, t) && mine.at[t] > race.when) {
                n.wanted |= only(t);
                return;
            }
        n.wanted |= n.enabled;
    }

    std::vector<node> path_;
    std::size_t at_ = 0;
    std::uint32_t at_node_ = 0;
    thread_set asleep_ = 0;
    operation const* next_ = nullptr;
    address_map<place, 15> places_;
    std::array<vector_clock, max_threads + 1> depends_{};
    mark last_tick_;
    std::array<std::uint32_t, max_threads + 1> last_waking_{};
    vector_clock last_tick_clock_, waking_clock_;
};

}  // namespace

std::unique_ptr<strategy> every_order() { return std::make_unique<every_order_search>(); }

}  // namespace explore
