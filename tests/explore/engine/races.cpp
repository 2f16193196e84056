// SPDX-License-Identifier: BSL-1.0
#include "races.hpp"

namespace explore {

access const* race_detector::touch(std::uintptr_t address, std::size_t size, access made, vector_clock const& now) {
    for (std::uintptr_t const end = address + size; address < end;) {
        unsigned const from = address & 7;
        std::size_t const count = end - address < 8 - from ? end - address : 8 - from;
        made.bytes = static_cast<std::uint8_t>(((1u << count) - 1) << from);

        bool added = false, kept = false;
        cell* const c = cells_.find_or_add(address >> 3, added);
        if (c == nullptr) return nullptr;  // more memory than is worth watching
        for (std::uint32_t i = c->first; i != none; i = records_[i].next) {
            access& old = records_[i].what;
            if (old.thread == made.thread) {
                if (old.bytes == made.bytes && old.write == made.write && old.atomic == made.atomic) {
                    old = made;
                    kept = true;
                }
            } else if ((old.bytes & made.bytes) != 0 && (old.write || made.write) && !(old.atomic && made.atomic) &&
                       !now.knows(old.thread, old.moment)) {
                return &old;
            }
        }
        if (!kept) {
            records_.push_back({made, c->first});
            c->first = static_cast<std::uint32_t>(records_.size() - 1);
        }
        address += count;
    }
    return nullptr;
}

}  // namespace explore
