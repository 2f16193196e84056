// SPDX-License-Identifier: BSL-1.0
#pragma once
// Node's clients of brokers, installed into the build folder by the first test that wants them, where npm reaches a registry.

#include <filesystem>
#include <string>

#include "support/servers.hpp"

namespace servers {

/// Empty: they are there. Else why not.
inline std::string node_package_missing(std::string const& name, std::string const& version) {
    std::string const folder = ANTIPHON_NODE_FOLDER, npm = find_program("npm");
    auto const there = [&] { return std::filesystem::exists(folder + "/node_modules/" + name + "/package.json"); };
    if (find_program("node").empty()) return "node is not installed: skipped";
    if (there()) return {};
    if (npm.empty()) return "npm is not installed: skipped";
    std::filesystem::create_directories(folder);
    run({npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=20000", "--prefix",
         folder, name + "@" + version});
    return there() ? std::string{} : "npm cannot install " + name + ": skipped";
}
/// Scripts that are elsewhere find what is installed there.
inline std::string node_path() { return std::string{"NODE_PATH="} + ANTIPHON_NODE_FOLDER + "/node_modules"; }

}  // namespace servers
