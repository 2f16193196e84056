// SPDX-License-Identifier: BSL-1.0
// Threads of an execution: who goes on, who can, how it begins and ends.
#include "world.hpp"

#include <algorithm>
#include <cstdio>

namespace explore {

world::world() : threads_(max_threads) { only_ = this; }

void world::reset() {
    for (thread& t : threads_) {
        t.state = thread::absent;
        t.next = {};
        t.sees = {};
        t.joins = nobody;
        t.repeats = t.fruitless = t.spins_until = 0;
        t.looks = {};
        t.fruitless_at = {};
        t.oldest_look = t.clock_looks = t.looked_after = 0;
        t.at_exit.clear();
        t.calls.clear();
    }
    next_ = {};
    next_[the_clock] = {0, operation::ticks, "time passes"};
    current_ = 0;
    last_ = nobody;
    started_ = steps_ = 0;
    last_write_ = 1;
    now_ = std::int64_t{1'000'000} * 1'000'000'000;
    allocations_fail_ = false;
    trouble = true;
    sleepers_.clear();
    mutexes_.clear();
    at_exit_.clear();
    memory_.clear();
    races_.clear();
    heap_.clear();
    image_.restore();
    ending_ = ending::complete;
    fault_ = fault::none;
    why_.clear();
    trail_.clear();
    events_.clear();
    outcomes_.clear();
}

ending world::run(void (*body)(), strategy& how, limits const& within) {
    reset();
    how_ = &how;
    left_ = within;
    body_ = body;
    start(
        0,
        [](void* self) -> void* {
            static_cast<world*>(self)->body_();
            return nullptr;
        },
        this);
    active_ = true;
    fiber::change(engine_, *threads_[0].body);
    active_ = false;
    return ending_;
}

void world::start(unsigned index, void* (*main)(void*), void* argument) {
    thread& t = threads_[index];
    t.state = thread::ready;
    t.detached = false;
    t.main = main;
    t.argument = argument;
    t.next = {0, 0, "begins"};
    next_[index] = t.next;
    t.sees.now.at[index] = 1;
    started_ = index + 1;
    t.body->prepare(&world::thread_main, this);
}

void world::thread_main(void* self) {
    world& w = *static_cast<world*>(self);
    thread& t = w.me();
    w.inside_ = false;
    void* const result = t.main(t.argument);
    w.inside_ = true;
    w.exit_thread(result);
}

void world::run_exit_calls(std::vector<exit_call>& calls) {
    while (!calls.empty()) {
        exit_call const last = calls.back();
        calls.pop_back();
        inside_ = false;
        last.f(last.argument);
        inside_ = true;
    }
}

void world::exit_thread(void* result) {
    inside_ = true;
    run_exit_calls(me().at_exit);
    if (current_ == 0) run_exit_calls(at_exit_);
    me().result = result;
    reach({reinterpret_cast<std::uintptr_t>(&me()), operation::writes, "ends"}, nullptr);
    me().state = thread::finished;
    choose_next();
    __builtin_unreachable();
}

bool world::create(void* (*main)(void*), void* argument, bool detached, std::uintptr_t& handle, void const* where) {
    reach({reinterpret_cast<std::uintptr_t>(&started_), operation::writes, "starts a thread"}, where, started_);
    if (trouble && left_.failing_threads > 0 && choose(2, "the thread cannot be started") == 1) {
        --left_.failing_threads;
        return false;
    }
    if (started_ == max_threads) fail(fault::unsupported, "more threads than the engine has");
    unsigned const child = started_;
    start(child, main, argument);
    thread& t = threads_[child];
    t.detached = detached;
    t.sees.now.join(me().sees.now);
    t.sees.now.at[child] = 1;
    how_->woke(current_, child);
    handle = t.body->handle();
    return true;
}

bool world::join(std::uintptr_t handle, void** result, void const* where) {
    for (unsigned i = 0; i < started_; ++i) {
        thread& t = threads_[i];
        if (t.body->handle() != handle) continue;
        me().joins = i;
        reach({reinterpret_cast<std::uintptr_t>(&t), operation::reads, "joins"}, where, i);
        me().joins = nobody;
        me().sees.now.join(t.sees.now);
        if (result != nullptr) *result = t.result;
        return true;
    }
    return false;
}

bool world::detach(std::uintptr_t handle) {
    for (unsigned i = 0; i < started_; ++i)
        if (threads_[i].body->handle() == handle) {
            threads_[i].detached = true;
            if (auto* const b = heap_.find(reinterpret_cast<std::uintptr_t>(threads_[i].argument))) b->excused = true;
            return true;
        }
    return false;
}

thread_set world::enabled() {
    thread_set set = 0;
    bool alarm = false, waited_for = false;
    for (unsigned i = 0; i < started_; ++i) {
        thread const& t = threads_[i];
        bool can = t.state == thread::ready && t.spins_until < last_write_;
        if (can && t.joins != nobody) can = threads_[t.joins].state == thread::finished;
        if (can && (t.next.does & operation::locks) != 0) can = mutex_at(t.next.address).owner == nobody;
        if (can) set |= only(i);
        if (t.state == thread::blocked && t.until != for_ever) alarm = true;
        if (t.state != thread::finished && !t.detached) waited_for = true;
    }
    if (alarm && waited_for) set |= only(the_clock);
    return set;
}

void world::choose_next() {
    unsigned const mine = current_;
    for (;;) {
        thread_set const can = enabled();
        if (can == 0) {
            nobody_can_go_on();
            continue;
        }
        unsigned const next = how_->schedule({can, last_, next_.data()});
        if (next == strategy::abandon) end(ending::abandoned);
        trail_.push_back({true, static_cast<std::uint8_t>(next), 0});
        last_ = next;
        if (next == the_clock) {
            tick();
            continue;
        }
        if (next != mine) {
            current_ = next;
            fiber::change(*threads_[mine].body, *threads_[next].body);
            return;  // somebody chose this thread again
        }
        return;
    }
}

void world::nobody_can_go_on() {
    bool spinning = false, waiting = false;
    for (unsigned i = 0; i < started_; ++i) {
        thread& t = threads_[i];
        if (t.state == thread::ready && t.spins_until >= last_write_) {
            t.spins_until = 0;
            spinning = true;
        }
        // A detached thread may sleep at the end.
        if (t.state != thread::finished && !(t.detached && threads_[0].state == thread::finished)) waiting = true;
    }
    if (spinning && waiting) {
        if (++steps_ > left_.steps) fail(fault::livelock, "threads spin for what nobody will do");
        return;
    }
    if (waiting) {
        std::string all = "nobody can go on";
        for (unsigned i = 0; i < started_; ++i)
            if (threads_[i].state != thread::finished)
                all += "\n  thread " + std::to_string(i) + " " + threads_[i].next.name + ":" + places(i);
        fail(fault::deadlock, all);
    }
    // What static variables and sleeping threads refer to may live on.
    std::vector<heap::range> roots{{reinterpret_cast<std::uintptr_t>(image_.begin()), reinterpret_cast<std::uintptr_t>(image_.end())}};
    for (unsigned i = 0; i < started_; ++i)
        if (threads_[i].state != thread::finished) roots.push_back({threads_[i].body->stack_in_use(), threads_[i].body->stack_end()});
    if (auto const leaks = heap_.leaks(roots); !leaks.empty()) {
        std::string all = std::to_string(leaks.size()) + " blocks are never freed:";
        for (auto const* const b : leaks)
            all += "\n  " + std::to_string(b->size) + " bytes, allocated by thread " + std::to_string(b->thread) + " in " +
                   place_of(b->origin);
        fail(fault::leak, all);
    }
    end(ending::complete);
}

void world::reach(operation o, void const* where, std::uint64_t value) {
    me().next = next_[current_] = o;
    choose_next();
    if (++steps_ > left_.steps) fail(fault::livelock, "more than " + std::to_string(left_.steps) + " operations");
    how_->did(current_, o);
    ++me().sees.now.at[current_];
    if ((o.does & (operation::writes | operation::queues)) != 0) last_write_ = steps_ + 1;
    if ((o.does & operation::reads) == 0) me().repeats = 0;
    events_.push_back({current_, o.name, o.address, value, where, nullptr});
}

world::wake world::block(std::uintptr_t on, std::int64_t until) {
    thread& t = me();
    t.state = thread::blocked;
    t.sleeps_on = on;
    t.until = until;
    sleepers_.push_back(current_);
    reach({0, 0, "sleeps"}, nullptr);
    t.until = for_ever;
    return t.woken;
}

void world::rouse(unsigned index, wake why) {
    thread& t = threads_[index];
    t.state = thread::ready;
    t.woken = why;
    sleepers_.erase(std::find(sleepers_.begin(), sleepers_.end(), index));
}

unsigned world::choose(unsigned options, char const* what) {
    unsigned const chosen = how_->outcome(options);
    trail_.push_back({false, static_cast<std::uint8_t>(chosen), static_cast<std::uint8_t>(options)});
    if (chosen != 0) events_.push_back({current_, what, 0, chosen, nullptr, nullptr});
    return chosen;
}

void world::remark(std::uint64_t value, char const* text) {
    events_.back().value = value;
    events_.back().remark = text;
}

void world::fail(fault what, std::string why) {
    inside_ = true;
    fault_ = what;
    why_ = std::move(why);
    end(ending::faulty);
}

void world::end(ending how) {
    ending_ = how;
    fiber::change(*threads_[current_].body, engine_);
    __builtin_unreachable();
}

void world::enter(void const* from) { me().calls.push_back(from); }
void world::leave() {
    if (!me().calls.empty()) me().calls.pop_back();
}

std::string world::places(unsigned index) {
    std::string text;
    auto const& calls = threads_[index].calls;
    unsigned shown = 0;
    for (auto i = calls.rbegin(); i != calls.rend() && shown < 8; ++i, ++shown)
        text += "\n      from " + place_of(*i);
    return text;
}

std::string world::describe(std::uintptr_t address) {
    char text[64];
    std::snprintf(text, sizeof text, "0x%lx", static_cast<unsigned long>(address));
    std::string s = text;
    if (heap_.contains(address)) {
        if (auto const* const b = heap_.find(address))
            s += " (" + std::to_string(address - b->begin) + " bytes into " + std::to_string(b->size) + " allocated by thread " +
                 std::to_string(b->thread) + " in " + place_of(b->origin) + ")";
    }
    for (unsigned i = 0; i < started_; ++i)
        if (threads_[i].body->owns_stack_address(address)) s += " (on the stack of thread " + std::to_string(i) + ")";
    return s;
}

}  // namespace explore
