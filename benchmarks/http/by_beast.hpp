// SPDX-License-Identifier: BSL-1.0
#pragma once
// Boost.Beast as it is: one thread, a connection for each ask that is under way.

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <memory>
#include <vector>

#include "load.hpp"

namespace by_beast {

namespace beast = boost::beast;
using tcp = boost::asio::ip::tcp;

class connection {
public:
    connection(boost::asio::io_context& io, load const& l, meter& m) : socket_{io}, meter_{m} {
        ask_.version(11);
        ask_.method(beast::http::verb::get);
        ask_.target(l.path);
        ask_.set(beast::http::field::host, l.host);
        socket_.connect({boost::asio::ip::make_address(l.host), static_cast<unsigned short>(l.port)});
        socket_.set_option(tcp::no_delay{true});
    }
    void ask() {
        began_ = steady::now();
        beast::http::async_write(socket_, ask_, [this](beast::error_code error, std::size_t) {
            if (error) return;
            answer_ = {};
            beast::http::async_read(socket_, buffer_, answer_, [this](beast::error_code e, std::size_t) {
                if (meter_.answered(began_, !e && answer_.result_int() == 200)) ask();
            });
        });
    }

private:
    tcp::socket socket_;
    meter& meter_;
    beast::http::request<beast::http::empty_body> ask_;
    beast::http::response<beast::http::string_body> answer_;
    beast::flat_buffer buffer_;
    steady::time_point began_;
};

inline void run(load const& l, meter& m) {
    boost::asio::io_context io{1};
    std::vector<std::unique_ptr<connection>> all;
    for (std::size_t i = 0; i != l.in_flight; ++i)
        all.push_back(std::make_unique<connection>(io, l, m));
    for (auto const& each : all)
        each->ask();
    io.run();
}

}  // namespace by_beast
