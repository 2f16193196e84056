// SPDX-License-Identifier: BSL-1.0
#pragma once
// The engine of a thread pool: one locked queue, sleeping workers, and the order in which everything ends.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <thread>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/lifetime.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/detail/thread_name.hpp"
#include "antiphon/execution/fork.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/thread_pool_options.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/execution/work_queue.hpp"

namespace antiphon::detail {

/// Referred to by the pool, by its executors and by every worker thread.
class pool_core : public counted {
public:
    explicit pool_core(thread_pool_options&& options) : options_{std::move(options)}, workers_{new worker[options_.threads]} {}
    ~pool_core() {
        // Threads left here are a forked child's shadows or were detached: forget them, the handles own nothing.
        delete[] workers_;
    }

    /// Starts the workers; if one cannot be started, ends those that were and rethrows.
    void start() {
        ANTIPHON_TRY {
            for (; started_ < options_.threads; ++started_) {
                worker& w = workers_[started_];
                ::new (static_cast<void*>(w.thread))
                    std::thread{[self = shared_core<pool_core>::another(*this), &w] { self->work(w); }};
            }
        }
        ANTIPHON_CATCH_ALL {
            shut_down(duration::zero());
            ANTIPHON_RETHROW;
        }
    }

    [[nodiscard]] thread_pool_options const& options() const noexcept { return options_; }
    [[nodiscard]] bool forked() const noexcept { return fork_generation() != generation_; }
    [[nodiscard]] std::size_t pending() noexcept {
        if (forked()) return 0;
        parking_lock::scope const hold{lock_};
        return queue_.size();
    }

    void post(work_item& item) noexcept {
        if (forked()) return item.reject(errc::forked, rejection::in_place);
        switch (admit(item)) {
            case admission::queued: return;
            case admission::here: {
                place_scope const here{this};
                return item.run();
            }
            case admission::closed: return item.reject(errc::shut_down, rejection::in_place);
            case admission::full: return item.reject(errc::resource_exhausted, rejection::in_place);
        }
    }

    shut_down_counts shut_down(duration drain_for) noexcept {
        if (forked()) return shut_down_in_child();
        if (place_scope::inside(this) || closer_.load(std::memory_order_relaxed) == this_thread()) {
            // Inside the pool's own work, or inside a callback of work that this very thread rejects: waiting could not end.
            stop_and_reject();
            return counts();
        }
        time_point const until = saturating_add(clock::now(), drain_for);
        if (!begin_closing()) {
            // acquire pairs with the release store of joined
            while (joined_.load(std::memory_order_acquire) == 0)
                futex_wait(joined_, 0);
            return counts();
        }
        drain(until);
        stop_and_reject();
        join();
        joined_.store(1, std::memory_order_release);  // pairs with the acquire above
        futex_wake_all(joined_);
        return counts();
    }

    /// For a destructor inside the pool's own work: lets go of threads that nobody will join.
    void detach_unless_joined() noexcept {
        if (forked() || !begin_closing()) return;
        for (std::size_t i = 0; i < started_; ++i)
            handle(workers_[i]).detach();
        for (std::size_t i = 0; i < started_; ++i)
            detail::destroy_at(&handle(workers_[i]));
        joined_.store(1, std::memory_order_release);  // pairs with the acquire in shut_down()
        futex_wake_all(joined_);
    }

private:
    enum class admission {
        queued,
        here,
        closed,
        full
    };
    /// open: everything is taken. draining: only what the pool's own work posts. stopping: nothing, and workers leave.
    enum class phase {
        open,
        draining,
        stopping
    };

    struct worker {
        running_slot running;
        alignas(std::thread) unsigned char thread[sizeof(std::thread)];
    };

    static std::thread& handle(worker& w) noexcept { return *std::launder(reinterpret_cast<std::thread*>(w.thread)); }
    static void const* this_thread() noexcept {
        static constinit thread_local char self = 0;
        return &self;
    }

    admission admit(work_item& item) noexcept {
        bool wake = false;
        {
            parking_lock::scope hold{lock_};
            for (;;) {
                if (phase_ == phase::stopping) return admission::closed;
                bool const own = (phase_ == phase::draining || queue_.size() >= options_.queue_capacity) && place_scope::inside(this);
                if (phase_ == phase::draining && !own) return admission::closed;
                // The timer thread may neither sleep nor run what is posted: its jobs go beyond the capacity.
                if (queue_.size() < options_.queue_capacity || timer_thread::is_current()) break;
                if (options_.when_full == full_policy::reject) return admission::full;
                if (options_.when_full == full_policy::caller_runs || own) return admission::here;
                ++blocked_;
                std::uint32_t const seen = room_.load(std::memory_order_relaxed);
                hold.unlock();
                futex_wait(room_, seen);
                hold.lock();
                --blocked_;
            }
            queue_.push(item);
            wake = call_a_worker();
        }
        if (wake) futex_wake_one(signal_);
        return admission::queued;
    }
    /// Under the lock: whether a sleeper has to be woken. One at a time is on its way; it calls the next if there is more to do.
    [[nodiscard]] bool call_a_worker() noexcept {
        if (asleep_ == 0 || called_) return false;
        called_ = true;
        bump(signal_);
        return true;
    }
    /// relaxed: the words change under the lock, which orders them; the kernel compares the value itself
    static void bump(std::atomic<std::uint32_t>& word) noexcept { word.fetch_add(1, std::memory_order_relaxed); }

    void work(worker& self) noexcept {
        name_this_thread(options_.name.c_str());
        worker_place = this;
        running_slot::mine = &self.running;
        place_scope const here{this};
        parking_lock::scope hold{lock_};
        while (phase_ != phase::stopping) {
            if (work_item* const item = queue_.pop()) {
                run(*item, hold);
            } else {
                sleep(hold);
            }
        }
    }
    void run(work_item& item, parking_lock::scope& hold) noexcept {
        ++running_;
        bool const more = !queue_.empty() && call_a_worker();
        bool const room = blocked_ != 0;
        if (room) bump(room_);
        hold.unlock();
        if (more) futex_wake_one(signal_);
        if (room) futex_wake_one(room_);
        item.run();
        hold.lock();
        --running_;
        if (phase_ == phase::open) return;
        if (phase_ == phase::draining) ++counts_.drained;
        if (running_ == 0 && queue_.empty()) {
            bump(quiet_);
            futex_wake_all(quiet_);
        }
    }
    void sleep(parking_lock::scope& hold) noexcept {
        ++asleep_;
        std::uint32_t const seen = signal_.load(std::memory_order_relaxed);
        hold.unlock();
        futex_wait(signal_, seen);
        hold.lock();
        --asleep_;
        called_ = false;
    }

    /// True for the one thread that is to end the pool.
    bool begin_closing() noexcept {
        parking_lock::scope hold{lock_};
        if (closing_) return false;
        closing_ = true;
        closer_.store(this_thread(), std::memory_order_relaxed);  // only ever compared with the reader's own thread
        if (phase_ == phase::open) phase_ = phase::draining;
        bump(room_);
        hold.unlock();
        futex_wake_all(room_);
        return true;
    }
    void drain(time_point until) noexcept {
        parking_lock::scope hold{lock_};
        while (phase_ == phase::draining && (running_ != 0 || !queue_.empty())) {
            std::uint32_t const seen = quiet_.load(std::memory_order_relaxed);
            if (until != time_point::max() && clock::now() >= until) return;
            hold.unlock();
            futex_wait_until(quiet_, seen, until);
            hold.lock();
        }
    }
    void stop_and_reject() noexcept {
        lock_.lock();
        bool const first = phase_ != phase::stopping;
        phase_ = phase::stopping;
        work_queue left{std::move(queue_)};
        if (first) counts_.stopped = running_;
        counts_.rejected += left.size();
        bump(signal_);
        bump(room_);
        bump(quiet_);
        lock_.unlock();
        futex_wake_all(signal_);
        futex_wake_all(room_);
        futex_wake_all(quiet_);
        if (first)
            for (std::size_t i = 0; i < options_.threads; ++i)
                workers_[i].running.request_stop();
        left.reject_all(errc::shut_down);
    }
    void join() noexcept {
        for (std::size_t i = 0; i < started_; ++i) {
            handle(workers_[i]).join();
            detail::destroy_at(&handle(workers_[i]));
        }
    }
    /// The threads do not exist here, and the lock may have been held by one of them.
    shut_down_counts shut_down_in_child() noexcept {
        if (!lock_.try_lock()) return {};
        work_queue left{std::move(queue_)};
        phase_ = phase::stopping;
        lock_.unlock();
        return {.rejected = left.reject_all(errc::forked)};
    }
    shut_down_counts counts() noexcept {
        parking_lock::scope const hold{lock_};
        return counts_;
    }

    thread_pool_options const options_;
    std::uint32_t const generation_ = fork_generation();
    worker* const workers_;  ///< owned
    std::size_t started_ = 0;

    parking_lock lock_;
    // Guarded by lock_; the words are also what threads sleep on:
    work_queue queue_;
    phase phase_ = phase::open;
    bool closing_ = false;
    bool called_ = false;  ///< a woken worker has not taken the lock yet
    std::size_t asleep_ = 0;  ///< workers between deciding to sleep and being back
    std::size_t blocked_ = 0;  ///< posters waiting for room
    std::size_t running_ = 0;  ///< jobs on workers
    shut_down_counts counts_;
    std::atomic<std::uint32_t> signal_{0};
    std::atomic<std::uint32_t> room_{0};
    std::atomic<std::uint32_t> quiet_{0};

    std::atomic<void const*> closer_{nullptr};
    std::atomic<std::uint32_t> joined_{0};
};

}  // namespace antiphon::detail
