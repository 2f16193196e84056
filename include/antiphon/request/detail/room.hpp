// SPDX-License-Identifier: BSL-1.0
#pragma once
// Room behind an object, in its own allocation: for a part whose type the object does not know.

#include <cstddef>
#include <new>
#include <utility>

#include "antiphon/core/node_cache.hpp"

namespace antiphon::detail {

struct room {
    std::size_t size = 0;
    std::size_t alignment = 1;
};

/// An ask with room behind it. `Ask::behind()` tells, at the end, what room was asked for.
template <class Ask>
class roomy_ask final : public Ask {
public:
    /// Memory for the ask and its room, until `make`.
    class memory {
    public:
        explicit memory(room behind)
            : behind_{behind},
              at_{aligned(behind) ? ::operator new(size(behind), alignment(behind)) : node_cache::allocate(size(behind))} {}
        memory(memory const&) = delete;
        memory& operator=(memory const&) = delete;
        ~memory() {
            if (at_ != nullptr) give_back(at_, behind_);
        }
        [[nodiscard]] void* behind() const noexcept { return static_cast<std::byte*>(at_) + offset(behind_); }
        template <class... A>
        [[nodiscard]] roomy_ask* make(A&&... args) {
            auto* const made = ::new (at_) roomy_ask{std::forward<A>(args)...};
            at_ = nullptr;
            return made;
        }

    private:
        room behind_;
        void* at_;
    };

private:
    using Ask::Ask;
    ~roomy_ask() = default;

    void destroy() noexcept override {
        room const had = this->behind();
        this->~roomy_ask();
        give_back(this, had);
    }

    [[nodiscard]] static bool aligned(room behind) noexcept {
        return static_cast<std::size_t>(alignment(behind)) > __STDCPP_DEFAULT_NEW_ALIGNMENT__;
    }
    [[nodiscard]] static std::align_val_t alignment(room behind) noexcept {
        return std::align_val_t{behind.alignment > alignof(roomy_ask) ? behind.alignment : alignof(roomy_ask)};
    }
    [[nodiscard]] static std::size_t offset(room behind) noexcept {
        return (sizeof(roomy_ask) + behind.alignment - 1) / behind.alignment * behind.alignment;
    }
    [[nodiscard]] static std::size_t size(room behind) noexcept { return offset(behind) + behind.size; }
    static void give_back(void* at, room behind) noexcept {
        if (aligned(behind)) {
            ::operator delete(at, alignment(behind));
        } else {
            node_cache::deallocate(at, size(behind));
        }
    }
};

}  // namespace antiphon::detail
