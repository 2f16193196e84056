// SPDX-License-Identifier: BSL-1.0
#pragma once
// One reference to a state.

#include <utility>

#include "antiphon/fwd.hpp"

namespace antiphon::detail {

class state_base;

/// An intrusive pointer to a state.
template <class S = state_base>
class state_ptr {
public:
    state_ptr() noexcept = default;
    /// Adopts one reference.
    explicit state_ptr(S* adopted) noexcept : state_{adopted} {}
    state_ptr(state_ptr&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
    state_ptr& operator=(state_ptr&& other) noexcept {
        state_ptr{std::move(other)}.swap(*this);
        return *this;
    }
    ~state_ptr() {
        if (state_ != nullptr) state_->release();
    }
    void swap(state_ptr& other) noexcept { std::swap(state_, other.state_); }
    [[nodiscard]] S* get() const noexcept { return state_; }
    [[nodiscard]] S* release() noexcept { return std::exchange(state_, nullptr); }
    S* operator->() const noexcept { return state_; }
    S& operator*() const noexcept { return *state_; }
    explicit operator bool() const noexcept { return state_ != nullptr; }

private:
    S* state_ = nullptr;
};

}  // namespace antiphon::detail
