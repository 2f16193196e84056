// SPDX-License-Identifier: BSL-1.0
#pragma once
// Futures for tests: answered, failed, or waiting for a promise.

#include <antiphon/request/future.hpp>
#include <antiphon/request/promise.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/values.hpp"

namespace test {

/// Answers a promise with the value that reads as n.
template <class T>
void fulfil(antiphon::promise<T>& p, int n) {
    if constexpr (std::is_void_v<T>) {
        p.set_value();
    } else if constexpr (std::is_reference_v<T>) {
        p.set_value(make<T>(n));
    } else {
        p.set_value(n);
    }
}
template <class T>
[[nodiscard]] antiphon::future<T> answered(int n = 0) {
    antiphon::promise<T> p;
    antiphon::future<T> f = p.get_future();
    fulfil(p, n);
    return f;
}
template <class T>
[[nodiscard]] antiphon::future<T> failed(antiphon::failure why = antiphon::errc::unavailable) {
    antiphon::promise<T> p;
    antiphon::future<T> f = p.get_future();
    p.set_failure(std::move(why));
    return f;
}
/// n promises, and their futures.
template <class T>
struct pending {
    explicit pending(std::size_t n) : promises(n) {
        for (auto& p : promises)
            futures.push_back(p.get_future());
    }
    std::vector<antiphon::promise<T>> promises;
    std::vector<antiphon::future<T>> futures;
};

}  // namespace test
