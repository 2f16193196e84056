// SPDX-License-Identifier: BSL-1.0
#pragma once
// The I/O thread of a server: its connections, each a message at a time.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/request/stop_when.hpp"
#include "antiphon/http/codec.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/http/reply.hpp"
#include "antiphon/http/server_options.hpp"

namespace antiphon::http {

namespace detail {

namespace beast = boost::beast;
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
class beast_session;
/// Asks for a session's message; the answer comes back to it.
using served = std::function<void(std::shared_ptr<beast_session>, request_message, std::stop_token)>;

/// What all sessions share. Everything but `handler` and `open` belongs to the I/O thread.
struct beast_core : std::enable_shared_from_this<beast_core> {
    beast_core(server_options o, served h) : options{std::move(o)}, handler{std::move(h)} {}
    server_options const options;
    served const handler;
    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> busy{io.get_executor()};
    tcp::acceptor acceptor{io};
    asio::steady_timer deadline{io}, pause{io};
    std::unordered_set<beast_session*> sessions;
    bool accepting = false;  ///< an accept is under way
    bool draining = false;
    parking_lock lock;
    bool open = true;  ///< guarded by the lock: the I/O thread takes what is posted
    template <class F>
    void post(F job) {
        parking_lock::scope const hold{lock};
        if (open) asio::post(io, std::move(job));
    }
    inline void accept();
    inline void gone(beast_session& which);
    inline void drain(duration limit);
};

/// One connection: reads a message, asks, writes, and so on. While it asks it notices when the client goes.
class beast_session : public std::enable_shared_from_this<beast_session> {
public:
    beast_session(std::shared_ptr<beast_core> core, tcp::socket socket) : core_{std::move(core)}, stream_{std::move(socket)} {}
    beast_session(beast_session const&) = delete;
    beast_session& operator=(beast_session const&) = delete;
    // On the I/O thread, or after its end.
    ~beast_session() { core_->gone(*this); }

    void read() {
        if (core_->draining) return close();
        parser_.emplace();
        parser_->header_limit(core_->options.max_header);
        parser_->body_limit(core_->options.max_body);
        stream_.expires_after(core_->options.idle);
        reading_ = true;
        beast::http::async_read_header(stream_, buffer_, *parser_, [me = shared_from_this()](beast::error_code error, std::size_t) {
            if (error || me->parser_->is_done()) return me->has_read(error);
            me->expects_leave() ? me->give_leave() : me->read_body();
        });
    }
    /// No further message; one that is being asked is still answered.
    void finish() {
        if (reading_ && !parser_->got_some()) close();
    }
    void abort() {
        stop_.request_stop();
        break_off();
    }
    /// The handler's place is its own; what it answers comes back to the I/O thread.
    template <class Answer>
    static void ask(std::shared_ptr<beast_session> who, request<Answer(request_message), repeat::unsafe> const& handler,
                    request_message asked, std::stop_token stop) {
        (handler | stop_when(std::move(stop))).submit(std::move(asked), [held = std::move(who)](result<Answer> r) mutable {
            auto me = std::move(held);  // what keeps the ask does not keep the connection
            beast_core& core = *me->core_;
            core.post(
                [me = std::move(me), r = std::move(r)]() mutable { me->take(r ? reply{*std::move(r)} : response_of(r.error())); });
        });
    }

private:
    using message = beast::http::request<beast::http::string_body>;

    /// Whether the client waits for a word before it sends its body. **Source**: RFC 9110, 10.1.1.
    [[nodiscard]] bool expects_leave() {
        auto const expected = parser_->get().find(beast::http::field::expect);
        return expected != parser_->get().end() && parser_->get().version() >= 11 && buffer_.size() == 0 &&
               equal_without_case({expected->value().data(), expected->value().size()}, "100-continue");
    }
    void give_leave() {
        static constexpr std::string_view leave = "HTTP/1.1 100 Continue\r\n\r\n";
        asio::async_write(
            stream_, asio::buffer(leave.data(), leave.size()),
            [me = shared_from_this()](beast::error_code error, std::size_t) { error ? me->has_read(error) : me->read_body(); });
    }
    void read_body() {
        beast::http::async_read(stream_, buffer_, *parser_,
                                [me = shared_from_this()](beast::error_code error, std::size_t) { me->has_read(error); });
    }
    void has_read(beast::error_code error) {
        reading_ = false;
        if (error == beast::http::error::header_limit) return refuse(431);
        if (error == beast::http::error::body_limit) return refuse(413);
        if (error && error.category() == beast::http::make_error_code(beast::http::error::end_of_stream).category() &&
            error != beast::http::error::end_of_stream && error != beast::http::error::partial_message)
            return refuse(400);
        if (error) return close();
        message got = parser_->release();
        keep_alive_ = got.keep_alive() && !core_->draining;
        version_ = got.version();
        head_ = got.method() == beast::http::verb::head;
        std::optional<request_message> asked = converted(got);
        if (!asked) return refuse(400);
        stream_.expires_never();
        watch();
        ask(*std::move(asked));
    }
    /// None where something is not what this library takes for a message.
    [[nodiscard]] static std::optional<request_message> converted(message& got) {
        auto const name = got.method_string();
        result<http::method> verb = http::method::parse({name.data(), name.size()});
        if (!verb || got.target().empty()) return std::nullopt;
        request_message made{.method = *verb, .target = {got.target().data(), got.target().size()}, .body = std::move(got.body())};
        for (auto const& each : got)
            if (!made.headers.add({each.name_string().data(), each.name_string().size()}, {each.value().data(), each.value().size()}))
                return std::nullopt;
        return made;
    }
    void ask(request_message asked) {
        stop_ = std::stop_source{};
        core_->handler(shared_from_this(), std::move(asked), stop_.get_token());
    }
    /// A socket that can be read, and has nothing to read, was closed by the other side.
    void watch() {
        watching_ = true;
        stream_.socket().async_wait(tcp::socket::wait_read, [me = shared_from_this()](beast::error_code error) {
            if (!me->watching_ || error) return;
            me->watching_ = false;
            beast::error_code ignored;
            char byte = 0;
            me->stream_.socket().non_blocking(true, ignored);
            std::size_t const size = me->stream_.socket().receive(asio::buffer(&byte, 1), tcp::socket::message_peek, error);
            if (size != 0 || error == asio::error::would_block) return;
            me->stop_.request_stop();
            if (me->streamed_) me->break_off();
        });
    }
    void take(reply made) {
        if (!made.stream) return answer(std::move(made.whole));
        streamed_ = std::move(made.stream);
        if (!stream_.socket().is_open() || stop_.stop_requested()) return break_off();  // it went meanwhile
        begin(made.whole);
        chunked_ = version_ >= 11;
        if (!chunked_) keep_alive_ = false, out_->keep_alive(false);
        if (bodiless(made.whole.status) || head_) streamed_ = {};
        if (!bodiless(made.whole.status)) out_->chunked(chunked_);
        stream_.expires_after(core_->options.idle);
        serializer_.emplace(*out_);
        beast::http::async_write_header(stream_, *serializer_, [me = shared_from_this()](beast::error_code error, std::size_t) {
            if (error) return me->break_off();
            me->streamed_ ? me->await_part() : me->end_stream(error);
        });
    }
    /// However long that takes; meanwhile the client is watched.
    void await_part() {
        stream_.expires_never();
        part_ = streamed_.next().then([held = shared_from_this()](result<std::string> part) mutable {
            auto me = std::move(held);
            beast_core& core = *me->core_;
            core.post([me = std::move(me), part = std::move(part)]() mutable { me->write_part(std::move(part)); });
        });
    }
    void write_part(result<std::string> part) {
        if (!streamed_) return;
        if (!part) return break_off();
        bool const last = part->empty();
        text_ = *std::move(part);
        stream_.expires_after(core_->options.idle);
        auto const written = [me = shared_from_this(), last](beast::error_code error, std::size_t) {
            if (last) return me->end_stream(error);
            error || !me->streamed_ ? me->break_off() : me->await_part();
        };
        if (!chunked_) {
            last ? end_stream({}) : asio::async_write(stream_, asio::buffer(text_), written);
        } else if (last) {
            asio::async_write(stream_, beast::http::make_chunk_last(), written);
        } else {
            asio::async_write(stream_, beast::http::make_chunk(asio::buffer(text_)), written);
        }
    }
    void end_stream(beast::error_code error) {
        streamed_ = {};
        look_away();
        if (error || !keep_alive_) return linger(error);
        read();
    }
    /// The client sees that there is no end; who writes sees that nobody reads.
    void break_off() {
        streamed_ = {};
        part_ = {};
        close();
    }
    void look_away() {
        if (!std::exchange(watching_, false)) return;
        beast::error_code ignored;
        stream_.socket().cancel(ignored);
    }
    void answer(response made) {
        look_away();
        begin(made);
        if (!bodiless(made.status)) out_->content_length(made.body.size());
        if (!bodiless(made.status) && !head_) out_->body() = std::move(made.body);
        write();
    }
    [[nodiscard]] static bool bodiless(int status) noexcept { return status == 204 || status == 304; }
    void begin(response const& made) {
        // Where others wait to be accepted, nobody keeps a place that is not used.
        if (core_->draining || core_->sessions.size() >= core_->options.max_connections) keep_alive_ = false;
        out_.emplace();
        out_->result(static_cast<unsigned>(made.status >= 100 && made.status <= 999 ? made.status : 500));
        out_->version(version_);
        for (field const each : made.headers)
            if (!equal_without_case(each.name, "Content-Length") && !equal_without_case(each.name, "Transfer-Encoding") &&
                !equal_without_case(each.name, "Connection"))
                out_->insert({each.name.data(), each.name.size()}, {each.value.data(), each.value.size()});
        out_->keep_alive(keep_alive_);
    }
    void refuse(int status) {
        keep_alive_ = false;
        head_ = false;
        answer({.status = status, .headers = {{"Content-Type", "text/plain; charset=utf-8"}}, .body = status_text(status).c_str()});
    }
    void write() {
        stream_.expires_after(core_->options.idle);
        serializer_.emplace(*out_);
        auto const written = [me = shared_from_this()](beast::error_code error, std::size_t) {
            if (error || !me->keep_alive_) return me->linger(error);
            me->read();
        };
        head_ ? beast::http::async_write_header(stream_, *serializer_, written)
              : beast::http::async_write(stream_, *serializer_, written);
    }
    /// What the client still sends is read over for a moment: closing at once would reset the connection before it has read the answer.
    void linger(beast::error_code error) {
        beast::error_code ignored;
        stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
        if (error || ignored || core_->draining) return close();
        stream_.expires_after(std::chrono::seconds{1});
        read_over(std::size_t{1} << 20);
    }
    void read_over(std::size_t left) {
        buffer_.clear();
        stream_.async_read_some(buffer_.prepare(16384), [me = shared_from_this(), left](beast::error_code error, std::size_t size) {
            if (error || size >= left) return me->close();
            me->read_over(left - size);
        });
    }
    void close() {
        beast::error_code ignored;
        stream_.socket().close(ignored);
    }

    std::shared_ptr<beast_core> core_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
    std::optional<beast::http::response<beast::http::string_body>> out_;
    std::optional<beast::http::response_serializer<beast::http::string_body>> serializer_;
    std::stop_source stop_;
    body_reader streamed_;  ///< of the answer, until its end has been written
    future<void> part_;  ///< its next part is waited for
    std::string text_;  ///< the part that is being written
    unsigned version_ = 11;
    bool chunked_ = false;
    bool keep_alive_ = false, head_ = false, watching_ = false, reading_ = false;
};

inline void beast_core::accept() {
    if (accepting || draining || sessions.size() >= options.max_connections) return;
    accepting = true;
    acceptor.async_accept([me = shared_from_this()](beast::error_code error, tcp::socket socket) {
        me->accepting = false;
        if (error == asio::error::operation_aborted || me->draining) return;
        if (error) {  // no descriptors left, perhaps: soon there may be some
            me->pause.expires_after(std::chrono::milliseconds{100});
            return me->pause.async_wait([me](beast::error_code) { me->accept(); });
        }
        auto const fresh = std::make_shared<beast_session>(me, std::move(socket));
        me->sessions.insert(fresh.get());
        fresh->read();
        me->accept();
    });
}
inline void beast_core::gone(beast_session& which) {
    {
        parking_lock::scope const hold{lock};
        if (!open) return;
    }
    sessions.erase(&which);
    if (draining && sessions.empty()) deadline.cancel();
    accept();
}
inline void beast_core::drain(duration limit) {
    draining = true;
    beast::error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    for (beast_session* const each : sessions)
        each->finish();
    // The last session to go cancels it.
    deadline.expires_after(sessions.empty() ? duration::zero() : limit);
    deadline.async_wait([me = shared_from_this()](beast::error_code) {
        for (beast_session* const each : me->sessions)
            each->abort();
        me->busy.reset();
    });
}

}  // namespace detail

}  // namespace antiphon::http
