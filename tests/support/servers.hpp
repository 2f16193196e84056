// SPDX-License-Identifier: BSL-1.0
#pragma once
// Real servers on loopback for a test: started by it, on ports that the system chose, ended by their process id.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace servers {

/// Where a program is, in PATH or where Debian keeps servers; empty: it is not there.
inline std::string find_program(std::string const& name) {
    std::string const path =
        std::string{std::getenv("PATH") != nullptr ? std::getenv("PATH") : ""} + ":/usr/sbin:/usr/local/sbin:/sbin";
    for (std::size_t at = 0; at <= path.size();) {
        std::size_t const end = std::min(path.find(':', at), path.size());
        std::string candidate = path.substr(at, end - at) + "/" + name;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
        at = end + 1;
    }
    return {};
}

/// A folder of the test's own, gone with it.
class temporary_folder {
public:
    temporary_folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "antiphon-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"no temporary folder"};
        path_ = pattern;
    }
    temporary_folder(temporary_folder const&) = delete;
    temporary_folder& operator=(temporary_folder const&) = delete;
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string operator/(std::string const& name) const { return (path_ / name).string(); }
    void write(std::string const& name, std::string const& text) const { std::ofstream{path_ / name} << text; }

private:
    std::filesystem::path path_;
};

/// A child process with pipes to its standard input and from its standard output. It has to end when its standard input does: so it
/// also goes when the test is killed.
class process {
public:
    explicit process(std::vector<std::string> command, std::vector<std::string> environment = {}) {
        int in[2], out[2];
        if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error{"no pipe"};
        to_ = in[1];
        from_ = out[0];
        ::posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        std::vector<char*> arguments, variables;
        for (std::string& each : command)
            arguments.push_back(each.data());
        arguments.push_back(nullptr);
        for (char** each = ::environ; *each != nullptr; ++each)
            variables.push_back(*each);
        for (std::string& each : environment)
            variables.push_back(each.data());
        variables.push_back(nullptr);
        int const error = ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), variables.data());
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(in[0]);
        ::close(out[1]);
        if (error != 0) throw std::runtime_error{"cannot start " + command[0]};
    }
    process(process const&) = delete;
    process& operator=(process const&) = delete;
    ~process() {
        end();
        ::close(from_);
    }

    /// Ends it by its standard input, and waits until it has ended.
    void end() {
        if (to_ >= 0) ::close(std::exchange(to_, -1));
        static_cast<void>(wait());
    }
    /// Ends it by a signal, and waits until it has ended.
    void kill(int signal) {
        if (pid_ <= 0) return;
        ::kill(pid_, signal);
        static_cast<void>(wait());
    }
    /// Sends a signal, and does not wait.
    void signal(int number) {
        if (pid_ > 0) ::kill(pid_, number);
    }
    /// Its exit code; -1 when a signal ended it.
    int wait() {
        int status = 0;
        while (pid_ > 0 && ::waitpid(pid_, &status, 0) < 0) {
        }
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    /// What it prints, up to the end of a line.
    std::string line() {
        std::string text;
        char c = 0;
        while (::read(from_, &c, 1) == 1 && c != '\n')
            text += c;
        return text;
    }

    /// What it prints until it ends.
    std::string rest() {
        std::string text;
        char buffer[4096];
        for (;;) {
            ::ssize_t const n = ::read(from_, buffer, sizeof buffer);
            if (n <= 0) return text;
            text.append(buffer, static_cast<std::size_t>(n));
        }
    }

private:
    ::pid_t pid_ = -1;
    int to_ = -1, from_ = -1;
};

/// What it prints, and how it ended.
struct ended {
    int code;
    std::string printed;
};
inline ended run_and_read(std::vector<std::string> command) {
    process child{std::move(command)};
    std::string printed = child.rest();
    return {child.wait(), std::move(printed)};
}

/// Runs to its end; the exit code.
inline int run(std::vector<std::string> command) {
    command.insert(command.begin(), {"/bin/sh", "-c", "exec \"$@\" >/dev/null 2>&1", "sh"});
    return process{std::move(command)}.wait();
}

/// tests/interop/server.js. The folder comes from the build: `__FILE__` may be relative to wherever the compiler ran.
class node_server {
public:
    node_server() : child_{{find_program("node"), ANTIPHON_TESTS_FOLDER "/interop/server.js"}}, port_{child_.line()} {}
    [[nodiscard]] std::string url(std::string const& path = "/") const { return "http://127.0.0.1:" + port_ + path; }
    void kill() { child_.kill(SIGKILL); }

private:
    process child_;
    std::string port_;
};

/// A socket that listens on a port of the system's choice. Whoever inherits it needs not fear that another took the port.
class listener {
public:
    explicit listener(int backlog = 1024) : fd_{::socket(AF_INET, SOCK_STREAM, 0)} {
        ::sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::socklen_t size = sizeof address;
        auto* const any = reinterpret_cast<::sockaddr*>(&address);
        if (fd_ < 0 || ::bind(fd_, any, size) != 0 || ::listen(fd_, backlog) != 0 || ::getsockname(fd_, any, &size) != 0)
            throw std::runtime_error{"no port"};
        port_ = ntohs(address.sin_port);
    }
    listener(listener const&) = delete;
    listener& operator=(listener const&) = delete;
    ~listener() { close(); }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string url(std::string const& path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }

private:
    int fd_;
    std::uint16_t port_ = 0;
};

/// A certificate authority, and a certificate of its for localhost and 127.0.0.1.
class authority {
public:
    authority() {
        std::string const openssl = find_program("openssl");
        folder_.write("names", "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
        good_ = run({openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                     "/CN=antiphon test authority", "-keyout", key("ca"), "-out", certificate("ca")}) == 0 &&
                run({openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                     "-keyout", key("server"), "-out", folder_ / "server.csr"}) == 0 &&
                run({openssl, "x509", "-req", "-in", folder_ / "server.csr", "-CA", certificate("ca"), "-CAkey", key("ca"),
                     "-CAcreateserial", "-days", "2", "-extfile", folder_ / "names", "-out", certificate("server")}) == 0;
    }
    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] std::string certificate(std::string const& of) const { return folder_ / (of + ".pem"); }
    [[nodiscard]] std::string key(std::string const& of) const { return folder_ / (of + ".key"); }

private:
    temporary_folder folder_;
    bool good_ = false;
};

/// nginx in the foreground: plain HTTP on one port, TLS with HTTP/2 on another, "hello" everywhere.
class nginx_server {
public:
    explicit nginx_server(authority const& ca, bool http2 = true) {
        std::string const p = std::to_string(plain_.port()), s = std::to_string(secure_.port());
        folder_.write("nginx.conf", "daemon off; worker_processes 1; pid " + (folder_ / "pid") + "; error_log " +
                                        (folder_ / "error.log") + ";\nevents { worker_connections 4096; }\nhttp {\naccess_log off;\n" +
                                        temporary_paths() + "keepalive_requests 1000000;\nserver { listen 127.0.0.1:" + p +
                                        "; listen 127.0.0.1:" + s + " ssl" + (http2 ? " http2" : "") + ";\nssl_certificate " +
                                        ca.certificate("server") + "; ssl_certificate_key " + ca.key("server") +
                                        ";\nlocation / { default_type text/plain; return 200 \"hello $server_protocol\"; }\n} }\n");
        // The listening sockets are inherited: nobody can take the ports meanwhile.
        std::string const fds = std::to_string(plain_.fd()) + ";" + std::to_string(secure_.fd()) + ";";
        child_ = std::make_unique<process>(
            std::vector<std::string>{"/bin/sh", "-c", "\"$@\" & nginx=$!; cat; kill -TERM $nginx; wait $nginx", "sh",
                                     find_program("nginx"), "-e", folder_ / "error.log", "-p", folder_ / "", "-c",
                                     folder_ / "nginx.conf"},
            std::vector<std::string>{"NGINX=" + fds});
        plain_.close();
        secure_.close();
    }
    [[nodiscard]] std::string url(std::string const& path = "/") const { return plain_.url(path); }
    [[nodiscard]] std::string secure_url(std::string const& path = "/", std::string const& host = "localhost") const {
        return "https://" + host + ":" + std::to_string(secure_.port()) + path;
    }
    /// Drops its connections and ends.
    void kill() { child_->end(); }

private:
    [[nodiscard]] std::string temporary_paths() const {
        std::string lines;
        for (char const* each : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
            lines += std::string{each} + "_temp_path " + (folder_ / each) + ";\n";
        return lines;
    }
    temporary_folder folder_;
    listener plain_, secure_;
    std::unique_ptr<process> child_;
};

}  // namespace servers
