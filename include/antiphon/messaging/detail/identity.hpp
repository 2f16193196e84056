// SPDX-License-Identifier: BSL-1.0
#pragma once
// Names that nobody can guess: of inboxes, and of the asks in them.

#include <atomic>
#include <bit>
#include <cstdint>
#include <random>

#include "antiphon/execution/any_executor.hpp"
#include "antiphon/messaging/message.hpp"

namespace antiphon::messaging::detail {

/// 64 bits from the operating system; under a clock of its own, from the executor's source, so that a simulation replays.
[[nodiscard]] inline std::uint64_t entropy(any_executor const& e) {
    if (e.own_clock()) return e.random();
    std::random_device source;
    return (std::uint64_t{source()} << 32) ^ source();
}

/// A keyed function of 64 bits that nobody can tell from chance without its key.
/// **Source**: Aumasson, Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012; SipHash-2-4 of the eight bytes of `word`.
[[nodiscard]] constexpr std::uint64_t siphash(std::uint64_t k0, std::uint64_t k1, std::uint64_t word) noexcept {
    std::uint64_t v0 = k0 ^ 0x736f6d6570736575u, v1 = k1 ^ 0x646f72616e646f6du;
    std::uint64_t v2 = k0 ^ 0x6c7967656e657261u, v3 = k1 ^ 0x7465646279746573u;
    auto const round = [&]() noexcept {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    };
    auto const take = [&](std::uint64_t m) noexcept {
        v3 ^= m;
        round();
        round();
        v0 ^= m;
    };
    take(word);
    take(std::uint64_t{8} << 56);  // the length
    v2 ^= 0xFF;
    for (int i = 0; i < 4; ++i)
        round();
    return v0 ^ v1 ^ v2 ^ v3;
}
// The paper's test vector: the key 00…0f, the message 00…07.
static_assert(siphash(0x0706050403020100u, 0x0f0e0d0c0b0a0908u, 0x0706050403020100u) == 0x93f5f5799a932462u);

/// **Threads**: any.
class id_source {
public:
    explicit id_source(any_executor const& e) : inbox_{entropy(e), entropy(e)}, k0_{entropy(e)}, k1_{entropy(e)} {}
    [[nodiscard]] inbox_id inbox() const noexcept { return inbox_; }
    /// Never 0.
    [[nodiscard]] std::uint64_t next() noexcept {
        for (;;) {
            // relaxed: only the numbers' distinctness matters
            std::uint64_t const id = siphash(k0_, k1_, count_.fetch_add(1, std::memory_order_relaxed));
            if (id != 0) return id;
        }
    }

private:
    inbox_id inbox_;
    std::uint64_t k0_, k1_;
    std::atomic<std::uint64_t> count_{0};
};

}  // namespace antiphon::messaging::detail
