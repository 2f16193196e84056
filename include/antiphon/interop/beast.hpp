// SPDX-License-Identifier: BSL-1.0
#pragma once
// HTTP served by Boost.Beast: what comes over the network asks a request of messages.

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/http/reply.hpp"
#include "antiphon/http/server_options.hpp"
#include "antiphon/http/service.hpp"
#include "antiphon/interop/detail/beast_session.hpp"

namespace antiphon::http {

/// Serves a request of messages, a `service` for instance, over HTTP/1.1: `http::server const web{site};` until it goes.
/// **Threads**: one I/O thread, which runs no handler: they run where their requests do. `shut_down` from any but handlers.
/// **Errors**: the constructor throws `std::invalid_argument` for nonsensical options, `std::system_error` where it cannot listen. A client
/// that goes requests stop on what it asked. What is no HTTP, too large or too slow is refused: 400, 413, 431, or closed.
/// **Cost**: a wait that is held is a timer.
class server {
public:
    template <class Repeat, class Handler>
    explicit server(request<response(request_message), Repeat, Handler> handler, server_options options = {})
        : server{core_of<response>(std::move(handler), std::move(options))} {}
    /// Bodies may still be being written when their response begins.
    template <class Repeat, class Handler>
    explicit server(request<reply(request_message), Repeat, Handler> handler, server_options options = {})
        : server{core_of<reply>(std::move(handler), std::move(options))} {}
    explicit server(service const& site, server_options options = {}) : server{site.replies(), std::move(options)} {}
    server(server const&) = delete;
    server& operator=(server const&) = delete;
    /// Without a drain.
    ~server() { shut_down(duration::zero()); }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::string url(std::string_view path = "/") const {
        bool const six = core_->options.address.find(':') != std::string::npos;
        std::string const host = six ? "[" + core_->options.address + "]" : core_->options.address;
        return "http://" + host + ":" + std::to_string(port_) + std::string{path};
    }
    /// No more connections; messages that are being asked have so long to be answered, then they are stopped. Returns when all
    /// connections are closed.
    void shut_down(duration drain_for) {
        if (!thread_.joinable()) return;
        core_->post([core = core_, drain_for] { core->drain(drain_for); });
        thread_.join();
        {
            parking_lock::scope const hold{core_->lock};
            core_->open = false;
        }
        core_->io.restart();  // what was posted in between
        core_->io.poll();
    }

private:
    explicit server(std::shared_ptr<detail::beast_core> core) : core_{std::move(core)} {
        listen();
        thread_ = std::thread{[held = core_] {
            timer_thread::take_after();
            held->io.run();
        }};
    }
    template <class Answer, class Handler>
    [[nodiscard]] static std::shared_ptr<detail::beast_core> core_of(Handler handler, server_options options) {
        return std::make_shared<detail::beast_core>(
            checked(std::move(options)),
            [asks = request<Answer(request_message), repeat::unsafe>{std::move(handler)}](
                std::shared_ptr<detail::beast_session> who, request_message message, std::stop_token stop) {
                detail::beast_session::ask(std::move(who), asks, std::move(message), std::move(stop));
            });
    }
    [[nodiscard]] static server_options checked(server_options o) {
        detail::check(o);
        return o;
    }
    void listen() {
        boost::system::error_code error;
        auto const address = detail::asio::ip::make_address(core_->options.address, error);
        if (error) throw std::system_error{std::make_error_code(std::errc::invalid_argument), "http::server: the address"};
        detail::tcp::endpoint const where{address, core_->options.port};
        detail::tcp::acceptor& acceptor = core_->acceptor;
        acceptor.open(where.protocol(), error);
        if (!error) acceptor.set_option(detail::tcp::acceptor::reuse_address{true}, error);
        if (!error) acceptor.bind(where, error);
        if (!error) acceptor.listen(detail::tcp::acceptor::max_listen_connections, error);
        if (error) throw std::system_error{error.value(), std::system_category(), "http::server: cannot listen"};
        port_ = acceptor.local_endpoint().port();
        core_->accept();
    }

    std::shared_ptr<detail::beast_core> core_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

}  // namespace antiphon::http
