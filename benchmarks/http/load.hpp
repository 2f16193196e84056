// SPDX-License-Identifier: BSL-1.0
#pragma once
// A closed loop: so many asks under way, each answer followed by the next ask, for so long, and half as long before to warm up.

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using steady = std::chrono::steady_clock;

struct load {
    std::string url;
    std::string host;
    int port = 80;
    std::string path;
    std::size_t in_flight = 1;
    std::size_t active = 64;  ///< transfers at once, where a peer queues in front of its library
    std::chrono::milliseconds length{1000};
};

/// `http://host:port/path`, as the scripts give it.
[[nodiscard]] inline load parsed(std::string url) {
    load l;
    std::size_t const host = std::string{"http://"}.size();
    std::size_t const colon = url.find(':', host);
    std::size_t const slash = url.find('/', colon);
    if (colon == std::string::npos || slash == std::string::npos) std::exit(2);
    l.host = url.substr(host, colon - host);
    l.port = std::atoi(url.c_str() + colon + 1);
    l.path = url.substr(slash);
    l.url = std::move(url);
    return l;
}

/// What a run took. **Threads**: `answered` from one at a time.
class meter {
public:
    explicit meter(load const& l) : warm_{steady::now() + l.length / 2}, end_{warm_ + l.length} { took_.reserve(1U << 20); }

    /// False: the run is over.
    [[nodiscard]] bool answered(steady::time_point began, bool good) {
        steady::time_point const now = steady::now();
        if (now >= end_) {
            if (!stopped_) finish(now);
            return false;
        }
        if (now < warm_) return true;
        if (!started_) start(now);
        good ? took_.push_back(std::chrono::duration<float, std::micro>(now - began).count()) : void(++failed_);
        return true;
    }
    void print(char const* who) {
        if (took_.empty()) {
            std::printf("{\"who\": \"%s\", \"failed\": %zu}\n", who, failed_);
            return;
        }
        std::sort(took_.begin(), took_.end());
        double const seconds = std::chrono::duration<double>(over_ - began_).count();
        double const n = static_cast<double>(took_.size());
        std::printf("{\"who\": \"%s\", \"rps\": %.0f, \"p50\": %.1f, \"p99\": %.1f, \"cpu\": %.2f, \"failed\": %zu}\n", who,
                    n / seconds, at(0.5), at(0.99), (cpu_after_ - cpu_before_) * 1e6 / n, failed_);
    }

private:
    [[nodiscard]] static double cpu() {
        ::rusage used{};
        ::getrusage(RUSAGE_SELF, &used);
        auto const seconds = [](::timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
        return seconds(used.ru_utime) + seconds(used.ru_stime);
    }
    void start(steady::time_point now) {
        started_ = true;
        began_ = now;
        cpu_before_ = cpu();
    }
    void finish(steady::time_point now) {
        stopped_ = true;
        over_ = now;
        cpu_after_ = cpu();
    }
    [[nodiscard]] double at(double q) const {
        return static_cast<double>(took_[static_cast<std::size_t>(q * static_cast<double>(took_.size() - 1))]);
    }

    steady::time_point const warm_, end_;
    steady::time_point began_{}, over_{};
    bool started_ = false, stopped_ = false;
    double cpu_before_ = 0, cpu_after_ = 0;
    std::vector<float> took_;
    std::size_t failed_ = 0;
};
