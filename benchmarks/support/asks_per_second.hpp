// SPDX-License-Identifier: BSL-1.0
#pragma once
// Asks a second of a request that echoes its number: one after another, and many in flight.

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"

namespace bench {

/// How many may be in flight at once; who asks for one more waits.
class window {
public:
    static constexpr int size = 256;
    void enter() {
        std::unique_lock hold{mutex_};
        left_.wait(hold, [this] { return inside_ != size; });
        ++inside_;
    }
    void leave() {
        std::lock_guard const hold{mutex_};
        --inside_;
        left_.notify_all();
    }
    /// Until nobody is inside.
    void drain() {
        std::unique_lock hold{mutex_};
        left_.wait(hold, [this] { return inside_ == 0; });
    }

private:
    std::mutex mutex_;
    std::condition_variable left_;
    int inside_ = 0;
};

/// `ask()` until the time is over; it says how many it asked.
template <class Ask>
double rate(double seconds, Ask ask) {
    using antiphon::clock;
    antiphon::time_point const began = clock::now();
    antiphon::time_point const end = began + std::chrono::duration_cast<antiphon::duration>(std::chrono::duration<double>(seconds));
    long asked = 0;
    while (clock::now() < end)
        asked += ask();
    return static_cast<double>(asked) / std::chrono::duration<double>(clock::now() - began).count();
}
template <class Ask>
double one(Ask const& ask, double seconds) {
    return rate(seconds, [&] {
        if (ask.call(12345).value() != 12345) std::exit(1);
        return 1;
    });
}
template <class Ask>
double many(Ask const& ask, double seconds) {
    window in_flight;
    double const r = rate(seconds, [&] {
        in_flight.enter();
        ask.submit(12345, [&](antiphon::result<int> answer) {
            if (!answer) std::exit(1);
            in_flight.leave();
        });
        return 1;
    });
    in_flight.drain();
    return r;
}

}  // namespace bench
