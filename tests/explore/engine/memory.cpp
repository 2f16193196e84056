// SPDX-License-Identifier: BSL-1.0
#include "memory.hpp"

#include <cstdlib>

namespace explore {

void memory::clear() {
    index_.clear();
    used_ = 0;
    sc_fences_ = {};
    sc_count_ = 0;
}

memory::location& memory::at(std::uintptr_t address, bits current) {
    bool added = false;
    std::uint32_t* const index = index_.find_or_add(address, added);
    if (index == nullptr) std::abort();
    if (added) {
        *index = static_cast<std::uint32_t>(used_++);
        if (locations_.size() < used_) locations_.resize(used_);
        locations_[*index].stores.clear();
        locations_[*index].count = 0;
    }
    location& l = locations_[*index];
    if (l.stores.empty() || l.last().value != current) {
        // Never seen, or written by plain code since, which the race detector holds to be ordered with everything else.
        l.stores.clear();
        l.stores.emplace_back();
        l.last().value = current;
        l.last().number = ++l.count;
    }
    return l;
}

unsigned memory::choices(location& l, view const& v, unsigned thread, bool sequential, vector_clock const& sc_fences) {
    unsigned count = 1;
    for (std::size_t i = l.stores.size() - 1; i > 0; --i, ++count) {
        store const& s = l.stores[i];
        auto const known = [&](unsigned t, std::uint32_t moment) {
            return v.now.knows(t, moment) || v.at_sc_fence.knows(t, moment) || (sequential && sc_fences.knows(t, moment));
        };
        if (s.moment == 0 || s.thread == thread || known(s.thread, s.moment) || (sequential && s.sequential != 0)) break;
        if (s.sequential != 0 && s.sequential <= v.sc_fence) break;
        bool seen = false;
        for (unsigned t = 0; t < max_threads && !seen; ++t)
            seen = s.seen[t] != 0 && v.now.knows(t, s.seen[t]);
        if (seen) break;
    }
    return count;
}

void memory::read(store& s, view& v, unsigned thread, std::memory_order order) {
    if (s.seen[thread] == 0) s.seen[thread] = v.now.at[thread];
    if (!s.publishes) return;
    (acquires(order) ? v.now : v.seen_relaxed).join(s.release);
}

void memory::write(location& l, bits value, view& v, unsigned thread, std::memory_order order, store const* replaced) {
    store s;
    s.value = value;
    s.thread = static_cast<std::uint8_t>(thread);
    s.moment = v.now.at[thread];
    s.number = ++l.count;
    s.seen[thread] = s.moment;
    if (order == std::memory_order_seq_cst) s.sequential = ++sc_count_;
    s.release = releases(order) ? v.now : v.at_release_fence;
    s.publishes = true;
    if (replaced != nullptr) s.release.join(replaced->release);
    if (l.stores.size() == depth) l.stores.erase(l.stores.begin());
    l.stores.push_back(s);
}

void memory::fence(view& v, std::memory_order order) {
    if (acquires(order)) v.now.join(v.seen_relaxed);
    if (order == std::memory_order_seq_cst) {
        v.at_sc_fence.join(sc_fences_);
        v.sc_fence = ++sc_count_;
        sc_fences_.join(v.now);
    }
    if (releases(order)) v.at_release_fence = v.now;
}

}  // namespace explore
