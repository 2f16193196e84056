// SPDX-License-Identifier: BSL-1.0
#pragma once
// How the I/O thread sleeps: on epoll and an eventfd where there are such things, else inside curl.

#include <curl/curl.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <new>
#include <system_error>

#include "antiphon/core/config.hpp"
#include "antiphon/core/time.hpp"

#if ANTIPHON_HAS_EPOLL
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#endif

namespace antiphon::http::detail {

/// Milliseconds from now, rounded up, not more than `most`.
[[nodiscard]] inline int milliseconds_until(time_point until, int most) noexcept {
    if (until == time_point::max()) return most;
    duration const left = saturating_sub(until, clock::now());
    if (left <= duration::zero()) return 0;
    auto const whole = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
    return whole >= most ? most : static_cast<int>(whole) + 1;
}

/// Works with curl alone. **Threads**: `wake` from any, the rest from the I/O thread.
class poll_loop {
public:
    poll_loop() : multi_{curl_multi_init()} {
        if (multi_ == nullptr) throw_no_memory();
    }
    poll_loop(poll_loop const&) = delete;
    poll_loop& operator=(poll_loop const&) = delete;
    ~poll_loop() { curl_multi_cleanup(multi_); }

    [[nodiscard]] CURLM* multi() const noexcept { return multi_; }
    void wake() noexcept { curl_multi_wakeup(multi_); }
    void advance() noexcept {}
    /// Sleeps until there is something to do, or `until`, and does it.
    void work(time_point until) noexcept {
        // curl knows of new transfers, and does not sleep then.
        curl_multi_poll(multi_, nullptr, 0, milliseconds_until(until, 60'000), nullptr);
        curl_multi_perform(multi_, &running_);
    }

    [[noreturn]] static void throw_no_memory() {
#if ANTIPHON_EXCEPTIONS
        throw std::bad_alloc{};
#else
        std::terminate();
#endif
    }

private:
    CURLM* multi_;
    int running_ = 0;
};

#if ANTIPHON_HAS_EPOLL

/// The kernel says which sockets are ready, so that a thousand idle transfers cost nothing. **Threads**: as `poll_loop`.
class epoll_loop {
public:
    epoll_loop() {
        // In steps, so that what stands is released when the next fails.
        poll_.fd = ::epoll_create1(EPOLL_CLOEXEC);
        wake_.fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        ::epoll_event watched{};
        watched.events = EPOLLIN;
        watched.data.fd = wake_.fd;
        if (poll_.fd < 0 || wake_.fd < 0 || ::epoll_ctl(poll_.fd, EPOLL_CTL_ADD, wake_.fd, &watched) != 0) refuse(errno);
        multi_.set(curl_multi_init());
        curl_multi_setopt(multi(), CURLMOPT_SOCKETFUNCTION, &epoll_loop::on_socket);
        curl_multi_setopt(multi(), CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi(), CURLMOPT_TIMERFUNCTION, &epoll_loop::on_timer);
        curl_multi_setopt(multi(), CURLMOPT_TIMERDATA, this);
    }
    epoll_loop(epoll_loop const&) = delete;
    epoll_loop& operator=(epoll_loop const&) = delete;

    [[nodiscard]] CURLM* multi() const noexcept { return multi_.get(); }
    void wake() noexcept {
        std::uint64_t const one = 1;
        // A full counter is a wake-up that has not been seen yet.
        [[maybe_unused]] auto const written = ::write(wake_.fd, &one, sizeof one);
    }
    void work(time_point until) noexcept {
        std::array<::epoll_event, 64> events;
        time_point const next = until < timer_ ? until : timer_;
        int const count = ::epoll_wait(poll_.fd, events.data(), static_cast<int>(events.size()), timeout(next));
        for (int i = 0; i < count; ++i)
            serve(events[static_cast<std::size_t>(i)]);
        advance();
    }
    /// What is due without waiting for any socket: transfers that have just been added, too.
    void advance() noexcept {
        if (timer_ == time_point::max() || timer_ > clock::now()) return;
        timer_ = time_point::max();  // not after: curl may set the next one inside
        curl_multi_socket_action(multi(), CURL_SOCKET_TIMEOUT, 0, &running_);
    }

private:
    struct descriptor {
        int fd = -1;
        ~descriptor() {
            if (fd >= 0) ::close(fd);
        }
    };
    class multi_handle {
    public:
        ~multi_handle() { curl_multi_cleanup(multi_); }
        void set(CURLM* m) {
            if (m == nullptr) poll_loop::throw_no_memory();
            multi_ = m;
        }
        [[nodiscard]] CURLM* get() const noexcept { return multi_; }

    private:
        CURLM* multi_ = nullptr;
    };

    [[noreturn]] static void refuse(int error) {
#if ANTIPHON_EXCEPTIONS
        throw std::system_error{error, std::system_category(), "http::client: epoll"};
#else
        static_cast<void>(error);
        std::terminate();
#endif
    }
    [[nodiscard]] static int timeout(time_point next) noexcept {
        return next == time_point::max() ? -1 : milliseconds_until(next, INT_MAX - 1);
    }
    void serve(::epoll_event const& event) noexcept {
        if (event.data.fd == wake_.fd) {
            std::uint64_t times = 0;
            [[maybe_unused]] auto const taken = ::read(wake_.fd, &times, sizeof times);
            return;
        }
        unsigned const seen = event.events;
        int const mask = ((seen & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((seen & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                         ((seen & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(multi(), event.data.fd, mask, &running_);
    }
    /// `known`: what was assigned to the socket when it was added; curl forgets it when the socket is removed.
    static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) noexcept {
        auto& me = *static_cast<epoll_loop*>(self);
        int const poll = me.poll_.fd;
        if (what == CURL_POLL_REMOVE) {
            ::epoll_ctl(poll, EPOLL_CTL_DEL, socket, nullptr);  // fails where it was closed already
            return 0;
        }
        ::epoll_event wanted{};
        wanted.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
        wanted.data.fd = socket;
        if (known != nullptr && ::epoll_ctl(poll, EPOLL_CTL_MOD, socket, &wanted) == 0) return 0;
        if (known == nullptr) curl_multi_assign(me.multi(), socket, self);
        if (::epoll_ctl(poll, EPOLL_CTL_ADD, socket, &wanted) == 0) return 0;
        return errno == EEXIST && ::epoll_ctl(poll, EPOLL_CTL_MOD, socket, &wanted) == 0 ? 0 : -1;
    }
    static int on_timer(CURLM*, long milliseconds, void* self) noexcept {
        static_cast<epoll_loop*>(self)->timer_ =
            milliseconds < 0 ? time_point::max() : saturating_add(clock::now(), std::chrono::milliseconds{milliseconds});
        return 0;
    }

    descriptor poll_, wake_;
    time_point timer_ = time_point::max();
    int running_ = 0;
    multi_handle multi_;  // goes first: it still tells us about its sockets
};

using curl_loop = epoll_loop;

#else

using curl_loop = poll_loop;

#endif

}  // namespace antiphon::http::detail
