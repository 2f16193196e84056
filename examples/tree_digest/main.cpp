// SPDX-License-Identifier: BSL-1.0
// Digests a directory through one request, in four ways, and compares: the answers must be the same, the cost is not.

#include <fmt/core.h>

#include <antiphon/antiphon.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "options.hpp"
#include "ways.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

constexpr ap::duration patience = 200us;

struct outcome {
    std::string way;
    answers found;
    ap::duration took{};
    std::string ready_at_once = "-";
};

/// One way, timed.
template <class Way>
outcome measure(std::string way, files all, Way&& run) {
    outcome seen{.way = std::move(way), .found = {}};
    progress bar{seen.way, all.size()};
    ap::time_point const start = ap::clock::now();
    seen.found = run(bar);
    seen.took = ap::clock::now() - start;
    return seen;
}

std::array<outcome, 4> ask_in_four_ways(digest_request const& ask, files all, std::size_t window) {
    // The first reader of a file waits for the disk, the next ones do not: somebody else goes first.
    static_cast<void>(measure("warming up", all, [&](progress& bar) { return by_callback(ask, all, bar); }));
    std::size_t at_once = 0;
    std::array<outcome, 4> seen{
        measure("call()", all, [&](progress& bar) { return by_call(ask, all, bar); }),
        measure("submit(callback)", all, [&](progress& bar) { return by_callback(ask, all, bar); }),
        measure(fmt::format("call_for({} us)", patience / 1us), all,
                [&](progress& bar) { return by_hybrid(ask, all, bar, patience, at_once); }),
        measure(fmt::format("co_await, {} under way", window), all, [&](progress& bar) { return by_coroutine(ask, all, bar, window); }),
    };
    seen[2].ready_at_once = fmt::format("{} of {}", at_once, all.size());
    return seen;
}

/// One digest for the whole tree: of the digests and names of all that could be read, and of the names of what could not.
std::string combine(files all, answers const& found) {
    sha256 whole;
    for (std::size_t i = 0; i < all.size(); ++i) {
        whole.update(found[i] ? hex(found[i]->hash) : "unreadable");
        whole.update("  " + all[i].name);
        whole.update(std::string_view{"\0", 1});  // no name contains it
    }
    return hex(whole.finish());
}

void print_table(std::array<outcome, 4> const& seen, std::size_t count, double bytes) {
    fmt::print("{:<24}{:>12}{:>12}{:>10}{:>16}\n", "way", "time", "files/s", "MB/s", "ready at once");
    for (outcome const& o : seen) {
        double const seconds = std::chrono::duration<double>(o.took).count();
        fmt::print("{:<24}{:>9.2f} ms{:>12.0f}{:>10.1f}{:>16}\n", o.way, seconds * 1e3, static_cast<double>(count) / seconds,
                   bytes / 1e6 / seconds, o.ready_at_once);
    }
}

/// True when all ways gave the same answers; else says which file they differ about.
bool agree(std::array<outcome, 4> const& seen, files all) {
    for (outcome const& o : seen)
        for (std::size_t i = 0; i < all.size(); ++i)
            if (o.found[i] != seen[0].found[i]) {
                fmt::print("disagreement between {} and {} about {}\n", seen[0].way, o.way, printable(all[i].name));
                return false;
            }
    return combine(all, seen[0].found) == combine(all, seen[3].found);
}

int report(tree const& found, std::array<outcome, 4> const& seen, bool list) {
    answers const& first = seen[0].found;
    std::size_t unread = found.unlisted.size();
    double bytes = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
        if (!first[i]) {
            fmt::print("unreadable: {}: {}\n", printable(found.files[i].name), first[i].error().message());
            ++unread;
            continue;
        }
        bytes += static_cast<double>(first[i]->bytes);
        if (list) fmt::print("{}  {}\n", hex(first[i]->hash), printable(found.files[i].name));
    }
    for (trouble const& t : found.unlisted)
        fmt::print("unreadable: {}: {}\n", printable(t.name), t.reason);
    for (std::string const& name : found.not_followed)
        fmt::print("not followed: {}: a link to a directory\n", printable(name));
    if (!found.files.empty()) print_table(seen, found.files.size(), bytes);
    if (!agree(seen, found.files)) return 1;
    fmt::print("{} files, {:.0f} bytes, {} unreadable\n", found.files.size(), bytes, unread);
    fmt::print("all four ways agree: {}\n", combine(found.files, first));
    return unread == 0 ? 0 : 3;
}

int run(options const& chosen) {
    std::error_code error;
    if (!std::filesystem::is_directory(chosen.directory, error)) {
        fmt::print(stderr, "tree_digest: {}: {}\n", printable(chosen.directory.string()), error ? error.message() : "not a directory");
        return 2;
    }
    if (!sha256_is_right()) {
        fmt::print(stderr, "tree_digest: SHA-256 fails its test vectors\n");
        return 1;
    }
    digest_request ask = digest_file;
    std::unique_ptr<ap::thread_pool> pool;
    if (chosen.threads != 0) {
        pool = std::make_unique<ap::thread_pool>(ap::thread_pool_options{.threads = chosen.threads, .name = "tree_digest"});
        ask = ask | ap::starts_on(*pool);
    }
    std::size_t const threads = pool ? pool->thread_count() : ap::default_pool().thread_count();
    tree const found = list_tree(chosen.directory);
    fmt::print("{}: {} files, {} threads\n", printable(chosen.directory.string()), found.files.size(), threads);
    return report(found, ask_in_four_ways(ask, found.files, 2 * threads), chosen.list);
}

}  // namespace

int main(int count, char** arguments) {
    options const chosen = parse(count, arguments);
    if (!chosen.complaint.empty()) {
        fmt::print(stderr, "tree_digest: {}\n", printable(chosen.complaint));
        return 2;
    }
    if (chosen.help) {
        fmt::print("{}", help_text);
        return 0;
    }
    try {
        return run(chosen);
    } catch (std::exception const& e) {
        fmt::print(stderr, "tree_digest: {}\n", e.what());
        return 1;
    }
}
