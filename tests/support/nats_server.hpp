// SPDX-License-Identifier: BSL-1.0
#pragma once
// nats-server on loopback for a test: started by it, on ports that the system chose, ended by its process id.

#include <poll.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/servers.hpp"

namespace servers {

/// One server, alone or, with the `cluster` address of another one, in a cluster with it.
class nats_server {
public:
    /// `port` 0: the system's choice.
    explicit nats_server(std::vector<std::string> more = {}, std::string port = "-1") {
        std::vector<std::string> command{"/bin/sh",
                                         "-c",
                                         "\"$@\" >/dev/null 2>&1 & echo $!; cat >/dev/null; kill -TERM $! 2>/dev/null; wait $!",
                                         "sh",
                                         find_program("nats-server"),
                                         "-a",
                                         "127.0.0.1",
                                         "-p",
                                         port,
                                         "--ports_file_dir",
                                         folder_ / ""};
        command.insert(command.end(), more.begin(), more.end());
        child_ = std::make_unique<process>(std::move(command));
        pid_ = std::atoi(child_->line().c_str());
        std::string const file = folder_ / ("nats-server_" + std::to_string(pid_) + ".ports");
        for (int i = 0; i < 2000 && url_.empty(); ++i) {
            std::string text;
            std::getline(std::ifstream{file}, text, '\0');
            std::size_t const at = text.find("\"nats\"");
            if (text.find('}') != std::string::npos && at != std::string::npos) {
                std::size_t const begin = text.find("127.0.0.1:", at);
                url_ = "nats://" + text.substr(begin, text.find('"', begin) - begin);
            } else {
                ::poll(nullptr, 0, 5);
            }
        }
        if (url_.empty()) throw std::runtime_error{"nats-server did not start"};
    }
    [[nodiscard]] std::string const& url() const { return url_; }
    [[nodiscard]] std::string port() const { return url_.substr(url_.rfind(':') + 1); }
    void kill(int signal = SIGKILL) { ::kill(pid_, signal); }

private:
    temporary_folder folder_;
    std::unique_ptr<process> child_;
    ::pid_t pid_ = -1;
    std::string url_;
};

}  // namespace servers
