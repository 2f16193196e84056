// SPDX-License-Identifier: BSL-1.0
#pragma once
// One execution of the explored program: its threads, what they wait for, its clock, its memory, and what goes wrong.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "basics.hpp"
#include "fiber.hpp"
#include "heap.hpp"
#include "image.hpp"
#include "memory.hpp"
#include "races.hpp"
#include "search.hpp"

namespace explore {

/// How much may go wrong in one execution, and how long it may take.
struct limits {
    unsigned stale_reads = 2;   ///< loads that return something older than the last store
    unsigned surprises = 1;     ///< wake-ups without a reason, weak exchanges that fail without one
    unsigned failing_allocations = 0;
    bool failing_for_ever = false;  ///< once one has failed, all do
    unsigned failing_threads = 0;   ///< pthread_create
    unsigned steps = 20'000;
};

/// An operation that was done, for the report.
struct event {
    unsigned thread;
    char const* what;
    std::uintptr_t address;
    std::uint64_t value;
    void const* where;
    char const* remark;
};

enum class ending : std::uint8_t {
    complete,
    abandoned,  ///< by the strategy
    faulty
};

class world {
public:
    world();
    world(world const&) = delete;
    world& operator=(world const&) = delete;

    // --- for the runner ---------------------------------------------------------------------------------------------
    /// Remembers the program's variables; every execution starts from them.
    void remember() { image_.remember(); }
    ending run(void (*body)(), strategy& how, limits const& within);

    [[nodiscard]] fault what() const { return fault_; }
    [[nodiscard]] std::string const& why() const { return why_; }
    [[nodiscard]] std::vector<decision> const& trail() const { return trail_; }
    [[nodiscard]] std::vector<event> const& events() const { return events_; }
    [[nodiscard]] std::vector<unsigned> const& outcomes() const { return outcomes_; }
    [[nodiscard]] unsigned steps() const { return steps_; }

    // --- for what stands between the program and the system ------------------------------------------------------------
    /// The execution that the caller belongs to; null outside, and inside the engine itself.
    [[nodiscard]] static world* here() { return only_ != nullptr && only_->active_ && !only_->inside_ ? only_ : nullptr; }
    /// Marks the engine's own code, whose memory accesses and calls are nobody's business.
    class inside {
    public:
        explicit inside(world& w) : world_{w} { world_.inside_ = true; }
        ~inside() { world_.inside_ = false; }
        inside(inside const&) = delete;
        inside& operator=(inside const&) = delete;

    private:
        world& world_;
    };

    void plain(std::uintptr_t address, std::size_t size, bool write, void const* where);
    void enter(void const* from);
    void leave();

    bits load(std::uintptr_t address, unsigned size, std::memory_order order, void const* where);
    void store(std::uintptr_t address, unsigned size, bits value, std::memory_order order, void const* where);
    /// Returns what was there.
    bits exchange(std::uintptr_t address, unsigned size, bits (*make)(bits, bits), bits operand, std::memory_order order,
                  void const* where);
    /// Returns what was read; it was exchanged if that is `expected` and `exchanged`.
    bits compare_exchange(std::uintptr_t address, unsigned size, bits expected, bits desired, std::memory_order success,
                          std::memory_order failure, bool weak, bool& exchanged, void const* where);
    void fence(std::memory_order order, void const* where);

    enum class wake : std::uint8_t {
        called,
        changed,  ///< the word was not as expected: it did not sleep
        late,
        interrupted
    };
    static constexpr std::int64_t for_ever = INT64_MAX;
    wake futex_wait(std::uintptr_t address, std::uint32_t expected, std::int64_t until, void const* where);
    unsigned futex_wake(std::uintptr_t address, unsigned count, void const* where);

    [[nodiscard]] std::int64_t look_at_clock(void const* where);
    void sleep_until(std::int64_t moment, void const* where);
    /// Runs code of the program's.
    template <class F>
    void call_out(F f) {
        inside_ = false;
        f();
        inside_ = true;
    }

    /// False: it could not be started.
    bool create(void* (*main)(void*), void* argument, bool detached, std::uintptr_t& handle, void const* where);
    bool join(std::uintptr_t handle, void** result, void const* where);
    bool detach(std::uintptr_t handle);
    [[nodiscard]] std::uintptr_t self() const { return threads_[current_].body->handle(); }
    [[noreturn]] void exit_thread(void* result);
    void at_thread_exit(void (*f)(void*), void* argument) { threads_[current_].at_exit.push_back({f, argument}); }
    void at_exit(void (*f)(void*), void* argument) { at_exit_.push_back({f, argument}); }

    void lock(std::uintptr_t mutex, bool recursive, void const* where);
    bool try_lock(std::uintptr_t mutex, bool recursive, void const* where);
    void unlock(std::uintptr_t mutex, void const* where);
    wake wait(std::uintptr_t condition, std::uintptr_t mutex, std::int64_t until, void const* where);
    void notify(std::uintptr_t condition, bool all, void const* where);
    void forget_mutex(std::uintptr_t mutex);

    /// `may_fail`: the plan may let it.
    void* allocate(std::size_t size, std::size_t alignment, bool may_fail, void const* where);
    void free(void* p, void const* where);
    [[nodiscard]] std::size_t size_of(void* p);

    void outcome(unsigned value) { outcomes_.push_back(value); }
    [[nodiscard]] unsigned choose(unsigned options, char const* what);
    [[noreturn]] void fail(fault what, std::string why);
    /// While it is off, allocations do not fail.
    bool trouble = true;

private:
    friend class inside;
    struct exit_call {
        void (*f)(void*);
        void* argument;
    };
    struct thread {
        std::unique_ptr<fiber> body = std::make_unique<fiber>();
        enum {
            absent,
            ready,
            blocked,
            finished
        } state = absent;
        operation next;
        view sees;
        // while blocked:
        std::uintptr_t sleeps_on = 0;
        std::int64_t until = for_ever;
        wake woken = wake::called;
        // what it waits for while ready:
        unsigned joins = nobody;
        // spinning: the last loads returned nothing new
        unsigned repeats = 0;
        unsigned fruitless = 0;  ///< exchanges in a row that changed nothing, of the same few words
        std::array<std::uintptr_t, 4> fruitless_at{};
        unsigned oldest_fruitless = 0;
        unsigned spins_until = 0;  ///< not before somebody has written after this step
        struct look {
            std::uintptr_t address = 0;
            std::uint32_t store = 0;
        };
        std::array<look, 8> looks{};  ///< the last loads, of different words
        unsigned oldest_look = 0;
        // the same for the clock
        unsigned clock_looks = 0, looked_after = 0;

        bool detached = false;
        void* (*main)(void*) = nullptr;
        void* argument = nullptr;
        void* result = nullptr;
        std::vector<exit_call> at_exit;
        std::vector<void const*> calls;
    };
    struct mutex {
        unsigned owner = nobody;
        unsigned depth = 0;
        vector_clock released;
    };

    thread& me() { return threads_[current_]; }
    void reset();
    void start(unsigned index, void* (*main)(void*), void* argument);
    static void thread_main(void* self);
    void run_exit_calls(std::vector<exit_call>& calls);
    /// Waits for its turn, then does the operation. What the operation does follows in the caller.
    void reach(operation o, void const* where, std::uint64_t value = 0);
    void choose_next();
    [[nodiscard]] thread_set enabled();
    void nobody_can_go_on();
    void tick();
    /// Moves the clock to a moment, and wakes those whose alarm that is.
    void advance(std::int64_t to, unsigned by);
    wake block(std::uintptr_t on, std::int64_t until);
    void rouse(unsigned thread, wake why);
    [[nodiscard]] bool is_repetition(std::uintptr_t address, std::uint32_t store);
    void remember_look(std::uintptr_t address, std::uint32_t store);
    void await_change();
    void notice_exchange(std::uintptr_t address, bool changed);
    void touch(std::uintptr_t address, std::size_t size, bool write, bool atomic, void const* where);
    void check_alive(std::uintptr_t address, std::size_t size, void const* where);
    [[nodiscard]] bits peek(std::uintptr_t address, unsigned size) const;
    void poke(std::uintptr_t address, unsigned size, bits value);
    [[noreturn]] void end(ending how);
    void remark(std::uint64_t value, char const* text);
    mutex& mutex_at(std::uintptr_t address);
    [[nodiscard]] std::string describe(std::uintptr_t address);
    [[nodiscard]] std::string places(unsigned thread);

    inline static world* only_ = nullptr;

    bool active_ = false;
    bool inside_ = true;
    strategy* how_ = nullptr;
    limits left_;
    void (*body_)() = nullptr;
    unsigned current_ = 0, last_ = nobody, started_ = 0, steps_ = 0, last_write_ = 0;
    std::int64_t now_ = 0;
    bool allocations_fail_ = false;
    fiber engine_{fiber::original{}};
    std::vector<thread> threads_;
    std::vector<unsigned> sleepers_;  ///< blocked threads, in the order in which they went to sleep
    std::array<operation, max_threads + 1> next_{};
    address_map<mutex, 8> mutexes_;
    std::vector<exit_call> at_exit_;
    memory memory_;
    race_detector races_;
    heap heap_;
    image image_;

    ending ending_ = ending::complete;
    fault fault_ = fault::none;
    std::string why_;
    std::vector<decision> trail_;
    std::vector<event> events_;
    std::vector<unsigned> outcomes_;
};

/// What lies at an address of the program: function, file and line.
[[nodiscard]] std::string place_of(void const* where);

}  // namespace explore
