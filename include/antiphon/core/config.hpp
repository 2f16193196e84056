// SPDX-License-Identifier: BSL-1.0
#pragma once
// What the compiler and the platform offer; the only place with compiler conditionals.

#include <version>

#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
#define ANTIPHON_EXCEPTIONS 1
#define ANTIPHON_TRY try
#define ANTIPHON_CATCH_ALL catch (...)
#define ANTIPHON_RETHROW throw
#else
// Without exceptions the guarded block simply runs, and what would have been thrown terminates.
#define ANTIPHON_EXCEPTIONS 0
#define ANTIPHON_TRY if (true)
#define ANTIPHON_CATCH_ALL else
#define ANTIPHON_RETHROW static_cast<void>(0)
#endif

// Durations and clocks. libstdc++ keeps them apart from calendars, time zones and their formatting, which take several times as long
// to parse (since version 13 <chrono> brings <format> and all streams); its own <future> and <thread> include this part alone.
#if defined(__GLIBCXX__) && __has_include(<bits/chrono.h>)
#define ANTIPHON_CHRONO_HEADER <bits/chrono.h>
#else
#define ANTIPHON_CHRONO_HEADER <chrono>
#endif

// A function of <cmath>, where the compiler knows it by itself: libstdc++'s header brings all special functions (core/arithmetic.hpp).
#if defined(__GNUC__)
#define ANTIPHON_MATH(name) __builtin_##name
#else
#include <cmath>
#define ANTIPHON_MATH(name) ::std::name
#endif

#if defined(_MSC_VER)
#define ANTIPHON_NO_UNIQUE_ADDRESS [[msvc::no_unique_address]]
#else
#define ANTIPHON_NO_UNIQUE_ADDRESS [[no_unique_address]]
#endif

#if defined(__cpp_lib_expected) && __cplusplus > 202002L
#define ANTIPHON_HAS_STD_EXPECTED 1
#else
#define ANTIPHON_HAS_STD_EXPECTED 0
#endif

// May be set to 0 from outside, to try what other systems get.
#if defined(ANTIPHON_HAS_FUTEX)
#elif defined(__linux__)
#define ANTIPHON_HAS_FUTEX 1
#else
#define ANTIPHON_HAS_FUTEX 0
#endif

// May be set to 0 from outside as well.
#if defined(ANTIPHON_HAS_EPOLL)
#elif defined(__linux__)
#define ANTIPHON_HAS_EPOLL 1
#else
#define ANTIPHON_HAS_EPOLL 0
#endif

#if defined(__unix__) || defined(__APPLE__)
#define ANTIPHON_HAS_FORK 1
#else
#define ANTIPHON_HAS_FORK 0
#endif

#if defined(__linux__) && defined(__GLIBC__)
#define ANTIPHON_HAS_THREAD_NAMES 1
#else
#define ANTIPHON_HAS_THREAD_NAMES 0
#endif

// Tells the processor that this is a spin loop.
#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#define ANTIPHON_SPIN_HINT() __builtin_ia32_pause()
#else
#define ANTIPHON_SPIN_HINT() static_cast<void>(0)
#endif

// Asks the processor to fetch what will be written soon. Any address will do.
#if defined(__GNUC__)
#define ANTIPHON_PREFETCH(address) __builtin_prefetch((address), 1)
#else
#define ANTIPHON_PREFETCH(address) static_cast<void>(0)
#endif

/// For what seldom runs: out of its callers' way, and out of what is proved about them.
#if defined(__GNUC__)
#define ANTIPHON_COLD [[gnu::cold, gnu::noinline]]
#else
#define ANTIPHON_COLD
#endif

// Whether the library's nodes are kept for reuse (core/node_cache.hpp). May be set to 0 from outside, for tools that look at each block;
// set it alike in every translation unit.
#if defined(ANTIPHON_HAS_NODE_CACHE)
#elif defined(__SANITIZE_ADDRESS__)
#define ANTIPHON_HAS_NODE_CACHE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define ANTIPHON_HAS_NODE_CACHE 0
#endif
#endif
#if !defined(ANTIPHON_HAS_NODE_CACHE)
#define ANTIPHON_HAS_NODE_CACHE 1
#endif
