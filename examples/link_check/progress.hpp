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
#include <string>
#include <utility>

/// A request that is asked again and again, for as long as this lives.
class progress {
public:
    explicit progress(std::size_t total) : total_{total} {
        antiphon::request const look{[this] { terminal_ ? draw_bar() : write_line(); }};
        drawing_ =
            (look | antiphon::every(terminal_ ? std::chrono::milliseconds{50} : std::chrono::milliseconds{2000})).submit([](auto) {});
    }
    progress(progress const&) = delete;
    progress& operator=(progress const&) = delete;
    ~progress() {
        drawing_.request_stop();
        static_cast<void>(std::move(drawing_).get());
        terminal_ ? fmt::print(stderr, "\r\x1b[K") : write_line();
    }

    void tick(bool good) {
        (good ? good_ : broken_).fetch_add(1, std::memory_order_relaxed);  // only ever shown
    }

private:
    void write_line() const { fmt::print(stderr, "{} of {} links, {} broken\n", good_ + broken_, total_, broken_.load()); }
    void draw_bar() const {
        constexpr std::size_t width = 40;
        std::size_t const done = good_ + broken_;
        std::size_t const filled = total_ != 0 ? done * width / total_ : width;
        fmt::print(stderr, "\r[{}{}] {}/{}", std::string(filled, '='), std::string(width - filled, ' '), done, total_);
        if (broken_ != 0) fmt::print(stderr, "  {} broken", broken_.load());
        fmt::print(stderr, "\x1b[K");
        std::fflush(stderr);
    }

    std::size_t const total_;
    bool const terminal_ = ::isatty(STDERR_FILENO) != 0;
    std::atomic<std::size_t> good_{0}, broken_{0};
    antiphon::future<std::uint64_t> drawing_ = antiphon::make_future<std::uint64_t>(0);
};
