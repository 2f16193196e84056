// SPDX-License-Identifier: BSL-1.0
// Memory of an execution: plain accesses, atomic ones, the heap.
#include <algorithm>
#include <cstring>

#include "world.hpp"

namespace explore {

void world::plain(std::uintptr_t address, std::size_t size, bool write, void const* where) {
    if (me().body->owns_stack_address(address) && started_ == 1) return;
    check_alive(address, size, where);
    touch(address, size, write, false, where);
}

void world::touch(std::uintptr_t address, std::size_t size, bool write, bool atomic, void const* where) {
    thread& t = me();
    // What comes between two operations is published by the second.
    access const made{t.sees.now.at[current_] + (atomic ? 0 : 1), static_cast<std::uint8_t>(current_), 0, write, atomic, where};
    access const* const race = races_.touch(address, size, made, t.sees.now);
    if (race == nullptr) return;
    auto const kind = [](bool w, bool a) { return std::string(a ? "atomic " : "") + (w ? "write" : "read"); };
    fail(fault::data_race, "thread " + std::to_string(current_) + ", " + kind(write, atomic) + " of " + std::to_string(size) +
                               " bytes at " + describe(address) + "\n  in " + place_of(where) + places(current_) +
                               "\n  is unordered with thread " + std::to_string(race->thread) + ", " + kind(race->write, race->atomic) +
                               "\n  in " + place_of(race->where));
}

void world::check_alive(std::uintptr_t address, std::size_t size, void const* where) {
    if (!heap_.contains(address)) return;
    heap::block const* const b = heap_.find(address);
    if (b == nullptr || address + size > b->begin + b->size)
        fail(fault::use_after_free, "outside every block: " + describe(address) + "\n  in " + place_of(where) + places(current_));
    if (!b->alive) fail(fault::use_after_free, describe(address) + "\n  in " + place_of(where) + places(current_));
}

bits world::peek(std::uintptr_t address, unsigned size) const {
    bits value = 0;
    std::memcpy(&value, reinterpret_cast<void const*>(address), size);
    return value;
}
void world::poke(std::uintptr_t address, unsigned size, bits value) { std::memcpy(reinterpret_cast<void*>(address), &value, size); }

/// Whether this load would show what the thread's last load of the word has shown, and that for some time already.
bool world::is_repetition(std::uintptr_t address, std::uint32_t store) {
    thread& t = me();
    for (auto const& l : t.looks)
        if (l.address == address && l.store == store) return ++t.repeats > 3;
    t.repeats = 0;
    return false;
}
void world::remember_look(std::uintptr_t address, std::uint32_t store) {
    thread& t = me();
    for (auto& l : t.looks)
        if (l.address == address) {
            l.store = store;
            return;
        }
    t.looks[t.oldest_look++ % t.looks.size()] = {address, store};
}

bits world::load(std::uintptr_t address, unsigned size, std::memory_order order, void const* where) {
    check_alive(address, size, where);
    // A loop that waits for a change: its further looks are not worth a decision each, and after some it waits until there is one.
    if (is_repetition(address, memory_.at(address, peek(address, size)).last().number)) {
        if (++steps_ > left_.steps) fail(fault::livelock, "spins for what nobody does\n  in " + place_of(where) + places(current_));
        if (me().repeats > 60) {
            me().repeats = 3;
            await_change();
        }
        memory::store& last = memory_.at(address, peek(address, size)).last();
        memory::read(last, me().sees, current_, order);
        touch(address, size, false, true, where);
        return last.value;
    }
    reach({address, operation::reads, "loads"}, where);
    check_alive(address, size, where);
    touch(address, size, false, true, where);
    memory::location& l = memory_.at(address, peek(address, size));
    unsigned back = 0;
    if (left_.stale_reads > 0) {
        bool const sequential = order == std::memory_order_seq_cst;
        unsigned const options = memory::choices(l, me().sees, current_, sequential, memory_.sc_fences());
        if (options > 1) back = choose(options, "reads an older store");
        if (back != 0) --left_.stale_reads;
    }
    memory::store& s = l.stores[l.stores.size() - 1 - back];
    memory::read(s, me().sees, current_, order);
    remark(static_cast<std::uint64_t>(s.value), back != 0 ? "stale" : nullptr);
    remember_look(address, s.number);
    return s.value;
}

/// It has looked often enough: not before somebody else has written.
void world::await_change() {
    me().spins_until = last_write_;
    me().next = next_[current_] = {0, 0, "spins"};
    choose_next();
}
void world::notice_exchange(std::uintptr_t address, bool changed) {
    auto& at = me().fruitless_at;
    bool const again = std::find(at.begin(), at.end(), address) != at.end();
    if (!again) at[me().oldest_fruitless++ % at.size()] = address;
    me().fruitless = changed || !again ? 0 : me().fruitless + 1;
    if (me().fruitless < 20) return;
    me().fruitless = 10;
    await_change();
}

void world::store(std::uintptr_t address, unsigned size, bits value, std::memory_order order, void const* where) {
    check_alive(address, size, where);
    reach({address, operation::writes, "stores"}, where, static_cast<std::uint64_t>(value));
    check_alive(address, size, where);
    touch(address, size, true, true, where);
    memory_.write(memory_.at(address, peek(address, size)), value, me().sees, current_, order, nullptr);
    poke(address, size, value);
}

bits world::exchange(std::uintptr_t address, unsigned size, bits (*make)(bits, bits), bits operand, std::memory_order order,
                     void const* where) {
    check_alive(address, size, where);
    reach({address, operation::writes, "exchanges"}, where);
    check_alive(address, size, where);
    touch(address, size, true, true, where);
    memory::location& l = memory_.at(address, peek(address, size));
    memory::read(l.last(), me().sees, current_, order);
    memory::store const replaced = l.last();
    bits value = make(replaced.value, operand);
    if (size < sizeof(bits)) value &= (bits{1} << (8 * size)) - 1;
    memory_.write(l, value, me().sees, current_, order, &replaced);
    poke(address, size, value);
    remark(static_cast<std::uint64_t>(value), nullptr);
    notice_exchange(address, value != replaced.value);
    return replaced.value;
}

bits world::compare_exchange(std::uintptr_t address, unsigned size, bits expected, bits desired, std::memory_order success,
                             std::memory_order failure, bool weak, bool& exchanged, void const* where) {
    check_alive(address, size, where);
    reach({address, operation::writes, "compares and exchanges"}, where, static_cast<std::uint64_t>(desired));
    check_alive(address, size, where);
    touch(address, size, true, true, where);
    memory::location& l = memory_.at(address, peek(address, size));
    // A failure is a load, which may be stale: then of a value other than the expected one.
    unsigned back = 0;
    if (left_.stale_reads > 0) {
        unsigned const visible = memory::choices(l, me().sees, current_, failure == std::memory_order_seq_cst, memory_.sc_fences());
        unsigned options[memory::depth + 1] = {0};
        unsigned count = 1;
        for (unsigned i = 1; i < visible; ++i)
            if (l.stores[l.stores.size() - 1 - i].value != expected) options[count++] = i;
        if (count > 1) back = options[choose(count, "fails, reading an older store")];
        if (back != 0) --left_.stale_reads;
    }
    memory::store& s = l.stores[l.stores.size() - 1 - back];
    exchanged = back == 0 && s.value == expected;
    if (exchanged && weak && left_.surprises > 0 && choose(2, "fails without a reason") == 1) {
        --left_.surprises;
        exchanged = false;
    }
    if (!exchanged) {
        memory::read(s, me().sees, current_, failure);
        bits const found = s.value;
        remark(static_cast<std::uint64_t>(found), back != 0 ? "failed, stale" : "failed");
        notice_exchange(address, false);
        return found;
    }
    memory::read(s, me().sees, current_, success);
    memory::store const replaced = s;
    memory_.write(l, desired, me().sees, current_, success, &replaced);
    poke(address, size, desired);
    notice_exchange(address, true);
    return replaced.value;
}

void world::fence(std::memory_order order, void const* where) {
    if (order == std::memory_order_seq_cst) reach({reinterpret_cast<std::uintptr_t>(&memory_), operation::writes, "fences"}, where);
    memory_.fence(me().sees, order);
}

void* world::allocate(std::size_t size, std::size_t alignment, bool may_fail, void const* where) {
    if (may_fail && trouble && left_.failing_allocations > 0) {
        if (allocations_fail_) return nullptr;
        if (choose(2, "the allocation fails") == 1) {
            if (left_.failing_for_ever) {
                allocations_fail_ = true;
            } else {
                --left_.failing_allocations;
            }
            return nullptr;
        }
    }
    void* const p = heap_.allocate(size, alignment, current_, where);
    if (p == nullptr) fail(fault::unsupported, "the execution allocates more than the engine has");
    return p;
}

void world::free(void* p, void const* where) {
    auto const address = reinterpret_cast<std::uintptr_t>(p);
    if (!heap_.contains(address)) return;  // from before the execution: it stays for the next
    heap::block* const b = heap_.begins_at(address);
    if (b == nullptr) fail(fault::double_free, "not the beginning of a block: " + describe(address) + "\n  in " + place_of(where));
    if (!b->alive) fail(fault::double_free, describe(address) + "\n  in " + place_of(where) + places(current_));
    touch(address, b->size, true, false, where);
    heap_.free(*b);
}

std::size_t world::size_of(void* p) {
    heap::block const* const b = heap_.begins_at(reinterpret_cast<std::uintptr_t>(p));
    return b != nullptr ? b->size : 0;
}

}  // namespace explore
