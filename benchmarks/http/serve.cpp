// SPDX-License-Identifier: BSL-1.0
// http_serve WHO: "antiphon" or "Beast"; prints its port, serves until its standard input ends, then prints the CPU seconds it took.
// /hello answers at once, /delay/50 after 50 ms (Beast alone: there it is the peer of clients).

#include <sys/resource.h>

#include <antiphon/antiphon.hpp>
#include <antiphon/interop/beast.hpp>
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace {

namespace beast = boost::beast;
using tcp = boost::asio::ip::tcp;

/// What anybody would write with Beast for one thread.
class session : public std::enable_shared_from_this<session> {
public:
    explicit session(tcp::socket socket) : stream_{std::move(socket)}, timer_{stream_.get_executor()} {}
    void read() {
        parser_.emplace();
        stream_.expires_after(std::chrono::seconds{60});
        beast::http::async_read(stream_, buffer_, *parser_, [me = shared_from_this()](beast::error_code error, std::size_t) {
            if (error) return;
            if (me->parser_->get().target() != "/delay/50") return me->write();
            me->stream_.expires_never();
            me->timer_.expires_after(std::chrono::milliseconds{50});
            me->timer_.async_wait([me](beast::error_code) { me->write(); });
        });
    }

private:
    void write() {
        out_ = {};
        out_.version(11);
        out_.result(200);
        out_.set(beast::http::field::content_type, "text/plain");
        out_.body() = "hello world\n";
        out_.keep_alive(parser_->get().keep_alive());
        out_.prepare_payload();
        stream_.expires_after(std::chrono::seconds{60});
        beast::http::async_write(stream_, out_, [me = shared_from_this()](beast::error_code error, std::size_t) {
            if (!error && me->out_.keep_alive()) me->read();
        });
    }
    beast::tcp_stream stream_;
    boost::asio::steady_timer timer_;
    beast::flat_buffer buffer_;
    std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
    beast::http::response<beast::http::string_body> out_;
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](beast::error_code error, tcp::socket socket) {
        if (error) return;
        std::make_shared<session>(std::move(socket))->read();
        accept(acceptor);
    });
}

void until_told(int port) {
    std::printf("%d\n", port);
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    ::rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    std::printf("%.6f\n", static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                              static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6);
}

void bare_beast() {
    boost::asio::io_context io{1};
    tcp::acceptor acceptor{io, {boost::asio::ip::make_address("127.0.0.1"), 0}};
    accept(acceptor);
    std::thread thread{[&] { io.run(); }};
    until_told(acceptor.local_endpoint().port());
    io.stop();
    thread.join();
}

void ours() {
    antiphon::http::service site;
    site.route("GET", "/hello", antiphon::request{[] { return std::string{"hello world\n"}; }});
    antiphon::http::server const web{site};
    until_told(web.port());
}

}  // namespace

int main(int count, char** words) {
    std::string_view const who = count > 1 ? words[1] : "";
    if (who == "Beast") return bare_beast(), 0;
    if (who == "antiphon") return ours(), 0;
    return 2;
}
