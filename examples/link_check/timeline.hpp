// SPDX-License-Identifier: BSL-1.0
#pragma once
// Draws the attempts as bars over time, a row for each URL: SVG, readable on light and dark pages.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "journal.hpp"

class timeline {
public:
    explicit timeline(std::vector<journal::attempt> attempts) : attempts_{std::move(attempts)} {
        if (attempts_.empty()) return;
        begin_ = attempts_.front().began;
        antiphon::time_point const now = antiphon::clock::now();
        for (journal::attempt& each : attempts_) {
            if (each.how == journal::end::under_way) {  // all are answered: what goes on is a copy that nobody waits for
                each.how = journal::end::dropped;
                each.ended = now;
            }
            end_ = std::max(end_, each.ended);
            rows_.emplace(each.url, rows_.size());
        }
    }

    [[nodiscard]] std::string svg() const {
        double const height = top + row * static_cast<double>(rows_.size()) + 16;
        std::string out = fmt::format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
            "font-family=\"system-ui, sans-serif\" font-size=\"11\" fill=\"#7a7f87\">\n",
            left + width + 20, height);
        out += legend() + axis(height);
        for (auto const& [url, number] : rows_)
            out +=
                fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", left - 8, y_of(number) + 9, label(url));
        for (journal::attempt const& each : attempts_)
            out += bar(each);
        return out + "</svg>\n";
    }

private:
    static constexpr double left = 300, width = 640, top = 52, row = 14;

    struct style {
        char const* colour;
        char const* text;
    };
    [[nodiscard]] static style style_of(journal::end how) {
        switch (how) {
            case journal::end::answered: return {"#10b981", "answered"};
            case journal::end::failed: return {"#f97316", "failed"};
            case journal::end::dropped: return {"#a1a1aa", "dropped: another copy was quicker"};
            case journal::end::under_way: break;
        }
        return {"#3b82f6", "under way"};
    }
    [[nodiscard]] static std::string legend() {
        std::string out;
        double x = left;
        for (auto const how : {journal::end::answered, journal::end::failed, journal::end::dropped}) {
            auto const [colour, text] = style_of(how);
            out += fmt::format(
                "<rect x=\"{0:.0f}\" y=\"12\" width=\"12\" height=\"9\" rx=\"2\" fill=\"{1}\"/>"
                "<text x=\"{2:.0f}\" y=\"20\">{3}</text>\n",
                x, colour, x + 18, text);
            x += 90;
        }
        return out;
    }
    [[nodiscard]] std::string axis(double height) const {
        double const whole = seconds(end_);
        std::string out;
        for (int i = 0; i <= 4; ++i) {
            double const x = left + width * i / 4;
            out += fmt::format(
                "<line x1=\"{0:.1f}\" y1=\"{1:.0f}\" x2=\"{0:.1f}\" y2=\"{2:.0f}\" stroke=\"#7a7f87\" stroke-opacity=\"0.25\"/>"
                "<text x=\"{0:.1f}\" y=\"{3:.0f}\" text-anchor=\"middle\">{4:.2f} s</text>\n",
                x, top - 6, height - 10, top - 12, whole * i / 4);
        }
        return out;
    }
    [[nodiscard]] std::string bar(journal::attempt const& each) const {
        auto const [colour, text] = style_of(each.how);
        double const from = x_of(each.began);
        double const wide = std::max(x_of(each.ended) - from, 1.5);
        return fmt::format(
            "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"9\" rx=\"2\" fill=\"{}\" fill-opacity=\"0.75\">"
            "<title>{}: {}, {:.1f} ms</title></rect>\n",
            from, y_of(rows_.at(each.url)), wide, colour, escaped(each.url), text,
            std::chrono::duration<double, std::milli>(each.ended - each.began).count());
    }
    [[nodiscard]] double seconds(antiphon::time_point t) const { return std::chrono::duration<double>(t - begin_).count(); }
    [[nodiscard]] double x_of(antiphon::time_point t) const { return left + width * seconds(t) / std::max(seconds(end_), 1e-9); }
    [[nodiscard]] static double y_of(std::size_t number) { return top + row * static_cast<double>(number); }
    /// The end of a URL says more than its beginning.
    [[nodiscard]] static std::string label(std::string const& url) {
        constexpr std::size_t most = 46;
        return escaped(url.size() <= most ? url : "…" + url.substr(url.size() - most));
    }
    [[nodiscard]] static std::string escaped(std::string const& text) {
        std::string out;
        for (char const c : text)
            c == '&' ? out += "&amp;" : c == '<' ? out += "&lt;" : c == '"' ? out += "&quot;" : out += c;
        return out;
    }

    std::vector<journal::attempt> attempts_;
    std::map<std::string, std::size_t> rows_;  ///< numbered as they were first asked for
    antiphon::time_point begin_, end_;
};
