// SPDX-License-Identifier: BSL-1.0
#pragma once
// Which failures are worth another attempt: the codes that pass, and a predicate of the user's.

#include <atomic>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/invoke.hpp"

namespace antiphon {

/// Whether a failure may well be gone the next time: `unavailable`, `deadline_exceeded`, `aborted`, `resource_exhausted`, unless it
/// is an exception that the handler threw.
/// **Source**: gRPC, "Status codes and their use"; the codes that its retry examples list.
[[nodiscard]] inline bool is_transient(failure const& why) noexcept {
    if (why.code().category() != error_category() || why.exception() != nullptr) return false;
    switch (static_cast<errc>(why.code().value())) {
        case errc::unavailable:
        case errc::deadline_exceeded:
        case errc::aborted:
        case errc::resource_exhausted: return true;
        default: return false;
    }
}

/// A question about a failure: `is_transient`, or any `bool(failure const&)`.
/// **Threads**: copies share the callable, which is called as const, wherever a failure arrives, several at once.
/// **Cost**: one word; making one from a callable is one allocation, copying none.
class failure_predicate {
public:
    failure_predicate() noexcept = default;
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, failure_predicate> &&
                 std::is_invocable_r_v<bool, std::decay_t<F> const&, failure const&>)
    failure_predicate(F&& f) : asked_{new holder<std::decay_t<F>>{std::forward<F>(f)}} {}
    failure_predicate(failure_predicate const& other) noexcept : asked_{other.asked_} {
        // relaxed: the copier holds one already
        if (asked_ != nullptr) asked_->refs.fetch_add(1, std::memory_order_relaxed);
    }
    failure_predicate(failure_predicate&& other) noexcept : asked_{std::exchange(other.asked_, nullptr)} {}
    failure_predicate& operator=(failure_predicate other) noexcept {
        std::swap(asked_, other.asked_);
        return *this;
    }
    ~failure_predicate() {
        // acq_rel pairs with the other decrements
        if (asked_ != nullptr && asked_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete asked_;
    }

    [[nodiscard]] bool operator()(failure const& why) const { return asked_ != nullptr ? asked_->ask(why) : is_transient(why); }
    /// Whether it is a callable of the user's.
    [[nodiscard]] explicit operator bool() const noexcept { return asked_ != nullptr; }

private:
    struct base {
        virtual ~base() = default;
        [[nodiscard]] virtual bool ask(failure const& why) const = 0;
        std::atomic<std::uint32_t> refs{1};
    };
    template <class F>
    struct holder final : base {
        template <class G>
        explicit holder(G&& g) : f(std::forward<G>(g)) {}
        [[nodiscard]] bool ask(failure const& why) const override { return static_cast<bool>(detail::invoke(f, why)); }
        F f;
    };
    base* asked_ = nullptr;
};

static_assert(sizeof(failure_predicate) == sizeof(void*));

}  // namespace antiphon
