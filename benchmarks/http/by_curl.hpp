// SPDX-License-Identifier: BSL-1.0
#pragma once
// libcurl as it is: one thread, a multi handle, easy handles used again and again, and a queue in front of it.

#include <curl/curl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "load.hpp"

namespace by_curl {

class raw {
public:
    raw(load const& l, meter& m) : load_{l}, meter_{m}, multi_{curl_multi_init()} {
        std::size_t const active = std::min(l.in_flight, l.active);
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(active));
        for (std::size_t i = 0; i != l.in_flight; ++i)
            waiting_.push_back(steady::now());
        for (std::size_t i = 0; i != active; ++i) {
            slots_.push_back(std::make_unique<slot>());
            prepare(*slots_.back());
        }
    }
    raw(raw const&) = delete;
    raw& operator=(raw const&) = delete;
    ~raw() {
        for (auto const& each : slots_) {
            curl_multi_remove_handle(multi_, each->easy);
            curl_easy_cleanup(each->easy);
        }
        curl_multi_cleanup(multi_);
        if (poll_ != -1) ::close(poll_);
    }

    void poll() {
        start();
        int running = 0;
        while (!over_) {
            curl_multi_perform(multi_, &running);
            collect();
            if (!over_) curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
        }
    }
    void epoll() {
        poll_ = ::epoll_create1(0);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &raw::on_socket);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &raw::on_timer);
        curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
        start();
        int running = 0;
        while (!over_) {
            std::array<::epoll_event, 64> events;
            auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(timer_ - steady::now()).count();
            int const n = ::epoll_wait(poll_, events.data(), 64, static_cast<int>(std::clamp<long long>(left, 0, 1000)));
            for (int i = 0; i < n; ++i) {
                ::epoll_event const& e = events[static_cast<std::size_t>(i)];
                int const mask =
                    ((e.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((e.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
                curl_multi_socket_action(multi_, e.data.fd, mask, &running);
            }
            if (timer_ <= steady::now()) {
                timer_ = steady::time_point::max() - std::chrono::hours{1};
                curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
            }
            collect();
        }
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, nullptr);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, nullptr);
    }

private:
    struct slot {
        CURL* easy = curl_easy_init();
        std::string body;
        steady::time_point began;
    };
    void prepare(slot& s) {
        curl_easy_setopt(s.easy, CURLOPT_URL, load_.url.c_str());
        curl_easy_setopt(s.easy, CURLOPT_PROXY, "");
        curl_easy_setopt(s.easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(s.easy, CURLOPT_WRITEFUNCTION, &raw::on_body);
        curl_easy_setopt(s.easy, CURLOPT_WRITEDATA, &s);
        curl_easy_setopt(s.easy, CURLOPT_PRIVATE, &s);
    }
    void start() {
        for (auto const& each : slots_)
            begin(*each);
    }
    void begin(slot& s) {
        s.body.clear();
        s.began = waiting_.front();
        waiting_.pop_front();
        curl_multi_add_handle(multi_, s.easy);
    }
    void collect() {
        int left = 0;
        while (CURLMsg const* const message = curl_multi_info_read(multi_, &left)) {
            slot* s = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &s);
            bool const good = message->data.result == CURLE_OK;
            curl_multi_remove_handle(multi_, s->easy);
            over_ = !meter_.answered(s->began, good) || over_;
            waiting_.push_back(steady::now());
            if (!over_) begin(*s);
        }
    }
    static std::size_t on_body(char* data, std::size_t one, std::size_t n, void* s) {
        static_cast<slot*>(s)->body.append(data, one * n);
        return one * n;
    }
    static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
        auto& me = *static_cast<raw*>(self);
        if (what == CURL_POLL_REMOVE) return ::epoll_ctl(me.poll_, EPOLL_CTL_DEL, fd, nullptr), 0;
        ::epoll_event e{};
        e.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
        e.data.fd = fd;
        if (::epoll_ctl(me.poll_, EPOLL_CTL_MOD, fd, &e) != 0) ::epoll_ctl(me.poll_, EPOLL_CTL_ADD, fd, &e);
        return 0;
    }
    static int on_timer(CURLM*, long ms, void* self) {
        auto& me = *static_cast<raw*>(self);
        me.timer_ = steady::now() + (ms < 0 ? std::chrono::milliseconds{std::chrono::hours{1}} : std::chrono::milliseconds{ms});
        return 0;
    }

    load const& load_;
    meter& meter_;
    CURLM* multi_;
    int poll_ = -1;
    steady::time_point timer_ = steady::now();
    bool over_ = false;
    std::deque<steady::time_point> waiting_;  ///< when each of those that wait was asked
    std::vector<std::unique_ptr<slot>> slots_;
};

inline void poll(load const& l, meter& m) { raw{l, m}.poll(); }
inline void epoll(load const& l, meter& m) { raw{l, m}.epoll(); }
/// Without a queue: everything is under way.
inline void all_poll(load l, meter& m) {
    l.active = l.in_flight;
    raw{l, m}.poll();
}
inline void all_epoll(load l, meter& m) {
    l.active = l.in_flight;
    raw{l, m}.epoll();
}

}  // namespace by_curl
