// SPDX-License-Identifier: BSL-1.0
// Replaces the global operator new and delete, once for the whole test program.

#include "support/allocations.hpp"

#include <cstdlib>
#include <limits>
#include <new>

#include "antiphon/core/config.hpp"

namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
thread_local std::size_t count = 0;
thread_local std::size_t allowed = unlimited;

void* checked(void* memory) {
    if (memory != nullptr) return memory;
#if ANTIPHON_EXCEPTIONS
    throw std::bad_alloc{};
#else
    std::abort();
#endif
}

bool permitted() noexcept {
    ++count;
    if (allowed == unlimited) return true;
    if (allowed == 0) return false;
    --allowed;
    return true;
}

}  // namespace

namespace test {

std::size_t allocations() noexcept { return count; }

failing_allocations::failing_allocations(std::size_t after) noexcept : outer_{allowed} { allowed = after; }
failing_allocations::~failing_allocations() { allowed = outer_; }

}  // namespace test

// The array and the nothrow forms of the standard library end in these.
void* operator new(std::size_t size) { return checked(permitted() ? std::malloc(size != 0 ? size : 1) : nullptr); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    auto const unit = static_cast<std::size_t>(alignment);
    return checked(permitted() ? std::aligned_alloc(unit, (size + unit - 1) / unit * unit) : nullptr);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
