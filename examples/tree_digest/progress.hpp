// SPDX-License-Identifier: BSL-1.0
#pragma once
// How far it is: a bar that moves on a terminal, a plain line now and then anywhere else. Written to stderr.

#include <fmt/core.h>
#include <unistd.h>

#include <antiphon/antiphon.hpp>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

/// **Threads**: `tick` may be called from any; a thread that finds another one writing goes on without.
class progress {
public:
    progress(std::string_view what, std::size_t total) : what_{what}, total_{total} {}
    progress(progress const&) = delete;
    progress& operator=(progress const&) = delete;
    ~progress() { terminal_ ? fmt::print(stderr, "\r\x1b[K") : write_line(); }

    void tick() {
        done_.fetch_add(1, std::memory_order_relaxed);  // only ever shown
        std::unique_lock const writing{mutex_, std::try_to_lock};
        if (!writing || antiphon::clock::now() < next_) return;
        terminal_ ? draw_bar() : write_line();
        next_ = antiphon::clock::now() + (terminal_ ? std::chrono::milliseconds{40} : std::chrono::milliseconds{2000});
    }

private:
    void write_line() const { fmt::print(stderr, "{}: {} of {} files\n", what_, done_.load(), total_); }
    void draw_bar() const {
        constexpr std::size_t width = 32;
        std::size_t const done = done_;
        std::size_t const filled = total_ != 0 ? done * width / total_ : width;
        fmt::print(stderr, "\r{:<26} [{}{}] {}/{}\x1b[K", what_, std::string(filled, '='), std::string(width - filled, ' '), done,
                   total_);
        std::fflush(stderr);
    }

    std::string const what_;
    std::size_t const total_;
    bool const terminal_ = ::isatty(STDERR_FILENO) != 0;
    std::atomic<std::size_t> done_{0};
    std::mutex mutex_;
    antiphon::time_point next_ = antiphon::clock::now() + std::chrono::milliseconds{terminal_ ? 0 : 2000};
};
