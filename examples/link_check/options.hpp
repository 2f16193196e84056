// SPDX-License-Identifier: BSL-1.0
#pragma once
// The command line.

#include <antiphon/antiphon.hpp>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

inline constexpr char const* help_text = R"(link_check [OPTIONS] [FILE|URL]...

Checks every link of Markdown and HTML pages, many at once. Files are served by a local site that this program starts itself, so
that links between them are asked for like all others; pages of other sites are named by their URLs. Without any page: README.md,
CHANGELOG.md and docs/ of antiphon itself, offline, from a site in rough weather.

  --root DIR       what the local site serves; the files are below it (default: the current directory)
  --online         links that lead to other machines are checked, too (the default where pages are named)
  --offline        they are skipped (the default without pages)
  --weather        the local site is now and then slow or unavailable, as a network is
  --at-once N      links under way, 1 to 1000 (default 64)
  --per-host N     of them to one host, 1 to 1000 (default 8)
  --total SECONDS  for everything; links that are not decided by then are broken (default 60)
  --svg FILE       where the timeline goes (default link_check.svg)
  --list           name every link, not only the broken ones
  --help           this page

Exit code: 0  every link leads somewhere
           1  some are broken, and named
           2  the command line is wrong
           3  a page could not be read
)";

struct options {
    std::vector<std::string> pages;  ///< files and URLs
    std::filesystem::path root = ".";
    std::filesystem::path svg = "link_check.svg";
    bool online = true;
    bool weather = false;
    bool list = false;
    bool help = false;
    std::size_t at_once = 64;
    std::size_t per_host = 8;
    antiphon::duration total = std::chrono::seconds{60};
    std::string complaint;  ///< not empty: what is wrong with the command line
};

[[nodiscard]] inline bool is_url(std::string_view page) { return page.starts_with("http://") || page.starts_with("https://"); }

class command_line {
public:
    [[nodiscard]] static options parse(int count, char const* const* words) {
        command_line line{count, words};
        while (line.next_ < line.count_)
            line.take(words[line.next_++]);
        if (line.parsed_.pages.empty()) line.choose_ourselves();
        return std::move(line.parsed_);
    }

private:
    command_line(int count, char const* const* words) : count_{count}, words_{words} {}

    void take(std::string_view word) {
        options& o = parsed_;
        if (!word.starts_with("-")) return o.pages.emplace_back(word), void();
        if (word == "--help" || word == "-h") return void(o.help = true);
        if (word == "--list") return void(o.list = true);
        if (word == "--weather") return void(o.weather = true);
        if (word == "--online" || word == "--offline") return void((o.online = word == "--online", reach_said_ = true));
        if (word == "--root") return void(o.root = text(word));
        if (word == "--svg") return void(o.svg = text(word));
        if (word == "--at-once") return void(o.at_once = number(word, 1000));
        if (word == "--per-host") return void(o.per_host = number(word, 1000));
        if (word == "--total") return void(o.total = std::chrono::seconds{number(word, 86'400)});
        o.complaint = "there is no option " + std::string{word} + ", see --help";
    }
    [[nodiscard]] std::string text(std::string_view option) {
        if (next_ < count_) return words_[next_++];
        parsed_.complaint = std::string{option} + " takes an argument";
        return {};
    }
    [[nodiscard]] std::size_t number(std::string_view option, std::size_t most) {
        std::string const digits = next_ < count_ ? words_[next_++] : "";
        std::size_t value = 0;
        auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (error == std::errc{} && end == digits.data() + digits.size() && value >= 1 && value <= most) return value;
        parsed_.complaint = std::string{option} + " takes a number from 1 to " + std::to_string(most);
        return 1;
    }
    /// The pages of this repository.
    void choose_ourselves() {
        options& o = parsed_;
        o.root = LINK_CHECK_REPOSITORY;
        o.weather = true;
        if (!reach_said_) o.online = false;
        o.pages = {(o.root / "README.md").string(), (o.root / "CHANGELOG.md").string()};
        for (auto const& each : std::filesystem::recursive_directory_iterator{o.root / "docs"})
            if (each.path().extension() == ".md") o.pages.push_back(each.path().string());
        std::sort(o.pages.begin() + 2, o.pages.end());
    }

    int count_;
    char const* const* words_;
    int next_ = 1;
    bool reach_said_ = false;
    options parsed_;
};
