// SPDX-License-Identifier: BSL-1.0
#pragma once
// One of those who know prices. It can be killed: then what it has taken is never answered, as if its machine had gone.

#include <antiphon/antiphon.hpp>
#include <antiphon/messaging/client.hpp>

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "prices.hpp"

class worker {
public:
    template <class Transport>
    worker(std::string name, std::shared_ptr<Transport> over)
        : name_{std::move(name)},
          over_{over},
          bus_{std::in_place, *over},
          serving_{bus_->serve("prices.quote", service(), {}, price_codec{})} {}
    worker(worker const&) = delete;
    worker& operator=(worker const&) = delete;

    std::string const& name() const { return name_; }
    std::uint64_t quoted() const { return quoted_.load(); }
    bool dead() const { return dead_.load(); }

    /// The gentle way: takes nothing more, answers what it has, and what still comes to it goes to another.
    void drain() { static_cast<void>(serving_->drain().get()); }
    /// The hard way: no drain, no farewell.
    void kill() {
        dead_ = true;
        serving_.reset();
        bus_.reset();
        over_.reset();
    }

private:
    antiphon::request<price(query)> service() {
        namespace ap = antiphon;
        ap::request<price(query)> quote = [this](query q, ap::promise<price> reply) {
            if (dead()) {
                std::lock_guard const hold{lock_};
                lost_.push_back(std::move(reply));
                return;
            }
            if (q.quantity <= 0)
                return static_cast<void>(reply.set_failure({ap::errc::invalid_argument, "quantity: must be positive"}));
            long unit = 100;
            for (char const c : q.symbol)
                unit = (unit * 31 + c) % 10'000;
            ++quoted_;
            reply.set_value(price{(unit + 1) * q.quantity, name_});
        };
        return quote | ap::starts_on(pool_);
    }

    std::string name_;
    std::atomic<std::uint64_t> quoted_{0};
    std::atomic<bool> dead_{false};
    std::mutex lock_;
    std::vector<antiphon::promise<price>> lost_;
    antiphon::thread_pool pool_{{.threads = 1, .name = "worker"}};
    std::shared_ptr<void> over_;  // the connection
    std::optional<antiphon::messaging::client> bus_;
    std::optional<antiphon::messaging::responder> serving_;
};

/// From here on the signals that end a process wait for `work_until_told`, whatever threads there will be.
inline void wait_for_signals() {
    ::sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}
/// A worker's process: serves until SIGTERM or SIGINT, then drains. The exit code is 0 when everything it took was answered.
template <class Transport>
int work_until_told(std::shared_ptr<Transport> over) {
    worker w{"worker " + std::to_string(::getpid()), std::move(over)};
    fmt::print("ready\n");
    std::fflush(stdout);
    ::sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    int signal = 0;
    ::sigwait(&set, &signal);
    w.drain();
    fmt::print("{} quotes\n", w.quoted());
    return 0;
}
