// SPDX-License-Identifier: BSL-1.0
#pragma once
// One request, asked about every file in four ways.

#include <antiphon/antiphon.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <latch>
#include <span>
#include <utility>
#include <vector>

#include "digest_file.hpp"
#include "progress.hpp"
#include "tree.hpp"

using files = std::span<entry const>;
using answers = std::vector<digest_answer>;

/// Synchronously: each file when the one before is done, in this thread.
[[nodiscard]] inline answers by_call(digest_request const& ask, files all, progress& bar) {
    answers found;
    for (entry const& file : all) {
        found.push_back(ask.call(file.path));
        bar.tick();
    }
    return found;
}

/// Asynchronously: all at once; each answer arrives in a callback, exactly once, on the request's executor.
[[nodiscard]] inline answers by_callback(digest_request const& ask, files all, progress& bar) {
    answers found(all.size(), antiphon::errc::unknown);
    std::latch left{static_cast<std::ptrdiff_t>(all.size())};
    for (std::size_t i = 0; i < all.size(); ++i) {
        ask.submit(all[i].path, [&, i](digest_answer arrived) {
            found[i] = std::move(arrived);
            bar.tick();
            left.count_down();
        });
    }
    left.wait();
    return found;
}

/// The hybrid: waits a moment for each answer, and lets it come later when it takes longer. Counts the punctual ones.
[[nodiscard]] inline answers by_hybrid(digest_request const& ask, files all, progress& bar, antiphon::duration patience,
                                       std::size_t& at_once) {
    std::vector<antiphon::future<digest>> asked;
    for (entry const& file : all) {
        asked.push_back(ask.call_for(patience, file.path));
        if (asked.back().ready()) ++at_once;
    }
    answers found;
    for (auto& future : asked) {
        found.push_back(std::move(future).get());
        bar.tick();
    }
    return found;
}

/// A coroutine that keeps some asks under way and awaits the oldest; it never holds a thread while it waits.
[[nodiscard]] inline antiphon::task<answers> await_all(digest_request ask, files all, progress& bar, std::size_t window) {
    answers found;
    std::deque<antiphon::future<digest>> under_way;
    for (std::size_t next = 0; found.size() < all.size();) {
        while (next < all.size() && under_way.size() < window)
            under_way.push_back(ask.submit(all[next++].path));
        found.push_back(co_await std::move(under_way.front()));
        under_way.pop_front();
        bar.tick();
    }
    co_return found;
}
[[nodiscard]] inline answers by_coroutine(digest_request const& ask, files all, progress& bar, std::size_t window) {
    antiphon::request whole{[&] { return await_all(ask, all, bar, window); }};
    return whole.call().value();
}
