// SPDX-License-Identifier: BSL-1.0
// Checks every link of Markdown and HTML pages, many at once, and is a nuisance to nobody. See --help.

#include <fmt/core.h>

#include <antiphon/antiphon.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "crawler.hpp"
#include "findings.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "site.hpp"
#include "timeline.hpp"

namespace {

/// A page that is read for its links.
struct source {
    std::string name;  ///< as it was given
    http::url where{};
    ap::result<page_ptr> found = ap::errc::unknown;
};

/// The path of a file as the site serves it.
std::optional<std::string> path_on_site(std::filesystem::path const& root, std::string const& file) {
    auto const whole = [](std::filesystem::path const& p) { return std::filesystem::weakly_canonical(std::filesystem::absolute(p)); };
    std::filesystem::path const below = whole(file).lexically_relative(whole(root));
    if (below.empty() || *below.begin() == "..") return std::nullopt;
    std::string path;
    for (auto const& each : below)
        path += "/" + http::percent_encoded(each.string());
    return path;
}

std::vector<source> sources_of(options& chosen, local_site const& site) {
    std::vector<source> all;
    for (std::string const& each : chosen.pages) {
        std::optional<std::string> const path = is_url(each) ? std::nullopt : path_on_site(chosen.root, each);
        if (!is_url(each) && !path) {
            chosen.complaint = each + " is not below " + chosen.root.string() + ", see --root";
            continue;
        }
        ap::result<http::url> const where = http::url::parse(path ? site.url(*path) : each);
        if (!where) {
            chosen.complaint = each + ": " + where.error().message();
        } else {
            all.push_back({path ? path->substr(1) : each, where->normalized()});
        }
    }
    return all;
}

/// The links of all pages that could be read.
std::vector<finding> links_of(std::vector<source> const& all) {
    std::vector<finding> found;
    for (source const& each : all)
        if (each.found)
            for (hyperlink const& what : (*each.found)->seen.links)
                found.push_back({.page = each.name, .base = each.where, .what = what});
    return found;
}

/// The work itself: reads the pages, then decides their links, at most so many at once.
ap::task<std::vector<finding>> check(std::vector<source>& pages, page_request ask, link_judge const& judge, std::size_t at_once) {
    co_await ap::for_each_limited(std::views::all(pages), at_once,
                                  [&](source& each) -> ap::task<void> { each.found = co_await ask(each.where.text()); });
    std::vector<finding> links = links_of(pages);
    progress bar{links.size()};
    co_await ap::for_each_limited(std::views::all(links), at_once, [&](finding& each) -> ap::task<void> {
        co_await judge.decide(each);
        bar.tick(each.is != finding::verdict::broken);
    });
    co_return links;
}

/// How many could not be.
std::size_t print_unread(std::vector<source> const& all) {
    std::size_t unread = 0;
    for (source const& each : all) {
        if (each.found && (*each.found)->readable) continue;
        fmt::print("{}: not read: {}\n", each.name, each.found ? "neither Markdown nor HTML" : each.found.error().message());
        ++unread;
    }
    return unread;
}

int run(options chosen) {
    ap::time_point const start = ap::clock::now();
    local_site const site{chosen.root, chosen.weather};
    std::vector<source> pages = sources_of(chosen, site);
    if (!chosen.complaint.empty()) {
        fmt::print(stderr, "link_check: {}\n", chosen.complaint);
        return 2;
    }
    crawler const web{chosen.per_host};
    page_request const ask = web.pages() | ap::deadline{start + chosen.total};
    link_judge const judge{ask, chosen.online ? std::nullopt : std::optional{http::url::parse(site.url("/")).value()}};

    std::vector<finding> const links = ap::request{[&] { return check(pages, ask, judge, chosen.at_once); }}.call().value();

    print_links(links, chosen.list);
    std::size_t const unread = print_unread(pages);
    print_hosts(web.hosts());
    std::ofstream{chosen.svg} << timeline{web.attempts()}.svg();
    fmt::print("timeline: {}\n", chosen.svg.string());
    print_sum(links, pages.size(), ap::clock::now() - start);
    return unread != 0 ? 3 : count(links, finding::verdict::broken) != 0 ? 1 : 0;
}

}  // namespace

int main(int count, char** words) {
    try {
        options chosen = command_line::parse(count, words);
        if (chosen.help) {
            fmt::print("{}", help_text);
            return 0;
        }
        if (!chosen.complaint.empty()) {
            fmt::print(stderr, "link_check: {}\n", chosen.complaint);
            return 2;
        }
        return run(std::move(chosen));
    } catch (std::exception const& e) {
        fmt::print(stderr, "link_check: {}\n", e.what());
        return 2;
    }
}
