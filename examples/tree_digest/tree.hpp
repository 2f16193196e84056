// SPDX-License-Identifier: BSL-1.0
#pragma once
// What there is to digest: everything below a directory that is not a directory itself, in the order of its names.

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

/// A name from somebody's disk on one line of ours: bytes that would move the cursor are written as \xNN.
[[nodiscard]] inline std::string printable(std::string const& name) {
    std::string shown;
    for (char const c : name) {
        auto const byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f && byte != '\\') {
            shown += c;
        } else {
            shown += "\\x";
            shown += "0123456789abcdef"[byte >> 4];
            shown += "0123456789abcdef"[byte & 15];
        }
    }
    return shown;
}

struct entry {
    std::filesystem::path path;  ///< as it is opened
    std::string name;            ///< relative to the directory asked about
};
struct trouble {
    std::string name;
    std::string reason;
};
struct tree {
    std::vector<entry> files;
    std::vector<std::string> not_followed;  ///< links to directories: following them might never end
    std::vector<trouble> unlisted;          ///< directories that do not let themselves be read
};

/// Never throws for what it finds. Links to directories are not followed, so a loop of links is no loop here.
[[nodiscard]] inline tree list_tree(std::filesystem::path const& root) {
    namespace fs = std::filesystem;
    tree found;
    std::vector<fs::path> directories{root};
    while (!directories.empty()) {
        fs::path const directory = std::move(directories.back());
        directories.pop_back();
        std::error_code error;
        fs::directory_iterator at{directory, error};
        for (; !error && at != fs::directory_iterator{}; at.increment(error)) {
            std::error_code ignored;  // what cannot be examined is asked about like a file, and says why itself
            bool const link = at->is_symlink(ignored);
            if (!at->is_directory(ignored)) {
                found.files.push_back({at->path(), at->path().lexically_relative(root).string()});
            } else if (link) {
                found.not_followed.push_back(at->path().lexically_relative(root).string());
            } else {
                directories.push_back(at->path());
            }
        }
        if (error) found.unlisted.push_back({directory.lexically_relative(root).string(), error.message()});
    }
    std::ranges::sort(found.files, {}, &entry::name);
    std::ranges::sort(found.not_followed);
    std::ranges::sort(found.unlisted, {}, &trouble::name);
    return found;
}
