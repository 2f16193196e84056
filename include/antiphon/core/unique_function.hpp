// SPDX-License-Identifier: BSL-1.0
#pragma once
// A std::function that is move-only, so that it can hold what only moves.

#include <cassert>
#include <concepts>
#include <cstddef>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "antiphon/core/invoke.hpp"
#include "antiphon/core/lifetime.hpp"

namespace antiphon {

template <class Signature>
class unique_function;

namespace detail {

template <class F>
inline constexpr bool is_unique_function = false;
template <class Signature>
inline constexpr bool is_unique_function<unique_function<Signature>> = true;

/// How the callable is called: as itself, or, for a signature that is const, as const.
template <bool Const, class F>
using called_as = std::conditional_t<Const, F const&, F&>;
template <bool Const, bool Noexcept, class R, class F, class... Args>
concept callable_as = std::is_invocable_r_v<R, called_as<Const, F>, Args...> &&
                      (!Noexcept || std::is_nothrow_invocable_r_v<R, called_as<Const, F>, Args...>);

// Null pointers, and wrappers that say they are empty, make an empty unique_function; a lambda never does, though one
// without captures converts to bool by way of a pointer.
template <class F>
[[nodiscard]] bool is_null_callable(F const& callable) noexcept {
    if constexpr (std::is_pointer_v<F> || std::is_member_pointer_v<F> || is_unique_function<F>) {
        return callable == nullptr;
    } else if constexpr (std::is_class_v<F> && requires {
                             typename F::result_type;
                             callable == nullptr;
                         }) {
        return static_cast<bool>(callable == nullptr);
    } else {
        return false;
    }
}

/// What every `unique_function` is, by the parts of its signature.
template <bool Const, bool Noexcept, class R, class... Args>
class function_box {
public:
    function_box() noexcept = default;
    function_box(std::nullptr_t) noexcept {}
    template <class F>
        requires(!std::derived_from<std::remove_cvref_t<F>, function_box> &&
                 callable_as<Const, Noexcept, R, std::decay_t<F>, Args...> && std::constructible_from<std::decay_t<F>, F>)
    function_box(F&& callable) {
        if (!detail::is_null_callable<std::decay_t<F>>(callable)) hold<std::decay_t<F>>(std::forward<F>(callable));
    }
    /// Holds an F made of `args`, in its place.
    template <class F, class... A>
        requires(callable_as<Const, Noexcept, R, F, Args...> && std::constructible_from<F, A...>)
    explicit function_box(std::in_place_type_t<F>, A&&... args) {
        hold<F>(std::forward<A>(args)...);
    }
    function_box(function_box&& other) noexcept { take(other); }
    function_box& operator=(function_box&& other) noexcept {
        if (this != &other) {
            // What was held dies last, so that its destructor finds *this whole.
            function_box const old{std::move(*this)};
            take(other);
        }
        return *this;
    }
    function_box& operator=(std::nullptr_t) noexcept {
        function_box const old{std::move(*this)};
        return *this;
    }
    ~function_box() {
        if (table_ != nullptr) table_->destroy(buffer_);
    }

    void swap(function_box& other) noexcept { std::swap(*this, other); }
    friend void swap(function_box& a, function_box& b) noexcept { a.swap(b); }

    [[nodiscard]] explicit operator bool() const noexcept { return table_ != nullptr; }
    [[nodiscard]] friend bool operator==(function_box const& f, std::nullptr_t) noexcept { return !f; }

    R operator()(Args... args) noexcept(Noexcept)
        requires(!Const)
    {
        return target().call(buffer_, std::forward<Args>(args)...);
    }
    R operator()(Args... args) const noexcept(Noexcept)
        requires Const
    {
        return target().call(const_cast<std::byte*>(buffer_), std::forward<Args>(args)...);
    }

private:
    struct table {
        R (*call)(void* self, Args&&... args) noexcept(Noexcept);
        void (*relocate)(void* from, void* to) noexcept;
        void (*destroy)(void* self) noexcept;
    };

    static constexpr std::size_t capacity = 3 * sizeof(void*);
    template <class F>
    static constexpr bool in_place = sizeof(F) <= capacity && alignof(F) <= alignof(void*) && std::is_nothrow_move_constructible_v<F>;

    template <class F>
    [[nodiscard]] static F& get(void* self) noexcept {
        if constexpr (in_place<F>) {
            return *std::launder(static_cast<F*>(self));
        } else {
            return **std::launder(static_cast<F**>(self));
        }
    }
    template <class F>
    static R call(void* self, Args&&... args) noexcept(Noexcept) {
        called_as<Const, F> callable = get<F>(self);
        if constexpr (std::is_void_v<R>) {
            static_cast<void>(detail::invoke(callable, std::forward<Args>(args)...));
        } else {
            return static_cast<R>(detail::invoke(callable, std::forward<Args>(args)...));
        }
    }
    template <class F>
    static void relocate(void* from, void* to) noexcept {
        if constexpr (in_place<F>) {
            F& callable = get<F>(from);
            ::new (to) F(std::move(callable));
            detail::destroy_at(&callable);
        } else {
            ::new (to) F*(&get<F>(from));
        }
    }
    template <class F>
    static void destroy(void* self) noexcept {
        if constexpr (in_place<F>) {
            detail::destroy_at(&get<F>(self));
        } else {
            delete &get<F>(self);
        }
    }
    template <class F>
    static constexpr table table_of{&call<F>, &relocate<F>, &destroy<F>};

    [[nodiscard]] table const& target() const noexcept {
        assert(table_ != nullptr && "unique_function: called while empty");
        if (table_ == nullptr) std::terminate();
        return *table_;
    }
    template <class F, class... A>
    void hold(A&&... args) {
        if constexpr (in_place<F>) {
            ::new (static_cast<void*>(buffer_)) F(std::forward<A>(args)...);
        } else {
            ::new (static_cast<void*>(buffer_)) F*(new F(std::forward<A>(args)...));
        }
        table_ = &table_of<F>;
    }
    void take(function_box& other) noexcept {
        if (other.table_ == nullptr) return;
        other.table_->relocate(other.buffer_, buffer_);
        table_ = std::exchange(other.table_, nullptr);
    }

    table const* table_ = nullptr;
    alignas(void*) std::byte buffer_[capacity];
};

template <class Signature>
struct function_of;
template <class R, class... Args>
struct function_of<R(Args...)> : std::type_identity<function_box<false, false, R, Args...>> {};
template <class R, class... Args>
struct function_of<R(Args...) const> : std::type_identity<function_box<true, false, R, Args...>> {};
template <class R, class... Args>
struct function_of<R(Args...) noexcept> : std::type_identity<function_box<false, true, R, Args...>> {};
template <class R, class... Args>
struct function_of<R(Args...) const noexcept> : std::type_identity<function_box<true, true, R, Args...>> {};

}  // namespace detail

/// Any callable of a signature, owned by one. The signature may be const (then it is called as const, and by a const wrapper), noexcept, or both.
/// **Threads**: as safe as the callable. **Errors**: calling an empty one asserts, and without assertions terminates.
/// **Cost**: four words. A callable of up to three words whose move cannot throw is stored in place; a larger one takes one
/// allocation. Moving never allocates or throws.
template <class Signature>
class [[nodiscard]] unique_function : public detail::function_of<Signature>::type {
    using base = typename detail::function_of<Signature>::type;

public:
    using base::base;
    unique_function() noexcept = default;
    unique_function& operator=(std::nullptr_t) noexcept {
        base::operator=(nullptr);
        return *this;
    }
};

}  // namespace antiphon
