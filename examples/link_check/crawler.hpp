// SPDX-License-Identifier: BSL-1.0
#pragma once
// Pages, asked for politely: the policies that stand between a thousand links and the servers that they lead to.

#include <antiphon/antiphon.hpp>
#include <antiphon/interop/curl.hpp>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "journal.hpp"
#include "links.hpp"

namespace ap = antiphon;
namespace http = antiphon::http;
using namespace std::chrono_literals;

/// What was found at a URL.
struct page {
    bool readable = false;  ///< Markdown or HTML
    outline seen;
};
using page_ptr = std::shared_ptr<page const>;
using page_request = ap::request<page_ptr(std::string)>;

class crawler {
public:
    explicit crawler(std::size_t per_host) : per_host_{static_cast<int>(per_host)} {}

    /// Every URL is asked for once, however many links lead there, and how it ended is remembered.
    [[nodiscard]] page_request pages() const {
        ap::cache const memory{{.max_entries = 100'000, .keep_failure = [](auto const&) { return true; }, .failure_ttl = 24h}};
        page_request const anywhere = [this](std::string url) { return at_host_of(url).submit(std::move(url)); };
        return anywhere | ap::coalesce() | memory;
    }

    [[nodiscard]] std::vector<journal::attempt> attempts() const { return journal_->attempts(); }
    /// What was asked of each host.
    [[nodiscard]] std::map<std::string, ap::stats_snapshot> hosts() const {
        std::lock_guard const hold{mutex_};
        std::map<std::string, ap::stats_snapshot> all;
        for (auto const& [name, each] : hosts_)
            all.emplace(name, each.seen.snapshot());
        return all;
    }

private:
    struct host {
        ap::stats seen{{.stripes = 1}};
        page_request ask;
    };

    /// Inside to outside.
    [[nodiscard]] page_request politely(ap::stats const& seen) const {
        ap::circuit_breaker const breaker{{.minimum_calls = 20, .open_for = 5s, .failed = ap::is_transient}};
        ap::concurrency_limit const manners{{.max_concurrent = per_host_, .max_queue = 1'000'000}};
        // 404 is a failure for good, 503 one that may pass.
        auto const attempt = web_.get() | journal::of(journal_) | ap::timeout{.limit = 10s} | http::expect_success;
        // A host that is down is left alone; what is slow gets a second copy; what fails in passing is asked again.
        auto const patient = attempt | ap::fallback(too_large_is_there) | breaker | ap::hedge{.after = 250ms, .budget = budget_} |
                             ap::retry{.max_attempts = 4, .backoff = {.initial = 100ms}, .budget = budget_};
        return patient | manners | seen | ap::layer([](auto next, std::string url) { return next(std::move(url)).then(read); });
    }
    [[nodiscard]] page_request at_host_of(std::string const& text) const {
        ap::result<http::url> const where = http::url::parse(text);
        if (!where) return [why = where.error()](std::string const&) -> ap::result<page_ptr> { return why; };
        std::string const name = std::string{where->host()} + ":" + std::to_string(where->effective_port().value_or(0));
        std::lock_guard const hold{mutex_};
        host& found = hosts_[name];
        if (!found.ask) found.ask = politely(found.seen);
        return found.ask;
    }
    [[nodiscard]] static ap::result<http::response> too_large_is_there(ap::failure const& why) {
        if (why == ap::errc::out_of_range) return http::response{.status = 200};
        return why;
    }
    [[nodiscard]] static page_ptr read(http::response const& answer) {
        std::string_view const type = answer.headers.get("Content-Type").value_or("");
        if (type.starts_with("text/markdown")) return std::make_shared<page const>(page{true, read_markdown(answer.body)});
        if (type.starts_with("text/html")) return std::make_shared<page const>(page{true, read_html(answer.body)});
        return std::make_shared<page const>();
    }

    int const per_host_;
    http::client const web_{{}, {.user_agent = "antiphon-link-check", .max_body = 4U << 20}};
    ap::retry_budget const budget_{ap::retry_budget::bucket{.percent = 0.5}};  // of retries and copies together
    std::shared_ptr<journal> const journal_ = std::make_shared<journal>();
    std::mutex mutable mutex_;
    std::map<std::string, host> mutable hosts_;
};
