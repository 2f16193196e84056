// SPDX-License-Identifier: BSL-1.0
#pragma once
// The command line.

#include <antiphon/antiphon.hpp>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

inline constexpr char const* help_text = R"(tree_digest [OPTIONS] [DIR]

Digests every file below DIR (default: the headers of antiphon itself) with SHA-256: synchronously, with callbacks, through the
hybrid, and in a coroutine, and shows what each way cost. Files that cannot be read are named, with the reason; the rest goes on.

  --threads N   ask on a pool of N threads, 1 to 256 (default: call() in this thread, everything else on the default pool)
  --list        also print the digest of each file, as sha256sum does
  --help        this page

Links to files are read, links to directories are not followed.

Exit code: 0  every file was digested, and all four ways agree
           1  the ways disagree (a file changed meanwhile?), or the program itself is at fault
           2  the command line is wrong, or DIR is not a directory
           3  all four ways agree, but some files or directories could not be read
)";

struct options {
    std::filesystem::path directory = TREE_DIGEST_DEFAULT_DIRECTORY;
    std::size_t threads = 0;  ///< 0: the default pool
    bool list = false;
    bool help = false;
    std::string complaint;  ///< not empty: what is wrong with the command line
};

[[nodiscard]] inline bool parse_threads(std::string_view text, std::size_t& threads) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
    return error == std::errc{} && end == text.data() + text.size() && threads >= 1 && threads <= 256;
}

[[nodiscard]] inline options parse(int count, char const* const* arguments) {
    options parsed;
    bool named = false;
    bool only_names = false;
    for (int i = 1; i < count; ++i) {
        std::string_view const argument = arguments[i];
        if (only_names || !argument.starts_with('-') || argument == "-") {
            if (named) parsed.complaint = "one directory at a time, please";
            if (argument.empty()) parsed.complaint = "the name of the directory is empty";
            parsed.directory = argument;
            named = true;
        } else if (argument == "--") {
            only_names = true;
        } else if (argument == "--help" || argument == "-h") {
            parsed.help = true;
        } else if (argument == "--list") {
            parsed.list = true;
        } else if (argument == "--threads") {
            if (++i >= count || !parse_threads(arguments[i], parsed.threads))
                parsed.complaint = "--threads takes a number from 1 to 256";
        } else {
            parsed.complaint = "there is no option " + std::string{argument} + ", see --help";
        }
    }
    return parsed;
}
