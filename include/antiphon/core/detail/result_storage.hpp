// SPDX-License-Identifier: BSL-1.0
#pragma once
// Either a slot or a failure, in place, with the strong guarantee of std::expected.

#include <type_traits>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/invoke.hpp"
#include "antiphon/core/lifetime.hpp"

namespace antiphon::detail {

/// Tag: the value and the failure are converted from those of another result.
struct convert_t {
    explicit convert_t() = default;
};

/// What a `result` is made of. Slot is the value itself, a pointer for a reference, or an empty struct for void.
template <class Slot>
class result_storage {
    using bare = std::remove_cv_t<Slot>;

public:
    // The casts say what `Slot(argument)` means anyway, so that a user's -Wconversion stays out of this header.
    template <class Arg>
    explicit result_storage(std::in_place_t, Arg&& arg) noexcept(std::is_nothrow_constructible_v<Slot, Arg>)
        : slot(static_cast<bare>(std::forward<Arg>(arg))), has_value{true} {}
    template <class... Args>
    explicit result_storage(std::in_place_t, Args&&... args) noexcept(std::is_nothrow_constructible_v<Slot, Args...>)
        : slot(std::forward<Args>(args)...), has_value{true} {}
    template <class F, class... Args>
    explicit result_storage(from_invoke_t, F&& f, Args&&... args)
        : slot(static_cast<bare>(detail::invoke(std::forward<F>(f), std::forward<Args>(args)...))), has_value{true} {}
    template <class Result>
    explicit result_storage(convert_t, Result&& other) : has_value{other.has_value()} {
        if (has_value) {
            detail::construct_at(detail::addressof(slot), *std::forward<Result>(other));
        } else {
            detail::construct_at(detail::addressof(why), std::forward<Result>(other).error());
        }
    }
    explicit result_storage(failure reason) noexcept : why{std::move(reason)}, has_value{false} {}

    result_storage(result_storage const& other) noexcept(std::is_nothrow_copy_constructible_v<Slot>)
        requires std::is_copy_constructible_v<Slot>
        : has_value{other.has_value} {
        construct_like(other);
    }
    result_storage(result_storage&& other) noexcept(std::is_nothrow_move_constructible_v<Slot>)
        requires std::is_move_constructible_v<Slot>
        : has_value{other.has_value} {
        construct_like(std::move(other));
    }
    result_storage& operator=(result_storage const& other) noexcept(std::is_nothrow_copy_constructible_v<Slot> &&
                                                                    std::is_nothrow_copy_assignable_v<Slot>)
        requires(std::is_copy_constructible_v<Slot> && std::is_copy_assignable_v<Slot>)
    {
        return assign(other);
    }
    result_storage& operator=(result_storage&& other) noexcept(std::is_nothrow_move_constructible_v<Slot> &&
                                                               std::is_nothrow_move_assignable_v<Slot>)
        requires(std::is_move_constructible_v<Slot> && std::is_move_assignable_v<Slot>)
    {
        return assign(std::move(other));
    }
    ~result_storage() { destroy(); }

    template <class U>
    void assign_value(U&& value) {
        if (has_value) {
            slot = std::forward<U>(value);
        } else {
            replace_failure(std::forward<U>(value));
        }
    }
    void assign_failure(failure reason) noexcept {
        if (has_value) {
            detail::destroy_at(detail::addressof(slot));
            detail::construct_at(detail::addressof(why), std::move(reason));
            has_value = false;
        } else {
            why = std::move(reason);
        }
    }
    template <class... Args>
    void emplace(Args&&... args) noexcept {
        destroy();
        detail::construct_at(detail::addressof(slot), std::forward<Args>(args)...);
        has_value = true;
    }
    void swap(result_storage& other) {
        if (has_value && other.has_value) {
            using std::swap;
            swap(slot, other.slot);
        } else if (has_value) {
            failure reason{other.why};
            other.replace_failure(std::move(slot));
            assign_failure(std::move(reason));
        } else if (other.has_value) {
            other.swap(*this);
        } else {
            std::swap(why, other.why);
        }
    }

    union {
        Slot slot;    // if has_value
        failure why;  // unless has_value
    };
    bool has_value;

private:
    // Puts the failure back if building a value in its place throws.
    struct restore {
        result_storage& self;
        failure saved;
        ~restore() {
            if (!self.has_value) detail::construct_at(detail::addressof(self.why), std::move(saved));
        }
    };

    template <class Other>
    void construct_like(Other&& other) {
        if (has_value) {
            detail::construct_at(detail::addressof(slot), std::forward<Other>(other).slot);
        } else {
            detail::construct_at(detail::addressof(why), std::forward<Other>(other).why);
        }
    }
    template <class Other>
    result_storage& assign(Other&& other) {
        if (other.has_value) {
            assign_value(std::forward<Other>(other).slot);
        } else {
            assign_failure(std::forward<Other>(other).why);
        }
        return *this;
    }
    template <class U>
    void replace_failure(U&& value) {
        if constexpr (std::is_nothrow_constructible_v<Slot, U>) {
            emplace(std::forward<U>(value));
        } else {
            restore guard{*this, std::move(why)};
            detail::destroy_at(detail::addressof(why));
            detail::construct_at(detail::addressof(slot), std::forward<U>(value));
            has_value = true;
        }
    }
    void destroy() noexcept {
        if (has_value) {
            detail::destroy_at(detail::addressof(slot));
        } else {
            detail::destroy_at(detail::addressof(why));
        }
    }
};

}  // namespace antiphon::detail
