// SPDX-License-Identifier: BSL-1.0
#pragma once
// The pool that one writes with the standard library alone: the peer called `std` where the standard has none.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

template <class Job>
class std_pool {
public:
    explicit std_pool(std::size_t threads) {
        for (std::size_t i = 0; i < threads; ++i)
            workers_.emplace_back([this] { work(); });
    }
    std_pool(std_pool const&) = delete;
    std_pool& operator=(std_pool const&) = delete;
    ~std_pool() {
        {
            std::lock_guard const hold{mutex_};
            closed_ = true;
        }
        wake_.notify_all();
        for (std::thread& each : workers_)
            each.join();
    }
    void post(Job job) {
        {
            std::lock_guard const hold{mutex_};
            jobs_.push_back(std::move(job));
        }
        wake_.notify_one();
    }

private:
    void work() {
        for (std::unique_lock hold{mutex_};;) {
            wake_.wait(hold, [this] { return closed_ || !jobs_.empty(); });
            if (jobs_.empty()) return;
            Job job = std::move(jobs_.front());
            jobs_.pop_front();
            hold.unlock();
            job();
            hold.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> jobs_;
    bool closed_ = false;
    std::vector<std::thread> workers_;
};

}  // namespace bench
