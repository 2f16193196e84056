// SPDX-License-Identifier: BSL-1.0
#include "races.hpp"

namespace explore {

namespace {

/// Whatever is unordered with `old`, which happens before `made`, and conflicts with it, does so with `made` too.
bool stands_for(access const& made, access const& old) {
    if ((old.bytes & ~made.bytes) != 0) return false;
    if (!made.atomic) return made.write || !old.write;
    return old.atomic && (made.write || !old.write);
}

}  // namespace

access const* race_detector::touch(std::uintptr_t address, std::size_t size, access made, vector_clock const& now) {
    for (std::uintptr_t const end = address + size; address < end;) {
        unsigned const from = address & 7;
        std::size_t const count = end - address < 8 - from ? end - address : 8 - from;
        made.bytes = static_cast<std::uint8_t>(((1u << count) - 1) << from);
        address += count;

        bool added = false;
        record* const newest = cells_.find_or_add((address - 1) >> 3, added);
        if (newest == nullptr) return nullptr;  // more memory than is worth watching
        if (added) {
            newest->what = made;
            continue;
        }
        access const& last = newest->what;
        // the same again, with nothing in between
        if (last.moment == made.moment && last.thread == made.thread && last.bytes == made.bytes && last.write == made.write &&
            last.atomic == made.atomic)
            continue;
        record* before = nullptr;
        for (record* r = newest; r != nullptr;) {
            access& old = r->what;
            bool const ordered = old.thread == made.thread || now.knows(old.thread, old.moment);
            if (!ordered && (old.bytes & made.bytes) != 0 && (old.write || made.write) && !(old.atomic && made.atomic)) return &old;
            record* const next = r->next == none ? nullptr : &records_[r->next];
            if (r != newest && ordered && stands_for(made, old)) {
                before->next = r->next;
            } else {
                before = r;
            }
            r = next;
        }
        bool const replaces = (last.thread == made.thread || now.knows(last.thread, last.moment)) && stands_for(made, last);
        if (!replaces) {
            records_.push_back(*newest);
            newest->next = static_cast<std::uint32_t>(records_.size() - 1);
        }
        newest->what = made;
    }
    return nullptr;
}

}  // namespace explore
