// SPDX-License-Identifier: BSL-1.0
// Replaces the global operator new and delete, once for the whole test program.

#include "support/allocations.hpp"

#include <cstdlib>
#include <limits>
#include <new>

#include "antiphon/core/config.hpp"
#include "antiphon/core/node_cache.hpp"

namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
thread_local std::size_t count = 0;
thread_local std::size_t allowed = unlimited;

bool permitted() noexcept {
    ++count;
    if (allowed == unlimited) return true;
    if (allowed == 0) return false;
    --allowed;
    return true;
}

void* allocate(std::size_t size) noexcept { return permitted() ? std::malloc(size != 0 ? size : 1) : nullptr; }
void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
    auto const unit = static_cast<std::size_t>(alignment);
    return permitted() ? std::aligned_alloc(unit, (size + unit - 1) / unit * unit) : nullptr;
}

void* checked(void* memory) {
    if (memory != nullptr) return memory;
#if ANTIPHON_EXCEPTIONS
    throw std::bad_alloc{};
#else
    std::abort();
#endif
}

}  // namespace

namespace test {

std::size_t allocations_beside_reuse() noexcept { return count; }
std::size_t allocations() noexcept {
    antiphon::node_cache::keep_nothing();
    return count;
}

failing_allocations::failing_allocations(std::size_t after) noexcept : outer_{allowed} {
    antiphon::node_cache::keep_nothing();
    allowed = after;
}
failing_allocations::~failing_allocations() { allowed = outer_; }

}  // namespace test

// Every form, though the standard library's own would end in two of them: a sanitizer's would not.
void* operator new(std::size_t size) { return checked(allocate(size)); }
void* operator new[](std::size_t size) { return checked(allocate(size)); }
void* operator new(std::size_t size, std::align_val_t alignment) { return checked(allocate(size, alignment)); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return checked(allocate(size, alignment)); }
void* operator new(std::size_t size, std::nothrow_t const&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, std::nothrow_t const&) noexcept { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment, std::nothrow_t const&) noexcept { return allocate(size, alignment); }
void* operator new[](std::size_t size, std::align_val_t alignment, std::nothrow_t const&) noexcept { return allocate(size, alignment); }

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::nothrow_t const&) noexcept { std::free(memory); }
void operator delete[](void* memory, std::nothrow_t const&) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t, std::nothrow_t const&) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t, std::nothrow_t const&) noexcept { std::free(memory); }
