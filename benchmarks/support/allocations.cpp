// SPDX-License-Identifier: BSL-1.0
// Counts what each thread allocates; a thread-local increment, the same for antiphon and its peers.

#include <cstdlib>
#include <new>

#include "support/bench.hpp"

namespace {

constinit thread_local bench::heap_use used;

void* allocate(std::size_t size) {
    ++used.allocations;
    used.bytes += size;
    if (void* const memory = std::malloc(size != 0 ? size : 1)) return memory;
    throw std::bad_alloc{};
}
void* allocate(std::size_t size, std::align_val_t alignment) {
    ++used.allocations;
    used.bytes += size;
    auto const unit = static_cast<std::size_t>(alignment);
    if (void* const memory = std::aligned_alloc(unit, (size + unit - 1) / unit * unit)) return memory;
    throw std::bad_alloc{};
}

}  // namespace

bench::heap_use bench::heap() noexcept { return used; }

void* operator new(std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) { return allocate(size, alignment); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
