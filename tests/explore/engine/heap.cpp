// SPDX-License-Identifier: BSL-1.0
#include "heap.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace explore {

namespace {

void* map(std::uintptr_t at, std::size_t size) {
    void* const wanted = reinterpret_cast<void*>(at);
    void* const got =
        ::mmap(wanted, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != wanted) std::abort();
    return got;
}

}  // namespace

heap::heap() : base_{std::uintptr_t{0x100000000000}} {
    map(base_, capacity);
    owners_ = static_cast<std::uint32_t*>(map(base_ + 2 * capacity, capacity / 16 * sizeof(std::uint32_t)));
}

void heap::clear() {
    used_ = 0;
    blocks_.clear();
}

void* heap::allocate(std::size_t size, std::size_t alignment, unsigned thread, void const* origin) {
    if (alignment < 16) alignment = 16;
    std::size_t const begin = (used_ + alignment - 1) & ~(alignment - 1);
    if (begin + size + 16 > capacity) return nullptr;
    used_ = (begin + size + 16 + 15) & ~std::size_t{15};  // a gap between blocks
    std::uintptr_t const at = base_ + begin;
    std::fill(owners_ + begin / 16, owners_ + (begin + size) / 16 + 1, static_cast<std::uint32_t>(blocks_.size()));
    blocks_.push_back({at, size, true, false, thread, origin});
    std::memset(reinterpret_cast<void*>(at), 0xCD, size);
    return reinterpret_cast<void*>(at);
}

heap::block* heap::find(std::uintptr_t a) {
    if (!contains(a)) return nullptr;
    std::size_t const owner = owners_[(a - base_) / 16];
    if (owner >= blocks_.size()) return nullptr;
    block& b = blocks_[owner];
    return a - b.begin <= b.size ? &b : nullptr;
}

void heap::free(block& b) {
    b.alive = false;
    std::memset(reinterpret_cast<void*>(b.begin), 0xDD, b.size);
}

std::vector<heap::block const*> heap::leaks(std::vector<range> const& roots) {
    bool any = false;
    for (block const& b : blocks_)
        any = any || (b.alive && !b.excused);
    if (!any) return {};

    std::vector<range> to_scan = roots;
    std::vector<bool> reached(blocks_.size());
    for (block const& b : blocks_)
        if (b.alive && b.excused) to_scan.push_back({b.begin, b.begin + b.size});
    while (!to_scan.empty()) {
        range const r = to_scan.back();
        to_scan.pop_back();
        for (std::uintptr_t at = (r.begin + 7) & ~std::uintptr_t{7}; at + 8 <= r.end; at += 8) {
            std::uintptr_t const word = *reinterpret_cast<std::uintptr_t const*>(at);
            if (!contains(word)) continue;
            block* const b = find(word);
            if (b == nullptr || !b->alive) continue;
            auto const index = static_cast<std::size_t>(b - blocks_.data());
            if (reached[index]) continue;
            reached[index] = true;
            to_scan.push_back({b->begin, b->begin + b->size});
        }
    }
    std::vector<block const*> lost;
    for (std::size_t i = 0; i < blocks_.size(); ++i)
        if (blocks_[i].alive && !blocks_[i].excused && !reached[i]) lost.push_back(&blocks_[i]);
    return lost;
}

}  // namespace explore
