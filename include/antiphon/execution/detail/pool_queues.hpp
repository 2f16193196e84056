// SPDX-License-Identifier: BSL-1.0
#pragma once
// Where a pool's work waits: an inbox for everybody, a backlog of what came from there, a ring for each worker, and an ordered
// queue for what has a priority or a deadline.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "antiphon/core/priority.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/detail/braided_queue.hpp"
#include "antiphon/execution/detail/inbox.hpp"
#include "antiphon/execution/detail/ordered_queue.hpp"
#include "antiphon/execution/detail/steal_ring.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/random.hpp"
#include "antiphon/execution/work_queue.hpp"

namespace antiphon::detail {

/// Jobs that a worker takes from its ring between two looks outside.
inline constexpr std::uint32_t outside_turn = 61;

/// What belongs to one worker. Others steal from its ring.
struct alignas(64) worker_queue {
    steal_ring ring;
    std::size_t index = 0;
    // The worker's own:
    std::uint32_t until_outside = outside_turn;  ///< jobs, to the next look at what came from outside
    bool oldest_turn = false;  ///< a worker with many jobs of its own looks outside and at its oldest one by turns
    work_item const* running = nullptr;  ///< the job that it took last
    random_source random{0};
    std::size_t lone_owner = 0;  ///< whose ring had a single job at the last look, and which
    std::uint64_t lone_head = ~std::uint64_t{0};
    work_queue late;  ///< in its hand when the backlog was sealed
};

/// Outside threads push to the inbox, workers to their rings, which others may take half of. A worker without jobs empties the inbox into
/// its ring, and what does not fit into the backlog; every `outside_turn`th time it does so although it has jobs, so that
/// jobs that post jobs keep nobody out. A worker runs the jobs of its ring oldest first; where they become more than `most_in_order`, since
/// jobs post several jobs each, the newest first, which is the way to have fewer, but for every `outside_turn`th time, when it runs the
/// oldest and looks outside by turns. A pool of one worker has nobody to share with: all is pushed to the inbox, and runs in the order of
/// posting.
///
/// Work with a priority or a deadline goes to the ordered queue, under the lock. While there is any, a worker asks there first, at each
/// job, whether one of it is next; without any that is one glance at a counter.
///
/// Nothing here wakes anybody. Whoever makes jobs visible (every function that says so) has the crew call somebody afterwards; `empty`
/// is the look of one who is about to sleep. See crew.
class pool_queues {
public:
    explicit pool_queues(std::size_t workers) : workers_{workers}, each_{new worker_queue[workers]} {
        for (std::size_t i = 0; i < workers; ++i) {
            each_[i].index = i;
            each_[i].random = random_source{mix64(i + 1)};  // the same in every run
        }
    }
    pool_queues(pool_queues const&) = delete;
    pool_queues& operator=(pool_queues const&) = delete;
    ~pool_queues() { delete[] each_; }

    /// So many jobs of a worker run in the order of posting; of more, the newest first.
    static constexpr std::uint64_t most_in_order = steal_ring::capacity / 4 * 3;

    [[nodiscard]] worker_queue& of(std::size_t worker) noexcept { return each_[worker]; }

    enum class placed {
        first,  ///< in the inbox, which was empty: visible
        following,  ///< in the inbox, behind others that became visible before
        own,  ///< in the ring of `mine`: visible
        refused,  ///< nowhere: the inbox is closed
    };
    /// In a pool of several workers, by the worker whose queue that is: true if it is in its ring now, visible.
    [[nodiscard]] bool put_own(work_item& item, worker_queue& mine) noexcept {
        return !comes_again(item, mine) && mine.ring.push(item);
    }
    /// `mine` is the queue of the calling worker, null elsewhere.
    placed put(work_item& item, worker_queue* mine) noexcept {
        if (mine != nullptr && workers_ > 1 && put_own(item, *mine)) return placed::own;
        switch (inbox_.push(item)) {
            case inbox::outcome::first: return placed::first;
            case inbox::outcome::following: return placed::following;
            case inbox::outcome::closed: break;
        }
        return placed::refused;
    }
    /// After `close`; false after `seal`. Makes it visible.
    [[nodiscard]] bool put_late(work_item& item) noexcept {
        parking_lock::scope const hold{lock_};
        if (sealed_) return false;
        backlog_.push(item);
        note();
        return true;
    }

    /// `inside`: the pool's own work posts it. False after `seal`, or, from outside, after `close`. Makes it visible.
    [[nodiscard]] bool put_ordered(work_item& item, urgency const& how, bool inside) noexcept {
        time_point const now = how.patient ? clock::now() : time_point::min();
        parking_lock::scope const hold{lock_};
        if (sealed_ || (closed_ && !inside)) return false;
        ordered_.push(item, how, now);
        note_ordered();
        return true;
    }
    /// The next job with a priority or a deadline; null where ordinary work goes first, of which `there_may_be_others` says whether there is
    /// any.
    [[nodiscard]] work_item* next_ordered(bool there_may_be_others) noexcept {
        // relaxed: a hint; who is about to sleep looks again
        if (ordered_count_.load(std::memory_order_relaxed) == 0) return nullptr;
        parking_lock::scope const hold{lock_};
        work_item* const item = ordered_.pop(there_may_be_others, ordered_.has_patient() ? clock::now() : time_point::min());
        note_ordered();
        return item;
    }

    /// The next job of a worker, without a search. May move jobs: `moved` says that some became visible.
    [[nodiscard]] work_item* next(worker_queue& mine, bool& moved) noexcept {
        bool const outside = --mine.until_outside == 0;
        if (!outside && ordered_count_.load(std::memory_order_relaxed) == 0)  // as in next_ordered
            if (work_item* const item = mine.ring.pop_beyond(most_in_order)) return item;
        return next_slowly(mine, outside, moved);
    }
    /// From outside: the oldest job, and some more for the ring.
    [[nodiscard]] work_item* fetch(worker_queue& mine, bool& moved) noexcept {
        braided_queue arrived;
        // relaxed: a hint; who is about to sleep looks again. In a pool of one worker what was set aside is older, and runs first.
        if (backlog_count_.load(std::memory_order_relaxed) != 0 || !inbox_.take_oldest(arrived)) return fetch_backlog(mine, moved);
        work_item* const first = arrived.pop();
        if (arrived.empty()) return first;
        moved = true;
        mine.ring.push(arrived, room_for(mine, share));
        if (!arrived.empty()) keep(mine, arrived);
        return first;
    }

    /// How much a thief takes from a worker that has a single job, which that worker may be about to run.
    enum class manners {
        leave,  ///< nothing
        second_look,  ///< that job, if it was there at the last such look
        take,  ///< that job
    };
    /// From another worker: one job to run, and half of the rest for the own ring, which is empty.
    [[nodiscard]] work_item* steal(worker_queue& mine, manners how, bool& moved) noexcept {
        std::size_t const start = static_cast<std::size_t>(mine.random() % workers_);
        for (std::size_t i = 0; i < workers_; ++i) {
            std::size_t const at = start + i < workers_ ? start + i : start + i - workers_;
            if (at == mine.index || leaves(mine, each_[at], how)) continue;
            if (work_item* const item = each_[at].ring.steal_into(mine.ring)) {
                moved = true;
                return item;
            }
        }
        return nullptr;
    }

    /// Whether there is nothing to run anywhere; seq_cst, see crew.
    [[nodiscard]] bool empty() const noexcept {
        if (!inbox_.empty() || backlog_count_.load(std::memory_order_seq_cst) != 0) return false;
        if (ordered_count_.load(std::memory_order_seq_cst) != 0) return false;
        for (std::size_t i = 0; i < workers_; ++i)
            if (!each_[i].ring.empty()) return false;
        return true;
    }
    [[nodiscard]] bool nothing_arrived() const noexcept { return inbox_.empty(); }

    /// How many jobs wait: those in the inbox become visible anew in the backlog.
    [[nodiscard]] std::size_t count() noexcept {
        parking_lock::scope const hold{lock_};
        held_in_hand();
        braided_queue arrived = workers_ == 1 ? inbox_.set_aside<braided_queue>() : inbox_.take<braided_queue>();
        backlog_.append(arrived);
        note();
        std::size_t sum = backlog_.size() + ordered_.size();
        for (std::size_t i = 0; i < workers_; ++i)
            sum += static_cast<std::size_t>(each_[i].ring.look().size);
        return sum;
    }
    /// From now on `put` refuses, unless there is a ring. Makes jobs visible anew.
    void close() noexcept {
        parking_lock::scope const hold{lock_};
        closed_ = true;
        held_in_hand();
        braided_queue arrived = inbox_.close<braided_queue>();
        backlog_.append(arrived);
        note();
    }
    /// From now on `put_late` refuses as well; everything that waits, except what a worker holds in its hand or pushes to its ring
    /// from now on: that is for the worker to give up, by `rest`, when it leaves.
    [[nodiscard]] work_queue seal() noexcept {
        close();
        lock_.lock();
        sealed_ = true;
        work_queue all = collect();
        lock_.unlock();
        take_rings(all);
        return all;
    }
    [[nodiscard]] work_queue rest(worker_queue& mine) noexcept {
        work_queue left{std::move(mine.late)};
        while (work_item* const item = mine.ring.pop())
            left.push(*item);
        return left;
    }
    /// The same in a forked child, where the lock may be held by a thread that does not exist.
    [[nodiscard]] work_queue seal_in_child() noexcept {
        work_queue all = inbox_.close();
        if (lock_.try_lock()) {
            sealed_ = true;
            work_queue held = collect();
            lock_.unlock();
            all.append(held);
        }
        take_rings(all);
        return all;
    }

private:
    [[nodiscard]] static bool crowded(worker_queue const& mine) noexcept { return mine.ring.look().size > most_in_order; }
    [[nodiscard]] static bool is_oldest_turn(worker_queue& mine) noexcept {
        return crowded(mine) && (mine.oldest_turn = !mine.oldest_turn);
    }
    /// What comes from outside does not make the newest go first.
    [[nodiscard]] static std::size_t room_for(worker_queue const& mine, std::size_t wanted) noexcept {
        std::size_t const size = static_cast<std::size_t>(mine.ring.look().size);
        std::size_t const room = size < most_in_order ? most_in_order - size : 0;
        return wanted < room ? wanted : room;
    }
    [[nodiscard]] work_item* next_slowly(worker_queue& mine, bool outside, bool& moved) noexcept {
        if (outside) mine.until_outside = outside_turn;
        if (work_item* const item = next_ordered(true)) return item;
        if (outside && workers_ > 1 && !is_oldest_turn(mine))
            if (work_item* const item = fetch(mine, moved)) return item;
        if (work_item* const item = mine.ring.pop_beyond(outside ? steal_ring::capacity : most_in_order)) return item;
        return fetch(mine, moved);
    }

    static constexpr std::size_t share = steal_ring::capacity / 2;

    /// What posts itself again lets others go first: where the newest goes first, it does not go to the ring.
    [[nodiscard]] static bool comes_again(work_item const& item, worker_queue const& mine) noexcept {
        return &item == mine.running && crowded(mine);
    }

    /// Before the inbox is emptied into this thread's hand: who finds it empty (acquire, see inbox) then finds this, not that nothing waits.
    void held_in_hand() noexcept { backlog_count_.store(backlog_.size() + 1, std::memory_order_seq_cst); }
    /// Under the lock, like those around it. seq_cst against `empty`, see crew
    void note() noexcept { backlog_count_.store(backlog_.size(), std::memory_order_seq_cst); }
    void note_ordered() noexcept { ordered_count_.store(ordered_.size(), std::memory_order_seq_cst); }
    work_queue collect() noexcept {
        work_queue all = ordered_.take_all();
        backlog_.move_to(all);
        note();
        note_ordered();
        return all;
    }
    void keep(worker_queue& mine, braided_queue& arrived) noexcept {
        parking_lock::scope const hold{lock_};
        if (sealed_) return arrived.move_to(mine.late);
        if (workers_ == 1) backlog_.swap(arrived);  // what has come there since is younger
        backlog_.append(arrived);
        note();
    }
    work_item* fetch_backlog(worker_queue& mine, bool& moved) noexcept {
        parking_lock::scope const hold{lock_};
        if (workers_ == 1) {  // in the order of posting, against `count` and `close`, which move jobs too: under the lock
            braided_queue arrived = inbox_.take<braided_queue>();
            backlog_.append(arrived);
        }
        work_item* const first = backlog_.pop();
        std::size_t const fair = backlog_.size() / workers_ + 1;
        mine.ring.push(backlog_, room_for(mine, fair < share ? fair : share));
        note();
        moved = true;
        return first;
    }
    [[nodiscard]] static bool leaves(worker_queue& mine, worker_queue& owner, manners how) noexcept {
        auto const [head, size] = owner.ring.look();
        if (size != 1 || how == manners::take) return size == 0;
        if (how == manners::leave) return true;
        if (mine.lone_owner == owner.index && mine.lone_head == head) return false;
        mine.lone_owner = owner.index;
        mine.lone_head = head;
        return true;
    }
    void take_rings(work_queue& to) noexcept {
        for (std::size_t i = 0; i < workers_; ++i)
            while (work_item* const item = each_[i].ring.steal())
                to.push(*item);
    }

    std::size_t const workers_;
    worker_queue* const each_;  ///< owned
    std::atomic<std::size_t> ordered_count_{0};
    alignas(64) inbox inbox_;
    alignas(64) std::atomic<std::size_t> backlog_count_{0};
    parking_lock lock_;
    // Guarded by lock_:
    braided_queue backlog_;
    ordered_queue ordered_;
    bool closed_ = false;
    bool sealed_ = false;
};

}  // namespace antiphon::detail
