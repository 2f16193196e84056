// SPDX-License-Identifier: BSL-1.0
#pragma once
// The client of this library, as one uses it: `call` for one at a time, `submit` with a callback for many.

#include <antiphon/interop/curl.hpp>
#include <mutex>
#include <thread>

#include "load.hpp"

namespace by_antiphon {

inline void one_by_one(load const& l, meter& m) {
    antiphon::http::client const web{{}, {.proxy = ""}};
    auto const get = web.get(l.url);
    for (;;) {
        steady::time_point const began = steady::now();
        antiphon::result<antiphon::http::response> const answer = get.call();
        if (!m.answered(began, answer && answer->ok())) return;
    }
}

template <class Get>
class chain {
public:
    chain(load const& l, meter& m, Get const& get) : meter_{m}, get_{get}, left_{l.in_flight} {}
    void run() {
        for (std::size_t i = left_; i != 0; --i)
            ask();
        std::size_t left = left_;
        while ((left = left_.load()) != 0)
            left_.wait(left);
    }

private:
    void ask() {
        get_.submit([this, began = steady::now()](antiphon::result<antiphon::http::response> answer) {
            bool more = false;
            {
                std::lock_guard const hold{mutex_};
                more = meter_.answered(began, answer && answer->ok());
            }
            if (more) return ask();
            if (left_.fetch_sub(1) == 1) left_.notify_all();
        });
    }
    meter& meter_;
    Get const& get_;
    std::mutex mutex_;
    std::atomic<std::size_t> left_;
};

inline void run(load const& l, meter& m) {
    if (l.in_flight == 1) return one_by_one(l, m);
    antiphon::http::client const web{{}, {.proxy = ""}};
    auto const get = web.get(l.url);
    chain{l, m, get}.run();
}
/// With a fixed cap on transfers at once.
inline void run_capped(load const& l, meter& m) {
    antiphon::http::client const web{{}, {.max_active = l.active, .proxy = ""}};
    auto const get = web.get(l.url);
    chain{l, m, get}.run();
}

}  // namespace by_antiphon
