// SPDX-License-Identifier: BSL-1.0
#pragma once
// Runs what must end the program in a child process, and tells what it said on the way out.

#include <csignal>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>

#include "antiphon/core/config.hpp"
#include "support/coverage.hpp"

#if ANTIPHON_HAS_FORK

#include <sys/wait.h>
#include <unistd.h>

namespace test {

/// What f printed to stderr before it aborted; nothing if it did not abort.
template <class F>
[[nodiscard]] std::optional<std::string> last_words(F f) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    pid_t const child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        std::signal(SIGABRT, [](int) { keep_coverage(); });  // not the test framework's, which would report it; abort() goes on
        std::set_terminate([] { std::abort(); });
        f();
        keep_coverage();
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string words;
    char part[256];
    for (ssize_t n = 0; (n = ::read(ends[0], part, sizeof part)) > 0;)
        words.append(part, static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT) return std::nullopt;
    return words;
}

}  // namespace test

#endif
