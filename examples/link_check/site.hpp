// SPDX-License-Identifier: BSL-1.0
#pragma once
// A site of files, served by our own server; in rough weather it is now and then slow or unavailable, as a network is.

#include <antiphon/antiphon.hpp>
#include <antiphon/http/service.hpp>
#include <antiphon/interop/beast.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

class local_site {
public:
    /// **Errors**: as `http::server`.
    local_site(std::filesystem::path const& root, bool weather) : server_{pages(root, weather ? std::make_shared<storm>() : nullptr)} {}

    [[nodiscard]] std::string url(std::string_view path) const { return server_.url(path); }

private:
    using response = antiphon::http::response;
    using message = antiphon::http::request_message;

    /// What the first looks at a page meet. It depends on nothing but the name, so that every run has the same weather.
    class storm {
    public:
        enum class mood {
            fair,
            busy,
            asleep
        };
        [[nodiscard]] mood meets(std::string const& path) {
            std::lock_guard const hold{mutex_};
            int const look = ++looks_[path];
            unsigned sum = 0;
            for (char const c : path)
                sum = sum * 31 + static_cast<unsigned char>(c);
            if (sum % 5 == 0 && look <= 2) return mood::busy;
            if (sum % 7 == 0 && look == 1) return mood::asleep;
            return mood::fair;
        }

    private:
        std::mutex mutex_;
        std::map<std::string, int> looks_;
    };

    [[nodiscard]] static antiphon::http::service pages(std::filesystem::path const& root, std::shared_ptr<storm> weather) {
        antiphon::http::service site;
        site.route("GET", "/", antiphon::request{[root, weather](message asked) -> antiphon::task<response> {
                       std::string const path = asked.target.substr(0, asked.target.find('?'));
                       if (weather) {
                           storm::mood const now = weather->meets(path);
                           if (now == storm::mood::busy) co_return response{.status = 503, .headers = {{"Retry-After", "0"}}};
                           if (now == storm::mood::asleep) co_await antiphon::sleep_for(std::chrono::seconds{2});
                       }
                       co_return file(root, path);
                   }});
        return site;
    }
    [[nodiscard]] static response file(std::filesystem::path const& root, std::string const& path) {
        antiphon::result<std::string> const name = antiphon::http::percent_decoded(path);
        if (!name || name->find("..") != std::string::npos) return {.status = 400};
        std::filesystem::path const where = root / std::filesystem::path{*name}.relative_path();  // `//etc` is below it, too
        std::error_code unreadable;
        if (std::filesystem::is_directory(where, unreadable)) return {.status = 200, .headers = {{"Content-Type", "text/plain"}}};
        std::ifstream in{where, std::ios::binary};
        if (!in || !std::filesystem::is_regular_file(where, unreadable)) return {.status = 404};
        return {.status = 200,
                .headers = {{"Content-Type", type_of(where.extension().string())}},
                .body = std::string{std::istreambuf_iterator<char>{in}, {}}};
    }
    [[nodiscard]] static std::string type_of(std::string_view extension) {
        if (extension == ".md") return "text/markdown; charset=utf-8";
        if (extension == ".html" || extension == ".htm") return "text/html; charset=utf-8";
        if (extension == ".svg") return "image/svg+xml";
        return "text/plain; charset=utf-8";
    }

    antiphon::http::server server_;
};
