// SPDX-License-Identifier: BSL-1.0
#pragma once
// The kinds of value that a result may have, for suites that hold over all of them.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"

namespace test {

/// Moves, never copies; moved from, it reads as -1.
struct move_only {
    explicit move_only(int n) : number{std::make_unique<int>(n)} {}
    [[nodiscard]] int read() const { return number ? *number : -1; }
    friend bool operator==(move_only const& a, move_only const& b) { return a.read() == b.read(); }

    std::unique_ptr<int> number;
};

/// Its copies and moves may throw, and do while a `throwing_move::armed` is alive anywhere.
class throwing_move {
public:
    class armed {
    public:
        armed() { ++guards; }
        armed(armed const&) = delete;
        armed& operator=(armed const&) = delete;
        ~armed() { --guards; }
    };

    explicit throwing_move(int n) : number_{n} {}
    throwing_move(throwing_move const& other) : number_{check(other.number_)} {}
    throwing_move(throwing_move&& other) noexcept(false) : number_{check(other.number_)} { other.number_ = -1; }
    throwing_move& operator=(throwing_move const& other) {
        number_ = check(other.number_);
        return *this;
    }
    throwing_move& operator=(throwing_move&& other) noexcept(false) {
        number_ = check(other.number_);
        if (this != &other) other.number_ = -1;
        return *this;
    }
    ~throwing_move() = default;

    [[nodiscard]] int read() const { return number_; }
    friend bool operator==(throwing_move const& a, throwing_move const& b) { return a.number_ == b.number_; }

private:
    static int check(int n) {
#if ANTIPHON_EXCEPTIONS
        if (guards.load() != 0) throw std::runtime_error{"throwing_move: armed"};
#endif
        return n;
    }

    static inline std::atomic<int> guards{0};
    int number_;
};

/// Needs a cache line of its own; reads as -1 where it does not lie on one.
struct alignas(64) overaligned {
    explicit overaligned(int n) : number{n} {}
    [[nodiscard]] int read() const { return reinterpret_cast<std::uintptr_t>(this) % 64 == 0 ? number : -1; }
    friend bool operator==(overaligned const& a, overaligned const& b) { return a.read() == b.read(); }

    int number;
};

/// Knows how many of its kind are alive, in all threads.
class counted {
public:
    counted() : counted{0} {}
    explicit counted(int n) : number_{n} { ++living; }
    counted(counted const& other) : number_{other.number_} { ++living; }
    counted(counted&& other) noexcept : number_{std::exchange(other.number_, -1)} { ++living; }
    counted& operator=(counted const& other) = default;
    counted& operator=(counted&& other) noexcept {
        number_ = std::exchange(other.number_, -1);
        return *this;
    }
    ~counted() { --living; }

    [[nodiscard]] int read() const { return number_; }
    [[nodiscard]] static int alive() { return living.load(); }
    friend bool operator==(counted const& a, counted const& b) { return a.number_ == b.number_; }

private:
    static inline std::atomic<int> living{0};
    int number_;
};

/// A T that reads as n, 0 <= n < 16; for T = U& it refers to one of sixteen objects that live for ever.
template <class T>
[[nodiscard]] T make(int n) {
    if constexpr (std::is_reference_v<T>) {
        static std::array<std::remove_cvref_t<T>, 16> targets = []<std::size_t... I>(std::index_sequence<I...>) {
            return std::array{std::remove_cvref_t<T>(static_cast<int>(I))...};
        }(std::make_index_sequence<16>{});
        return targets[static_cast<std::size_t>(n)];
    } else {
        return T(n);
    }
}
template <class T>
    requires std::is_void_v<T>
void make(int) {}

/// The number that a value was made of.
template <class T>
[[nodiscard]] int read(T const& value) {
    if constexpr (std::is_convertible_v<T const&, int>) {
        return value;
    } else {
        return value.read();
    }
}

}  // namespace test

/// The types over which law suites run: `TEMPLATE_TEST_CASE("...", "[law]", ANTIPHON_LAW_TYPES)`.
#define ANTIPHON_LAW_TYPES int, void, int&, ::test::move_only, ::test::throwing_move, ::test::overaligned
