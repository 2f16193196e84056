// SPDX-License-Identifier: BSL-1.0
// What a program asks the system for: threads, locks, time, memory. Inside an execution the engine answers; outside, the system.
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "world.hpp"

using namespace explore;

#define WHERE __builtin_extract_return_addr(__builtin_return_address(0))
// Runs BODY inside the engine, with the execution as `w`, if the caller belongs to one.
#define IN_EXECUTION(...)                    \
    if (world* const w = world::here()) {    \
        world::inside const engine_code{*w}; \
        __VA_ARGS__                          \
    }

namespace {

template <class F>
F* real(F*, char const* name) {
    return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}
#define REAL(name) real(&::name, #name)

std::uintptr_t number(void const* p) { return reinterpret_cast<std::uintptr_t>(p); }
bool recursive(pthread_mutex_t const* m) { return (m->__data.__kind & 3) == PTHREAD_MUTEX_RECURSIVE_NP; }
std::int64_t nanoseconds(timespec const& t) {
    // What no clock will reach never comes.
    if (t.tv_sec > INT64_MAX / 1'000'000'000 - 1) return world::for_ever;
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}
/// Of the realtime clock, which the engine keeps this far ahead of the monotonic one.
constexpr std::int64_t realtime_ahead = std::int64_t{1'000'000'000} * 1'000'000'000;
std::int64_t moment(clockid_t clock, timespec const& t) {
    std::int64_t const at = nanoseconds(t);
    return clock == CLOCK_REALTIME && at != world::for_ever ? at - realtime_ahead : at;
}

long futex(world& w, std::uint32_t* word, int operation, std::uint32_t value, timespec const* limit, void const* where) {
    std::int64_t until = world::for_ever;
    switch (operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)) {
        case FUTEX_WAIT:
            if (limit != nullptr) until = w.look_at_clock(where) + nanoseconds(*limit);
            break;
        case FUTEX_WAIT_BITSET:
            if (limit != nullptr) until = moment((operation & FUTEX_CLOCK_REALTIME) != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC, *limit);
            break;
        case FUTEX_WAKE:
        case FUTEX_WAKE_BITSET: return w.futex_wake(number(word), value, where);
        default: w.fail(fault::unsupported, "a futex operation that the engine does not know");
    }
    switch (w.futex_wait(number(word), value, until, where)) {
        case world::wake::called: return 0;
        case world::wake::changed: errno = EAGAIN; return -1;
        case world::wake::late: errno = ETIMEDOUT; return -1;
        case world::wake::interrupted: errno = EINTR; return -1;
    }
    return 0;
}

}  // namespace

extern "C" {

// --- threads -------------------------------------------------------------------------------------------------------------
int pthread_create(pthread_t* thread, pthread_attr_t const* attributes, void* (*main)(void*), void* argument) {
    IN_EXECUTION({
        int detached = PTHREAD_CREATE_JOINABLE;
        if (attributes != nullptr) ::pthread_attr_getdetachstate(attributes, &detached);
        std::uintptr_t handle = 0;
        if (!w->create(main, argument, detached == PTHREAD_CREATE_DETACHED, handle, WHERE)) return EAGAIN;
        *thread = handle;
        return 0;
    })
    return REAL(pthread_create)(thread, attributes, main, argument);
}
int pthread_join(pthread_t thread, void** result) {
    IN_EXECUTION(return w->join(thread, result, WHERE) ? 0 : ESRCH;)
    return REAL(pthread_join)(thread, result);
}
int pthread_detach(pthread_t thread) {
    IN_EXECUTION(return w->detach(thread) ? 0 : ESRCH;)
    return REAL(pthread_detach)(thread);
}
void pthread_exit(void* result) {
    if (world* const w = world::here()) w->exit_thread(result);
    real(static_cast<void (*)(void*)>(nullptr), "pthread_exit")(result);
    __builtin_unreachable();
}
int pthread_setname_np(pthread_t, char const*) noexcept { return 0; }
int sched_yield() noexcept { return 0; }
int get_nprocs() noexcept { return 2; }

// --- locks ---------------------------------------------------------------------------------------------------------------
int pthread_mutex_lock(pthread_mutex_t* m) noexcept {
    IN_EXECUTION(w->lock(number(m), recursive(m), WHERE); return 0;)
    return REAL(pthread_mutex_lock)(m);
}
int pthread_mutex_trylock(pthread_mutex_t* m) noexcept {
    IN_EXECUTION(return w->try_lock(number(m), recursive(m), WHERE) ? 0 : EBUSY;)
    return REAL(pthread_mutex_trylock)(m);
}
int pthread_mutex_unlock(pthread_mutex_t* m) noexcept {
    IN_EXECUTION(w->unlock(number(m), WHERE); return 0;)
    return REAL(pthread_mutex_unlock)(m);
}
int pthread_mutex_destroy(pthread_mutex_t* m) noexcept {
    IN_EXECUTION(w->forget_mutex(number(m)); return 0;)
    return REAL(pthread_mutex_destroy)(m);
}
int pthread_cond_wait(pthread_cond_t* c, pthread_mutex_t* m) {
    IN_EXECUTION(w->wait(number(c), number(m), world::for_ever, WHERE); return 0;)
    return REAL(pthread_cond_wait)(c, m);
}
int pthread_cond_clockwait(pthread_cond_t* c, pthread_mutex_t* m, clockid_t clock, timespec const* until) {
    IN_EXECUTION(return w->wait(number(c), number(m), moment(clock, *until), WHERE) == world::wake::late ? ETIMEDOUT : 0;)
    return REAL(pthread_cond_clockwait)(c, m, clock, until);
}
int pthread_cond_timedwait(pthread_cond_t* c, pthread_mutex_t* m, timespec const* until) {
    IN_EXECUTION(return w->wait(number(c), number(m), moment(CLOCK_REALTIME, *until), WHERE) == world::wake::late ? ETIMEDOUT : 0;)
    return REAL(pthread_cond_timedwait)(c, m, until);
}
int pthread_cond_signal(pthread_cond_t* c) noexcept {
    IN_EXECUTION(w->notify(number(c), false, WHERE); return 0;)
    return REAL(pthread_cond_signal)(c);
}
int pthread_cond_broadcast(pthread_cond_t* c) noexcept {
    IN_EXECUTION(w->notify(number(c), true, WHERE); return 0;)
    return REAL(pthread_cond_broadcast)(c);
}
int pthread_cond_destroy(pthread_cond_t* c) noexcept {
    IN_EXECUTION(return 0;)
    return REAL(pthread_cond_destroy)(c);
}
int pthread_atfork(void (*)(), void (*)(), void (*)()) { return 0; }

long syscall(long what, ...) noexcept {
    va_list list;
    va_start(list, what);
    long a[6];
    for (long& each : a)
        each = va_arg(list, long);
    va_end(list);
    if (what == SYS_futex) {
        IN_EXECUTION(return futex(*w, reinterpret_cast<std::uint32_t*>(a[0]), static_cast<int>(a[1]), static_cast<std::uint32_t>(a[2]),
                                  reinterpret_cast<timespec const*>(a[3]), WHERE);)
    }
    long result = what;
    register long r10 asm("r10") = a[3];
    register long r8 asm("r8") = a[4];
    register long r9 asm("r9") = a[5];
    asm volatile("syscall" : "+a"(result) : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    if (result < 0 && result > -4096) {
        errno = static_cast<int>(-result);
        return -1;
    }
    return result;
}

// --- time ----------------------------------------------------------------------------------------------------------------
int clock_gettime(clockid_t clock, timespec* now) noexcept {
    IN_EXECUTION({
        std::int64_t const t = w->look_at_clock(WHERE) + (clock == CLOCK_REALTIME ? realtime_ahead : 0);
        *now = {t / 1'000'000'000, t % 1'000'000'000};
        return 0;
    })
    return REAL(clock_gettime)(clock, now);
}
int nanosleep(timespec const* length, timespec* left) {
    IN_EXECUTION(w->sleep_until(w->look_at_clock(WHERE) + nanoseconds(*length), WHERE); return 0;)
    return REAL(nanosleep)(length, left);
}
int clock_nanosleep(clockid_t clock, int flags, timespec const* at, timespec* left) {
    IN_EXECUTION({
        w->sleep_until((flags & TIMER_ABSTIME) != 0 ? moment(clock, *at) : w->look_at_clock(WHERE) + nanoseconds(*at), WHERE);
        return 0;
    })
    return REAL(clock_nanosleep)(clock, flags, at, left);
}

// --- the beginning and the end of things -----------------------------------------------------------------------------------
int __cxa_thread_atexit(void (*f)(void*), void* argument, void* object) noexcept {
    IN_EXECUTION(w->at_thread_exit(f, argument); return 0;)
    using type = int(void (*)(void*), void*, void*);
    return real(static_cast<type*>(nullptr), "__cxa_thread_atexit")(f, argument, object);
}
int __cxa_atexit(void (*f)(void*), void* argument, void* object) noexcept {
    IN_EXECUTION(w->at_exit(f, argument); return 0;)
    using type = int(void (*)(void*), void*, void*);
    return real(static_cast<type*>(nullptr), "__cxa_atexit")(f, argument, object);
}

// Static locals. The first byte of the guard says that it is done (compilers look at it themselves); the second, that somebody is at it.
int __cxa_guard_acquire(std::int64_t* guard) {
    auto* const bytes = reinterpret_cast<unsigned char*>(guard);
    auto* const word = reinterpret_cast<std::uint32_t*>(guard) + 1;
    IN_EXECUTION({
        for (;;) {
            if (w->load(number(bytes), 1, std::memory_order_acquire, WHERE) != 0) return 0;
            bool mine = false;
            w->compare_exchange(number(word), 4, 0, 1, std::memory_order_acquire, std::memory_order_relaxed, false, mine, WHERE);
            if (mine) {
                if (bytes[0] == 0) return 1;
                w->store(number(word), 4, 0, std::memory_order_release, WHERE);
                w->futex_wake(number(word), INT_MAX, WHERE);
                return 0;
            }
            w->futex_wait(number(word), 1, world::for_ever, WHERE);
        }
    })
    return bytes[0] == 0 ? 1 : 0;
}
void __cxa_guard_release(std::int64_t* guard) noexcept {
    auto* const word = reinterpret_cast<std::uint32_t*>(guard) + 1;
    IN_EXECUTION({
        w->store(number(guard), 1, 1, std::memory_order_release, WHERE);
        w->store(number(word), 4, 0, std::memory_order_release, WHERE);
        w->futex_wake(number(word), INT_MAX, WHERE);
        return;
    })
    *reinterpret_cast<unsigned char*>(guard) = 1;
}
void __cxa_guard_abort(std::int64_t* guard) noexcept {
    auto* const word = reinterpret_cast<std::uint32_t*>(guard) + 1;
    IN_EXECUTION({
        w->store(number(word), 4, 0, std::memory_order_release, WHERE);
        w->futex_wake(number(word), INT_MAX, WHERE);
    })
}

// 0: nobody, 1: somebody is at it, 2: done.
int pthread_once(pthread_once_t* once, void (*make)()) {
    IN_EXECUTION({
        for (;;) {
            bool mine = false;
            bits const was =
                w->compare_exchange(number(once), 4, 0, 1, std::memory_order_acquire, std::memory_order_acquire, false, mine, WHERE);
            if (was == 2) return 0;
            if (!mine) {
                w->futex_wait(number(once), 1, world::for_ever, WHERE);
                continue;
            }
            w->call_out(make);
            w->store(number(once), 4, 2, std::memory_order_release, WHERE);
            w->futex_wake(number(once), INT_MAX, WHERE);
            return 0;
        }
    })
    if (*once == 0) {
        make();
        *once = 2;
    }
    return 0;
}

void abort() noexcept {
    if (world* const w = world::here()) w->fail(fault::terminated, "abort was called");
    real(static_cast<void (*)()>(nullptr), "abort")();
    __builtin_unreachable();
}
void __assert_fail(char const* what, char const* file, unsigned line, char const*) noexcept {
    if (world* const w = world::here()) w->fail(fault::assertion, std::string(what) + " at " + file + ":" + std::to_string(line));
    std::abort();
}

// --- memory --------------------------------------------------------------------------------------------------------------
void* __libc_malloc(std::size_t) noexcept;
void __libc_free(void*) noexcept;
void* __libc_calloc(std::size_t, std::size_t) noexcept;
void* __libc_realloc(void*, std::size_t) noexcept;
void* __libc_memalign(std::size_t, std::size_t) noexcept;

void* malloc(std::size_t size) noexcept {
    IN_EXECUTION(return w->allocate(size, 16, false, WHERE);)
    return __libc_malloc(size);
}
void free(void* p) noexcept {
    if (p == nullptr) return;
    IN_EXECUTION(return w->free(p, WHERE);)
    if (number(p) - 0x100000000000 >= (std::size_t{64} << 20)) __libc_free(p);
}
void* calloc(std::size_t n, std::size_t size) noexcept {
    IN_EXECUTION({
        void* const p = w->allocate(n * size, 16, false, WHERE);
        std::memset(p, 0, n * size);
        return p;
    })
    return __libc_calloc(n, size);
}
void* realloc(void* p, std::size_t size) noexcept {
    IN_EXECUTION({
        void* const fresh = w->allocate(size, 16, false, WHERE);
        if (p != nullptr) {
            std::size_t const old = w->size_of(p);
            std::memcpy(fresh, p, old < size ? old : size);
            w->free(p, WHERE);
        }
        return fresh;
    })
    return __libc_realloc(p, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    IN_EXECUTION(return w->allocate(size, alignment, false, WHERE);)
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** to, std::size_t alignment, std::size_t size) noexcept {
    *to = aligned_alloc(alignment, size);
    return *to != nullptr ? 0 : ENOMEM;
}

}  // extern "C"

namespace {

void* create(std::size_t size, std::size_t alignment, void const* where) {
    IN_EXECUTION(return w->allocate(size, alignment, true, where);)
    return alignment > 16 ? __libc_memalign(alignment, size) : __libc_malloc(size != 0 ? size : 1);
}
void* create_or_throw(std::size_t size, std::size_t alignment, void const* where) {
    void* const p = create(size, alignment, where);
    if (p == nullptr) throw std::bad_alloc{};
    return p;
}

}  // namespace

void* operator new(std::size_t n) { return create_or_throw(n, 16, WHERE); }
void* operator new[](std::size_t n) { return create_or_throw(n, 16, WHERE); }
void* operator new(std::size_t n, std::align_val_t a) { return create_or_throw(n, static_cast<std::size_t>(a), WHERE); }
void* operator new[](std::size_t n, std::align_val_t a) { return create_or_throw(n, static_cast<std::size_t>(a), WHERE); }
void* operator new(std::size_t n, std::nothrow_t const&) noexcept { return create(n, 16, WHERE); }
void* operator new[](std::size_t n, std::nothrow_t const&) noexcept { return create(n, 16, WHERE); }
void* operator new(std::size_t n, std::align_val_t a, std::nothrow_t const&) noexcept {
    return create(n, static_cast<std::size_t>(a), WHERE);
}
void* operator new[](std::size_t n, std::align_val_t a, std::nothrow_t const&) noexcept {
    return create(n, static_cast<std::size_t>(a), WHERE);
}
void operator delete(void* p) noexcept { ::free(p); }
void operator delete[](void* p) noexcept { ::free(p); }
void operator delete(void* p, std::size_t) noexcept { ::free(p); }
void operator delete[](void* p, std::size_t) noexcept { ::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { ::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { ::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { ::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { ::free(p); }
