// SPDX-License-Identifier: BSL-1.0
#pragma once
// rabbitmq-server on loopback for a test: started by it, on ports that the system chose, ended by its process id.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/servers.hpp"

namespace servers {

/// Debian's script wants a user of its own; what it calls does not.
inline std::string find_rabbit() {
    std::string const plain = "/usr/lib/rabbitmq/bin/rabbitmq-server";
    return ::access(plain.c_str(), X_OK) == 0 ? plain : std::string{};
}

/// One broker with its own port mapper (epmd), and what it keeps. `kill` and `start` again: it keeps what is durable.
class rabbit_server {
public:
    rabbit_server() : rabbit_server{nullptr} {}
    /// With TLS on another port, by a certificate of that authority.
    explicit rabbit_server(authority const& ca) : rabbit_server{&ca} {}
    rabbit_server(rabbit_server const&) = delete;
    rabbit_server& operator=(rabbit_server const&) = delete;
    ~rabbit_server() { kill(); }

    [[nodiscard]] std::string url() const { return "amqp://guest:guest@127.0.0.1:" + std::to_string(port_); }
    void start() {
        std::string const d = folder_ / "";
        // The shell ends both when its standard input ends: so they go with the test. SIGKILL: nothing of it needs a farewell.
        child_ = std::make_unique<process>(
            std::vector<std::string>{
                "/bin/sh", "-c",
                "epmd=$(ls /usr/lib/erlang/erts-*/bin/epmd | head -n 1); \"$epmd\" -port \"$ERL_EPMD_PORT\" -address 127.0.0.1 "
                ">/dev/null 2>&1 & e=$!; \"$1\" >\"$HOME/out\" 2>&1 & b=$!; cat >/dev/null; "
                "kill -KILL $(cat \"$RABBITMQ_PID_FILE\") $b $e 2>/dev/null; wait",
                "sh", find_rabbit()},
            std::vector<std::string>{"HOME=" + d, "RABBITMQ_NODENAME=antiphon" + std::to_string(port_) + "@localhost",
                                     "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_NODE_PORT=" + std::to_string(port_),
                                     "RABBITMQ_DIST_PORT=" + std::to_string(inner_), "ERL_EPMD_ADDRESS=127.0.0.1",
                                     "ERL_EPMD_PORT=" + std::to_string(mapper_), "RABBITMQ_MNESIA_BASE=" + d + "mnesia",
                                     "RABBITMQ_LOG_BASE=" + d + "log", "RABBITMQ_PID_FILE=" + d + "pid",
                                     "RABBITMQ_ENABLED_PLUGINS_FILE=" + d + "plugins", "RABBITMQ_CONFIG_FILE=" + d + "rabbitmq",
                                     "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}"});
        for (int i = 0; i < 6000; ++i) {
            if (greets()) return;
            ::poll(nullptr, 0, 20);
        }
        throw std::runtime_error{"rabbitmq-server did not start"};
    }
    /// Both processes, at once.
    void kill() { child_.reset(); }

    [[nodiscard]] std::string secure_url() const { return "amqps://guest:guest@localhost:" + std::to_string(secure_); }

private:
    explicit rabbit_server(authority const* ca) {
        {
            listener a, b, c, d;
            port_ = a.port(), inner_ = b.port(), mapper_ = c.port(), secure_ = d.port();
        }
        // The ports may be another's meanwhile: then it does not come up, and the test says so.
        folder_.write("plugins", "[].\n");
        if (ca != nullptr)
            folder_.write("rabbitmq.conf", "listeners.ssl.1 = 127.0.0.1:" + std::to_string(secure_) + "\nssl_options.cacertfile = " +
                                               ca->certificate("ca") + "\nssl_options.certfile = " + ca->certificate("server") +
                                               "\nssl_options.keyfile = " + ca->key("server") +
                                               "\nssl_options.verify = verify_none\nssl_options.fail_if_no_peer_cert = false\n");
        start();
    }
    /// Whether it speaks AMQP: what it does not like it answers with the version that it wants.
    [[nodiscard]] bool greets() const {
        int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ::sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port_);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        char answer[8] = {};
        bool const up = ::connect(fd, reinterpret_cast<::sockaddr*>(&to), sizeof to) == 0 &&
                        ::send(fd, "HELLO\0\0\0", 8, MSG_NOSIGNAL) == 8 && ::recv(fd, answer, sizeof answer, MSG_WAITALL) == 8 &&
                        std::string{answer, 4} == "AMQP";
        ::close(fd);
        return up;
    }

    temporary_folder folder_;
    std::uint16_t port_ = 0, inner_ = 0, mapper_ = 0, secure_ = 0;
    std::unique_ptr<process> child_;
};

}  // namespace servers
