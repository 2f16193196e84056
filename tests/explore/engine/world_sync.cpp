// SPDX-License-Identifier: BSL-1.0
// Waiting: futexes, mutexes, condition variables, time.
#include "world.hpp"

namespace explore {

world::wake world::futex_wait(std::uintptr_t address, std::uint32_t expected, std::int64_t until, void const* where) {
    check_alive(address, 4, where);
    auto does = static_cast<std::uint8_t>(operation::reads | operation::queues);
    if (until != for_ever) does |= operation::timed;
    reach({address, does, "goes to sleep on"}, where, expected);
    check_alive(address, 4, where);
    me().repeats = 0;
    // The kernel reads the word as it is.
    if (static_cast<std::uint32_t>(memory_.at(address, peek(address, 4)).last().value) != expected) {
        events_.back().remark = "changed already";
        return wake::changed;
    }
    if (until <= now_) return wake::late;
    if (left_.surprises > 0 && choose(2, "will wake up without a reason") == 1) {
        --left_.surprises;
        reach({0, 0, "wakes up"}, where);
        return wake::interrupted;
    }
    return block(address, until);
}

unsigned world::futex_wake(std::uintptr_t address, unsigned count, void const* where) {
    reach({address, operation::queues, "wakes those who sleep on"}, where, count);
    unsigned woken = 0;
    for (std::size_t i = 0; i < sleepers_.size() && woken < count;) {
        unsigned const t = sleepers_[i];
        if (threads_[t].sleeps_on != address) {
            ++i;
            continue;
        }
        rouse(t, wake::called);
        how_->woke(current_, t);
        ++woken;
    }
    return woken;
}

void world::tick() {
    std::int64_t first = for_ever;
    for (unsigned const t : sleepers_)
        if (threads_[t].until < first) first = threads_[t].until;
    how_->did(the_clock, next_[the_clock]);
    last_write_ = ++steps_ + 1;
    events_.push_back({the_clock, "time passes", 0, static_cast<std::uint64_t>(first), nullptr, nullptr});
    advance(first, the_clock);
}
void world::advance(std::int64_t to, unsigned by) {
    if (to > now_) now_ = to;
    for (std::size_t i = 0; i < sleepers_.size();) {
        unsigned const t = sleepers_[i];
        if (threads_[t].until > now_) {
            ++i;
            continue;
        }
        rouse(t, wake::late);
        how_->woke(by, t);
    }
}

/// The clock stands still but for alarms. A thread that does nothing but look at it, though, waits for it to move: so it does, by
/// more each time.
std::int64_t world::look_at_clock(void const* where) {
    thread& t = me();
    t.clock_looks = t.looked_after == last_write_ ? t.clock_looks + 1 : 0;
    bool const waits = t.clock_looks > 2;
    reach({0, static_cast<std::uint8_t>(operation::timed | (waits ? operation::ticks : 0)), "looks at the clock"}, where);
    if (waits) advance(now_ + (std::int64_t{1000} << (t.clock_looks < 40 ? t.clock_looks : 40)), current_);
    t.looked_after = last_write_;
    remark(static_cast<std::uint64_t>(now_), nullptr);
    return now_;
}

void world::sleep_until(std::int64_t moment, void const* where) {
    reach({0, operation::timed, "goes to sleep"}, where, static_cast<std::uint64_t>(moment));
    if (moment > now_) block(0, moment);
}

world::mutex& world::mutex_at(std::uintptr_t address) {
    bool added = false;
    mutex* const m = mutexes_.find_or_add(address, added);
    if (m == nullptr) fail(fault::unsupported, "more mutexes than the engine has");
    return *m;
}

void world::lock(std::uintptr_t address, bool recursive, void const* where) {
    check_alive(address, sizeof(void*), where);
    if (mutex& m = mutex_at(address); m.owner == current_) {
        if (!recursive)
            fail(fault::deadlock, "locks a mutex that it has: " + describe(address) + "\n  in " + place_of(where) + places(current_));
        ++m.depth;
        return;
    }
    reach({address, operation::writes | operation::locks, "locks"}, where);
    check_alive(address, sizeof(void*), where);
    mutex& m = mutex_at(address);
    m.owner = current_;
    m.depth = 1;
    me().sees.now.join(m.released);
}

bool world::try_lock(std::uintptr_t address, bool recursive, void const* where) {
    check_alive(address, sizeof(void*), where);
    reach({address, operation::writes, "tries to lock"}, where);
    mutex& m = mutex_at(address);
    if (m.owner == current_ && recursive) {
        ++m.depth;
        return true;
    }
    if (m.owner != nobody || (left_.surprises > 0 && choose(2, "fails without a reason") == 1 && left_.surprises-- > 0)) return false;
    m.owner = current_;
    m.depth = 1;
    me().sees.now.join(m.released);
    return true;
}

void world::unlock(std::uintptr_t address, void const* where) {
    check_alive(address, sizeof(void*), where);
    if (mutex& m = mutex_at(address); m.owner == current_ && m.depth > 1) {
        --m.depth;
        return;
    }
    reach({address, operation::writes | operation::unlocks, "unlocks"}, where);
    mutex& m = mutex_at(address);
    if (m.owner != current_) fail(fault::assertion, "unlocks a mutex that it has not: " + describe(address) + places(current_));
    m.owner = nobody;
    m.depth = 0;
    m.released = me().sees.now;
}

void world::forget_mutex(std::uintptr_t address) { mutex_at(address) = {}; }

world::wake world::wait(std::uintptr_t condition, std::uintptr_t address, std::int64_t until, void const* where) {
    check_alive(condition, sizeof(void*), where);
    auto does = static_cast<std::uint8_t>(operation::queues);
    if (until != for_ever) does |= operation::timed;
    reach({condition, does, "waits for"}, where);
    // One step: it is asleep when the mutex is free.
    mutex& m = mutex_at(address);
    if (m.owner != current_) fail(fault::assertion, "waits without its mutex" + places(current_));
    unsigned const depth = m.depth;
    m.owner = nobody;
    m.depth = 0;
    m.released = me().sees.now;
    how_->did(current_, {address, operation::writes | operation::unlocks, "unlocks"});
    wake why = wake::late;
    if (until > now_) {
        if (left_.surprises > 0 && choose(2, "will wake up without a reason") == 1) {
            --left_.surprises;
            why = wake::interrupted;
        } else {
            why = block(condition, until);
        }
    }
    reach({address, operation::writes | operation::locks, "locks"}, where);
    mutex& again = mutex_at(address);
    again.owner = current_;
    again.depth = depth;
    me().sees.now.join(again.released);
    return why;
}

void world::notify(std::uintptr_t condition, bool all, void const* where) {
    check_alive(condition, sizeof(void*), where);
    futex_wake(condition, all ? max_threads : 1, where);
}

}  // namespace explore
