// SPDX-License-Identifier: BSL-1.0
#pragma once
// One ask on its way through the client: what curl calls back into, and what comes of it.

#include <curl/curl.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/request/promise.hpp"
#include "antiphon/http/body.hpp"
#include "antiphon/http/body_channel.hpp"
#include "antiphon/http/client_options.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/interop/detail/curl_failure.hpp"
#include "antiphon/interop/detail/curl_loop.hpp"
#include "antiphon/interop/detail/curl_question.hpp"

namespace antiphon::http::detail {

class curl_engine;
class transfer;

/// A stop request, from any thread.
struct stop_transfer {
    curl_engine* engine;
    transfer* which;
    inline void operator()() const noexcept;
};

/// Who is answered: with a whole response, or as soon as its body begins.
using answer_promise = std::variant<promise<response>, promise<streamed_response>>;

/// Made by the asking thread; from then on the I/O thread's, but for `next_note` and `notes`, which the engine's lock guards.
class transfer final : public timer, public body_listener {
public:
    enum class place {
        inbox,
        waiting,
        active,
        done
    };

    /// What other threads have to say about it.
    enum note : unsigned char {
        stop_it = 1,
        body_has_moved = 2
    };

    transfer(curl_engine& owner, std::shared_ptr<question const> q, answer_promise r, time_point until, std::string idempotency,
             std::shared_ptr<body_channel> upload)
        : engine{&owner},
          asked{std::move(q)},
          reply{std::move(r)},
          expires{until},
          key{std::move(idempotency)},
          source{std::move(upload)} {
        if (source) source->listen(this);
    }

    /// Tells curl everything about the ask; the handle is new, or was reset, or was `known`: prepared for the same question, with nothing in
    /// it of the ask before. **Errors**: what curl does not take, it says when it begins.
    void prepare(CURL* handle, client_options const& options, bool known) {
        easy = handle;
        got = {};
        header_bytes = uploaded = 0;
        headers_done = too_large = false;
        no_memory = false;
        set_lines(options);
        if (!known) {
            set_url_and_limits(options);
            set_method();
            set_headers(options);
        }
        // Of a streamed answer the beginning of the body is the answer: for that the engine has its own timer.
        bool const limited = expires != time_point::max() && !streams();
        if (limited || known)
            curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, limited ? static_cast<long>(milliseconds_until(expires, 2'000'000'000)) : 0L);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &transfer::on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &transfer::on_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
        most_body = options.max_body;
        most_header = options.max_header;
        window = options.stream_window;
        follows = options.max_redirects != 0;
    }
    [[nodiscard]] bool tells_deadline(client_options const& o) const noexcept {
        return expires != time_point::max() && !o.deadline_field.empty() && !asked->headers.contains(o.deadline_field);
    }
    /// Whether what curl was told is the question and nothing else, so that the next ask for it need not tell it again.
    [[nodiscard]] bool as_asked() const noexcept {
        return first_line_ == asked->lines.get() && source == nullptr && asked->body.empty();
    }
    /// Once curl has ended it.
    [[nodiscard]] transfer_state state() const noexcept {
        long bytes = 0;
        curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes);
        return {.sent = bytes > 0 || redirects != 0, .answered = got.status >= 200};
    }
    [[nodiscard]] bool secure() const noexcept { return equal_without_case(asked->where.scheme(), "https"); }
    [[nodiscard]] result<response> outcome(CURLcode code) {
        if (upload_failure) return failure{*std::move(upload_failure)}.with_executed(state().executed());
        if (no_memory) return failure{errc::internal, state().executed(), "out of memory"};
        if (too_large) return failure{errc::out_of_range, executed::yes, "the response is larger than the client's options allow"};
        if (bad_header) return failure{errc::internal, state().executed(), "a header field of the response is malformed"};
        if (code != CURLE_OK) return failure_of(code, easy, secure(), state());
        got.url = asked->where.text();
        return std::move(got);
    }
    /// What a redirection leads to; null when the response is the answer.
    [[nodiscard]] std::shared_ptr<question const> next_question() const {
        int const status = got.status;
        if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) return nullptr;
        std::string_view const location = got.headers.get("Location").value_or(std::string_view{});
        std::shared_ptr<question const> made = redirected(*asked, status, location, asked->where.resolve(location));
        // What was written once cannot be sent twice.
        if (made != nullptr && source != nullptr && made->method == asked->method) return nullptr;
        return made;
    }
    [[nodiscard]] bool streams() const noexcept { return std::holds_alternative<promise<streamed_response>>(reply); }
    /// Without the engine's ears; nobody else hears of it from here on.
    void let_go_of_bodies() noexcept {
        if (sink) sink->listen(nullptr);
        if (!source) return;
        source->listen(nullptr);
        std::exchange(source, nullptr)->leave_reading();
    }
    void body_moved() noexcept override { tell_engine(); }
    void fire() noexcept override {}

    curl_engine* engine;
    std::shared_ptr<question const> asked;
    answer_promise reply;
    time_point expires;
    std::string key;
    std::shared_ptr<body_channel> source;  ///< of a body that goes up as it is written
    std::shared_ptr<body_channel> sink;  ///< once the body has begun
    std::optional<std::stop_callback<stop_transfer>> on_stop;

    place at = place::inbox;
    bool cancelled = false;  ///< before it came out of the inbox
    unsigned char notes = 0;
    unsigned redirects = 0;
    transfer* next = nullptr;
    transfer* previous = nullptr;
    transfer* next_note = nullptr;
    CURL* easy = nullptr;

private:
    void set_url_and_limits(client_options const& o) noexcept {
        curl_easy_setopt(easy, CURLOPT_URL, asked->where.text().c_str());
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // to remove one does not wait for its look-up
        time_point const connected = saturating_add(clock::now(), o.connect_timeout);
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(milliseconds_until(connected, 2'000'000'000)));
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(o.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
        if (o.http2 && secure()) curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
        if (!o.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, o.ca_file.c_str());
        if (o.proxy) curl_easy_setopt(easy, CURLOPT_PROXY, o.proxy->c_str());
        curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    }
    void set_method() noexcept {
        question const& q = *asked;
        std::string_view const name = q.method.name();
        bool const has_body = source != nullptr || !q.body.empty() || name == "POST" || name == "PUT" || name == "PATCH";
        if (name == "HEAD") return static_cast<void>(curl_easy_setopt(easy, CURLOPT_NOBODY, 1L));
        if (name != "GET" || has_body) curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, q.method.c_str());
        if (!has_body) return;
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        if (source != nullptr) return set_upload(-1);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(q.body.size()));
        if (q.repeatable || !key.empty()) {
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS, q.body.c_str());
        } else if (q.body.empty()) {
            // On a connection that may have died unnoticed curl would send it twice.
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
            curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        } else {
            // Likewise; but a body that cannot be read again is not sent again.
            set_upload(static_cast<curl_off_t>(q.body.size()));
        }
    }
    /// Of unknown length (-1) it goes out in chunks.
    void set_upload(curl_off_t size) noexcept {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, size);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, &transfer::on_upload);
        curl_easy_setopt(easy, CURLOPT_READDATA, this);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &transfer::on_rewind);
        curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
    }
    void set_headers(client_options const& o) {
        curl_easy_setopt(easy, CURLOPT_USERAGENT, o.user_agent.c_str());
        if (o.compression && !asked->headers.contains("Accept-Encoding")) curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, first_line_);
    }
    /// Those of the question, and before them those of this ask alone.
    void set_lines(client_options const& o) {
        curl_slist* first = asked->lines.get();
        auto const put_before = [&](std::size_t i, std::string line) {
            lines_[i] = std::move(line);
            nodes_[i] = {lines_[i].data(), first};
            first = &nodes_[i];
        };
        if (tells_deadline(o)) put_before(0, o.deadline_field + ": " + std::to_string(milliseconds_until(expires, 2'000'000'000)));
        if (!key.empty()) put_before(1, std::string{idempotency_key::field_name}.append(": ").append(key));
        first_line_ = first;
    }

    static std::size_t on_header(char* data, std::size_t one, std::size_t size, void* self) noexcept {
        return static_cast<transfer*>(self)->take_header({data, one * size}) ? one * size : 0;
    }
    static std::size_t on_body(char* data, std::size_t one, std::size_t size, void* self) noexcept {
        auto& me = *static_cast<transfer*>(self);
        if (me.sink) return me.stream_body({data, one * size});
        return me.take_body({data, one * size}) ? one * size : 0;
    }
    static std::size_t on_upload(char* to, std::size_t one, std::size_t size, void* self) noexcept {
        auto& me = *static_cast<transfer*>(self);
        if (me.source) return me.next_of_upload(to, one * size);
        std::size_t const left = me.asked->body.size() - me.uploaded;
        std::size_t const count = left < one * size ? left : one * size;
        std::memcpy(to, me.asked->body.data() + me.uploaded, count);
        me.uploaded += count;
        return count;
    }
    static int on_rewind(void* self, curl_off_t to, int origin) noexcept {
        bool const where_it_is = origin == SEEK_SET && static_cast<std::size_t>(to) == static_cast<transfer*>(self)->uploaded;
        return where_it_is ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
    }
    bool take_header(std::string_view line) noexcept {
        ANTIPHON_TRY {
            header_bytes += line.size();
            if (header_bytes > most_header) {
                too_large = true;
                return false;
            }
            if (line.starts_with("HTTP/")) {
                got = {};
                headers_done = false;
                std::size_t const blank = line.find(' ');
                for (std::size_t i = blank + 1; blank != std::string_view::npos && i < line.size() && is_digit(line[i]); ++i)
                    got.status = got.status * 10 + (line[i] - '0');
            } else if (line == "\r\n" || line == "\n") {
                headers_done = true;
                if (streams() && !sink && got.status >= 200 && !(follows && next_question() != nullptr)) begin_stream();
            } else if (!headers_done && !got.headers.add_line(line)) {
                bad_header = true;
                return false;
            }
            return true;
        }
        ANTIPHON_CATCH_ALL {
            no_memory = true;
            return false;
        }
    }
    bool take_body(std::string_view bytes) noexcept {
        if (bytes.size() > most_body - got.body.size()) {
            too_large = true;
            return false;
        }
        ANTIPHON_TRY { got.body.append(bytes); }
        ANTIPHON_CATCH_ALL {
            no_memory = true;
            return false;
        }
        return true;
    }

    void tell_engine() noexcept;  // these two are defined beside the engine
    /// The answer is here; what follows goes to who reads it.
    void begin_stream();
    [[nodiscard]] std::size_t stream_body(std::string_view bytes) noexcept {
        ANTIPHON_TRY {
            switch (sink->offer(bytes)) {
                case body_channel::verdict::taken: return bytes.size();
                case body_channel::verdict::full: return CURL_WRITEFUNC_PAUSE;
                case body_channel::verdict::gone: return 0;
            }
        }
        ANTIPHON_CATCH_ALL { no_memory = true; }
        return 0;
    }
    [[nodiscard]] std::size_t next_of_upload(char* to, std::size_t size) noexcept {
        std::size_t const count = source->take(to, size);
        uploaded += count;
        if (count != 0 || source->ended()) return count;
        upload_failure = source->broken();
        return upload_failure ? CURL_READFUNC_ABORT : CURL_READFUNC_PAUSE;
    }

    response got;
    std::optional<failure> upload_failure;
    bool follows = true;
    std::size_t window = 0;
    std::size_t most_body = 0, most_header = 0, header_bytes = 0, uploaded = 0;
    bool headers_done = false, too_large = false, bad_header = false, no_memory = false;
    std::array<std::string, 2> lines_;
    std::array<curl_slist, 2> nodes_{};
    curl_slist* first_line_ = nullptr;
};

}  // namespace antiphon::http::detail
