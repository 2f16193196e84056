// SPDX-License-Identifier: BSL-1.0
#pragma once
// One-word shared ownership of what a context and its executors have in common: for those who write execution contexts.

#include <atomic>
#include <cstdint>
#include <utility>

#include "antiphon/execution/detail/reference_stock.hpp"

namespace antiphon {

/// Base of a core: counts who refers to it.
class counted {
public:
    counted(counted const&) = delete;
    counted& operator=(counted const&) = delete;

    // relaxed: whoever copies a reference holds one already
    void add_ref(std::uint32_t count = 1) noexcept { refs_.fetch_add(count, std::memory_order_relaxed); }
    /// True for the last one, who must delete it.
    [[nodiscard]] bool drop_ref(std::uint32_t count = 1) noexcept {
        // acq_rel pairs with the other droppers': the last one sees all their uses
        return refs_.fetch_sub(count, std::memory_order_acq_rel) == count;
    }

protected:
    counted() noexcept = default;
    ~counted() = default;

private:
    std::atomic<std::uint32_t> refs_{1};
};

/// A counted reference to a `Core`; never null: what was moved from still refers to it. A core whose references come and go with every
/// ask says so by a member `bool lends() const noexcept`, true until its context ends: then threads keep some in stock.
template <class Core>
class shared_core {
public:
    /// Adopts the reference that a new core starts with.
    explicit shared_core(Core* fresh) noexcept : core_{fresh} {}
    /// One more reference to a core that somebody keeps alive.
    [[nodiscard]] static shared_core another(Core& core) noexcept {
        take(core);
        return shared_core{&core};
    }
    shared_core(shared_core const& other) noexcept : core_{other.core_} { take(*core_); }
    shared_core& operator=(shared_core const& other) noexcept {
        shared_core copy{other};
        std::swap(core_, copy.core_);
        return *this;
    }
    ~shared_core() { give(*core_); }

    [[nodiscard]] Core* get() const noexcept { return core_; }
    [[nodiscard]] Core& operator*() const noexcept { return *core_; }
    [[nodiscard]] Core* operator->() const noexcept { return core_; }
    [[nodiscard]] bool operator==(shared_core const&) const noexcept = default;

private:
    // Asked where it is used: a core may name references to itself before it is complete.
    static void take(Core& core) noexcept {
        if constexpr (requires { core.lends(); }) {
            detail::reference_stock<Core>::take(core);
        } else {
            core.add_ref();
        }
    }
    static void give(Core& core) noexcept {
        if constexpr (requires { core.lends(); }) {
            detail::reference_stock<Core>::give(core);
        } else if (core.drop_ref()) {
            delete &core;
        }
    }

    Core* core_;
};

}  // namespace antiphon
