// SPDX-License-Identifier: BSL-1.0
#pragma once
// A callable of the user's in the options of a policy: copies share it.

#include <atomic>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "antiphon/core/invoke.hpp"

namespace antiphon::detail {

template <class Signature>
class shared_function;

/// Any callable of a signature, called as const, or nothing.
/// **Threads**: as safe as the callable. **Cost**: one word; making one from a callable is one allocation, copying none.
template <class R, class... P>
class shared_function<R(P...)> {
public:
    shared_function() noexcept = default;
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, shared_function> && std::is_invocable_r_v<R, std::decay_t<F> const&, P...>)
    shared_function(F&& f) : held_{new holder<std::decay_t<F>>{std::forward<F>(f)}} {}
    shared_function(shared_function const& other) noexcept : held_{other.held_} {
        // relaxed: the copier holds one already
        if (held_ != nullptr) held_->refs.fetch_add(1, std::memory_order_relaxed);
    }
    shared_function(shared_function&& other) noexcept : held_{std::exchange(other.held_, nullptr)} {}
    shared_function& operator=(shared_function other) noexcept {
        std::swap(held_, other.held_);
        return *this;
    }
    ~shared_function() {
        // acq_rel pairs with the other decrements
        if (held_ != nullptr && held_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete held_;
    }

    [[nodiscard]] explicit operator bool() const noexcept { return held_ != nullptr; }
    /// Not when it is nothing.
    R operator()(P... args) const { return held_->call(std::forward<P>(args)...); }

private:
    struct base {
        virtual ~base() = default;
        [[nodiscard]] virtual R call(P... args) const = 0;
        std::atomic<std::uint32_t> refs{1};
    };
    template <class F>
    struct holder final : base {
        template <class G>
        explicit holder(G&& g) : f(std::forward<G>(g)) {}
        [[nodiscard]] R call(P... args) const override {
            if constexpr (std::is_void_v<R>) {
                static_cast<void>(detail::invoke(f, std::forward<P>(args)...));
            } else {
                return static_cast<R>(detail::invoke(f, std::forward<P>(args)...));
            }
        }
        F f;
    };
    base* held_ = nullptr;
};

}  // namespace antiphon::detail
