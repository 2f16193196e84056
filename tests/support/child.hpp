// SPDX-License-Identifier: BSL-1.0
#pragma once
// Asking a question in a forked child.

#include <antiphon/core/config.hpp>

#if ANTIPHON_HAS_FORK

#include <sys/wait.h>
#include <unistd.h>

#include "support/coverage.hpp"

/// Forks; true if `question()` was true in the child, which ends without static destructors.
template <class Question>
bool in_child(Question question) {
    pid_t const child = ::fork();
    if (child == 0) {
        bool const yes = question();
        test::keep_coverage();
        ::_exit(yes ? 42 : 1);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child) return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

// ThreadSanitizer ends a child of a threaded process that starts a thread.
#if defined(__SANITIZE_THREAD__)
#define CHILD_MAY_START_THREADS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHILD_MAY_START_THREADS 0
#endif
#endif
#if !defined(CHILD_MAY_START_THREADS)
#define CHILD_MAY_START_THREADS 1
#endif

#endif
