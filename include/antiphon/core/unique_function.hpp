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

template <class R, class F, class... Args>
concept callable_as = std::is_invocable_r_v<R, F&, Args...>;

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

}  // namespace detail

/// Any callable of a signature, owned by one.
/// **Threads**: as safe as the callable. **Errors**: calling an empty one asserts, and without assertions terminates.
/// **Cost**: four words. A callable of up to three words whose move cannot throw is stored in place; a larger one takes one
/// allocation. Moving never allocates or throws.
template <class R, class... Args>
class [[nodiscard]] unique_function<R(Args...)> {
public:
    unique_function() noexcept = default;
    unique_function(std::nullptr_t) noexcept {}
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, unique_function> && detail::callable_as<R, std::decay_t<F>, Args...> &&
                 std::constructible_from<std::decay_t<F>, F>)
    unique_function(F&& callable) {
        using target = std::decay_t<F>;
        if (detail::is_null_callable<target>(callable)) return;
        if constexpr (in_place<target>) {
            ::new (static_cast<void*>(buffer_)) target(std::forward<F>(callable));
        } else {
            ::new (static_cast<void*>(buffer_)) target*(new target(std::forward<F>(callable)));
        }
        table_ = &table_of<target>;
    }
    unique_function(unique_function&& other) noexcept { take(other); }
    unique_function& operator=(unique_function&& other) noexcept {
        if (this != &other) {
            // What was held dies last, so that its destructor finds *this whole.
            unique_function const old{std::move(*this)};
            take(other);
        }
        return *this;
    }
    unique_function& operator=(std::nullptr_t) noexcept {
        unique_function const old{std::move(*this)};
        return *this;
    }
    ~unique_function() {
        if (table_ != nullptr) table_->destroy(buffer_);
    }

    void swap(unique_function& other) noexcept { std::swap(*this, other); }
    friend void swap(unique_function& a, unique_function& b) noexcept { a.swap(b); }

    [[nodiscard]] explicit operator bool() const noexcept { return table_ != nullptr; }
    [[nodiscard]] friend bool operator==(unique_function const& f, std::nullptr_t) noexcept { return !f; }

    R operator()(Args... args) {
        assert(table_ != nullptr && "unique_function: called while empty");
        if (table_ == nullptr) std::terminate();
        return table_->call(buffer_, std::forward<Args>(args)...);
    }

private:
    struct table {
        R (*call)(void* self, Args&&... args);
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
    static R call(void* self, Args&&... args) {
        if constexpr (std::is_void_v<R>) {
            static_cast<void>(detail::invoke(get<F>(self), std::forward<Args>(args)...));
        } else {
            return static_cast<R>(detail::invoke(get<F>(self), std::forward<Args>(args)...));
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

    void take(unique_function& other) noexcept {
        if (other.table_ == nullptr) return;
        other.table_->relocate(other.buffer_, buffer_);
        table_ = std::exchange(other.table_, nullptr);
    }

    table const* table_ = nullptr;
    alignas(void*) std::byte buffer_[capacity];
};

static_assert(sizeof(unique_function<void()>) == 4 * sizeof(void*));
static_assert(std::is_nothrow_move_constructible_v<unique_function<int(int)>> &&
              !std::is_copy_constructible_v<unique_function<int(int)>>);

}  // namespace antiphon
