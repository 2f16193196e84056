// SPDX-License-Identifier: BSL-1.0
#pragma once
// How other threads wake one that sleeps in poll: an eventfd where there is such a thing, else a pipe.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "antiphon/core/config.hpp"
#include "antiphon/core/failure.hpp"

#if ANTIPHON_HAS_EPOLL
#include <sys/eventfd.h>
#endif

namespace antiphon::messaging::detail {

/// **Threads**: `wake` from any, the rest from the one that sleeps.
class waker {
public:
    waker() {
#if ANTIPHON_HAS_EPOLL
        from_ = to_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
#else
        int ends[2] = {-1, -1};
        if (::pipe(ends) == 0) {
            from_ = ends[0], to_ = ends[1];
            for (int const each : ends) {
                ::fcntl(each, F_SETFL, O_NONBLOCK);
                ::fcntl(each, F_SETFD, FD_CLOEXEC);
            }
        }
#endif
        if (from_ < 0) failure{std::error_code{errno, std::system_category()}, executed::no}.raise();
    }
    waker(waker const&) = delete;
    waker& operator=(waker const&) = delete;
    ~waker() {
        ::close(from_);
        if (to_ != from_) ::close(to_);
    }

    void wake() noexcept {
        std::uint64_t const one = 1;
        // What is full is a wake-up that has not been seen yet.
        [[maybe_unused]] auto const written = ::write(to_, &one, sizeof one);
    }
    /// Sleeps until it is woken, until `fd` (if there is one) can be read, or so long.
    void sleep(int fd, int milliseconds) noexcept {
        ::pollfd watched[2] = {{from_, POLLIN, 0}, {fd, POLLIN, 0}};
        if (::poll(watched, fd < 0 ? 1 : 2, milliseconds) <= 0 || watched[0].revents == 0) return;
        std::uint64_t several[8];
        while (::read(from_, several, sizeof several) == static_cast<::ssize_t>(sizeof several)) {
        }
    }

private:
    int from_ = -1, to_ = -1;
};

}  // namespace antiphon::messaging::detail
