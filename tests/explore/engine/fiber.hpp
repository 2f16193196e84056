// SPDX-License-Identifier: BSL-1.0
#pragma once
// A thread of the explored program: a fiber with the stack and the thread control block of a thread.

#include <cstddef>
#include <cstdint>

namespace explore {

/// All fibers run on one system thread, so that a switch costs nanoseconds and an execution can be abandoned at any point. What makes
/// them threads to the program (pthread_self, errno, thread_local, exceptions in flight) lives in the thread control block, which the
/// FS register of x86-64 points to: each fiber borrows that of a system thread of its own, which sleeps for ever.
class fiber {
public:
    fiber();
    fiber(fiber const&) = delete;
    fiber& operator=(fiber const&) = delete;

    /// Makes it new: whatever it was doing is forgotten, its thread_locals are as at the start of a thread. `main` never returns.
    void prepare(void (*main)(void*), void* argument);
    /// Goes on in `to`; comes back when somebody switches here.
    static void change(fiber& from, fiber& to);

    /// What the program knows it by: its pthread_t.
    [[nodiscard]] std::uintptr_t handle() const { return block_; }
    [[nodiscard]] bool owns_stack_address(std::uintptr_t a) const { return a >= low_ && a < low_ + stack_size; }
    [[nodiscard]] std::uintptr_t stack_in_use() const { return reinterpret_cast<std::uintptr_t>(stack_pointer_); }
    [[nodiscard]] std::uintptr_t stack_end() const { return low_ + stack_size; }

    /// The engine's own context: the system thread that everything runs on.
    struct original {};
    explicit fiber(original);

private:
    static constexpr std::size_t stack_size = std::size_t{256} << 10;
    static void* donate(void* self);

    void* stack_pointer_ = nullptr;
    std::uintptr_t block_ = 0;  ///< address of the thread control block
    std::uintptr_t low_ = 0;    ///< of the stack
    void* locals_ = nullptr;    ///< the program's thread_locals in that block, and their values at the start of a thread
    void const* image_ = nullptr;
    std::size_t initialised_ = 0, locals_size_ = 0;
    void* exceptions_ = nullptr;
    unsigned ready_ = 0;
};

}  // namespace explore
