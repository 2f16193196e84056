// SPDX-License-Identifier: BSL-1.0
#pragma once
// What went over the wire, and when: for the timeline.

#include <antiphon/antiphon.hpp>
#include <antiphon/http/message.hpp>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

class journal {
public:
    enum class end {
        under_way,
        answered,
        failed,
        dropped  ///< a copy that another one was quicker than
    };
    struct attempt {
        std::string url;
        antiphon::time_point began;
        antiphon::time_point ended;
        end how = end::under_way;
    };

    /// A policy: writes down every attempt that goes through it.
    [[nodiscard]] static auto of(std::shared_ptr<journal> book) {
        return antiphon::layer([book](auto next, std::string url) -> antiphon::task<antiphon::http::response> {
            std::size_t const line = book->open(url);
            antiphon::result<antiphon::http::response> answer = co_await next(std::move(url));
            book->close(line, answer);
            co_return answer;
        });
    }
    [[nodiscard]] std::vector<attempt> attempts() const {
        std::lock_guard const hold{mutex_};
        return attempts_;
    }

private:
    [[nodiscard]] std::size_t open(std::string url) {
        std::lock_guard const hold{mutex_};
        attempts_.push_back({std::move(url), antiphon::clock::now(), {}});
        return attempts_.size() - 1;
    }
    void close(std::size_t line, antiphon::result<antiphon::http::response> const& answer) {
        bool const dropped = !answer && answer.error() == antiphon::errc::cancelled;
        std::lock_guard const hold{mutex_};
        attempts_[line].ended = antiphon::clock::now();
        attempts_[line].how = dropped ? end::dropped : answer && answer->status < 400 ? end::answered : end::failed;
    }

    std::mutex mutable mutex_;
    std::vector<attempt> attempts_;
};
