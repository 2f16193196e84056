// SPDX-License-Identifier: BSL-1.0
#include "image.hpp"

#include <link.h>

#include <cstdint>
#include <cstring>

namespace explore {

namespace {

struct range {
    std::uintptr_t begin = 0, end = 0;
};

/// The writable segment, without the part that is read-only once the program is linked.
int look(dl_phdr_info* info, std::size_t, void* to) {
    auto& found = *static_cast<range*>(to);
    std::uintptr_t read_only_end = 0;
    for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
        auto const& segment = info->dlpi_phdr[i];
        std::uintptr_t const begin = info->dlpi_addr + segment.p_vaddr, end = begin + segment.p_memsz;
        if (segment.p_type == PT_LOAD && (segment.p_flags & PF_W) != 0) found = {begin, end};
        if (segment.p_type == PT_GNU_RELRO) read_only_end = (end + 4095) & ~std::uintptr_t{4095};
    }
    if (read_only_end > found.begin) found.begin = read_only_end;
    return 1;  // the program itself comes first
}

}  // namespace

void image::remember() {
    range found;
    dl_iterate_phdr(look, &found);
    begin_ = reinterpret_cast<char*>(found.begin);
    std::vector<char> now(found.end - found.begin);
    std::memcpy(now.data(), begin_, now.size());
    saved_.swap(now);
}

void image::restore() const { std::memcpy(begin_, saved_.data(), saved_.size()); }

}  // namespace explore
