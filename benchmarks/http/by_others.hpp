// SPDX-License-Identifier: BSL-1.0
#pragma once
// Peers that are there when somebody has them: cpr's asynchronous calls, and cpp-httplib, a thread for each ask.

#include <mutex>
#include <thread>
#include <vector>

#include "load.hpp"

#if ANTIPHON_BENCH_HTTPLIB
#include <httplib.h>

namespace by_httplib {

inline void run(load const& l, meter& m) {
    std::mutex mutex;
    std::vector<std::thread> all;
    for (std::size_t i = 0; i != l.in_flight; ++i)
        all.emplace_back([&] {
            httplib::Client web{l.host, l.port};
            web.set_keep_alive(true);
            web.set_tcp_nodelay(true);
            for (bool more = true; more;) {
                steady::time_point const began = steady::now();
                auto const answer = web.Get(l.path.c_str());
                std::lock_guard const hold{mutex};
                more = m.answered(began, answer && answer->status == 200);
            }
        });
    for (std::thread& each : all)
        each.join();
}

}  // namespace by_httplib
#endif

#if ANTIPHON_BENCH_CPR
#include <cpr/cpr.h>

namespace by_cpr {

class chain {
public:
    chain(load const& l, meter& m) : load_{l}, meter_{m}, left_{l.in_flight} {}
    void run() {
        for (std::size_t i = left_; i != 0; --i)
            ask();
        for (std::size_t left = left_; left != 0; left = left_)
            left_.wait(left);
    }

private:
    void ask() {
        static_cast<void>(cpr::GetCallback(
            [this, began = steady::now()](cpr::Response const& answer) {
                bool more = false;
                {
                    std::lock_guard const hold{mutex_};
                    more = meter_.answered(began, answer.status_code == 200);
                }
                if (more) return ask();
                if (left_.fetch_sub(1) == 1) left_.notify_all();
            },
            cpr::Url{load_.url}, pool_));
    }
    load const& load_;
    meter& meter_;
    cpr::ConnectionPool pool_;
    std::mutex mutex_;
    std::atomic<std::size_t> left_;
};
inline void one_by_one(load const& l, meter& m) {
    cpr::Session session;
    session.SetUrl(cpr::Url{l.url});
    for (;;) {
        steady::time_point const began = steady::now();
        if (!m.answered(began, session.Get().status_code == 200)) return;
    }
}
inline void run(load const& l, meter& m) { l.in_flight == 1 ? one_by_one(l, m) : chain{l, m}.run(); }

}  // namespace by_cpr
#endif
