// SPDX-License-Identifier: BSL-1.0
#pragma once
// One-word shared ownership of what a context and its executors have in common: for those who write execution contexts.

#include <atomic>
#include <cstdint>
#include <utility>

namespace antiphon {

/// Base of a core: counts who refers to it.
class counted {
public:
    counted(counted const&) = delete;
    counted& operator=(counted const&) = delete;

    // relaxed: whoever copies a reference holds one already
    void add_ref() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
    /// True for the last one, who must delete it.
    [[nodiscard]] bool drop_ref() noexcept {
        // acq_rel pairs with the other droppers': the last one sees all their uses
        return refs_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    }

protected:
    counted() noexcept = default;
    ~counted() = default;

private:
    std::atomic<std::uint32_t> refs_{1};
};

/// A counted reference to a `Core`; never null: what was moved from still refers to it.
template <class Core>
class shared_core {
public:
    /// Adopts the reference that a new core starts with.
    explicit shared_core(Core* fresh) noexcept : core_{fresh} {}
    /// One more reference to a core that somebody keeps alive.
    [[nodiscard]] static shared_core another(Core& core) noexcept {
        core.add_ref();
        return shared_core{&core};
    }
    shared_core(shared_core const& other) noexcept : core_{other.core_} { core_->add_ref(); }
    shared_core& operator=(shared_core const& other) noexcept {
        shared_core copy{other};
        std::swap(core_, copy.core_);
        return *this;
    }
    ~shared_core() {
        if (core_->drop_ref()) delete core_;
    }

    [[nodiscard]] Core* get() const noexcept { return core_; }
    [[nodiscard]] Core& operator*() const noexcept { return *core_; }
    [[nodiscard]] Core* operator->() const noexcept { return core_; }
    [[nodiscard]] bool operator==(shared_core const&) const noexcept = default;

private:
    Core* core_;
};

}  // namespace antiphon
