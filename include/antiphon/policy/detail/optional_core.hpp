// SPDX-License-Identifier: BSL-1.0
#pragma once
// A counted reference that may be to nothing, in one word.

#include <utility>

#include "antiphon/execution/shared_core.hpp"

namespace antiphon::detail {

/// `shared_core`, or nothing.
template <class Core>
class optional_core {
public:
    constexpr optional_core() noexcept = default;
    /// Adopts the reference that a new core starts with.
    explicit optional_core(Core* fresh) noexcept : core_{fresh} {}
    optional_core(optional_core const& other) noexcept : core_{other.core_} {
        if (core_ != nullptr) core_->add_ref();
    }
    optional_core(optional_core&& other) noexcept : core_{std::exchange(other.core_, nullptr)} {}
    optional_core& operator=(optional_core other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~optional_core() {
        if (core_ != nullptr && core_->drop_ref()) delete core_;
    }
    [[nodiscard]] explicit operator bool() const noexcept { return core_ != nullptr; }
    [[nodiscard]] Core* operator->() const noexcept { return core_; }

private:
    Core* core_ = nullptr;
};

}  // namespace antiphon::detail
