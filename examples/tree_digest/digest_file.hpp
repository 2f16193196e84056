// SPDX-License-Identifier: BSL-1.0
#pragma once
// The question: what is in this file? Answered with its digest, or with the reason why it cannot be read.

#include <antiphon/antiphon.hpp>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>

#include "sha256.hpp"

struct digest {
    sha256::value hash{};
    std::uintmax_t bytes = 0;
    bool operator==(digest const&) const = default;
};
using digest_answer = antiphon::result<digest>;
/// The one request of this program.
using digest_request = antiphon::request<digest(std::filesystem::path)>;

/// What the system said last.
[[nodiscard]] inline antiphon::failure system_failure() { return std::error_code{errno, std::generic_category()}; }

/// A FIFO would be opened for ever, a device read for ever: only regular files, or links to them, are opened at all.
[[nodiscard]] inline antiphon::result<void> refuse_unless_regular(std::filesystem::path const& path) {
    std::error_code error;
    switch (std::filesystem::status(path, error).type()) {
        case std::filesystem::file_type::regular: return {};
        case std::filesystem::file_type::none: return antiphon::failure{error};
        case std::filesystem::file_type::not_found: return antiphon::failure{std::errc::no_such_file_or_directory};
        case std::filesystem::file_type::directory: return antiphon::failure{std::errc::is_a_directory};
        case std::filesystem::file_type::fifo: return antiphon::failure{std::errc::invalid_argument, "a FIFO, not a regular file"};
        case std::filesystem::file_type::socket: return antiphon::failure{std::errc::invalid_argument, "a socket, not a regular file"};
        default: return antiphon::failure{std::errc::invalid_argument, "a device, not a regular file"};
    }
}

[[nodiscard]] inline digest_answer digest_file(std::filesystem::path const& path) {
    if (auto const fit = refuse_unless_regular(path); !fit) return fit.error();
    auto const close = [](std::FILE* f) { std::fclose(f); };
    std::unique_ptr<std::FILE, decltype(close)> const file{std::fopen(path.c_str(), "rb"), close};
    if (file == nullptr) return system_failure();
    sha256 hash;
    digest found;
    std::array<std::uint8_t, 16 * 1024> buffer;
    while (std::size_t const got = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
        hash.update(std::span{buffer}.first(got));
        found.bytes += got;
    }
    if (std::ferror(file.get()) != 0) return system_failure();
    found.hash = hash.finish();
    return found;
}
