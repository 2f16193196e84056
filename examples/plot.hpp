// SPDX-License-Identifier: BSL-1.0
#pragma once
// Draws curves as SVG, readable on light and dark pages: enough for the examples that plot what they measured.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

class plot {
public:
    struct axis {
        std::string label;
        double from = 0;
        double to = 1;
        bool logarithmic = false;
        std::vector<std::pair<double, std::string>> ticks{};  // at least two
    };
    struct curve {
        std::string name;
        std::vector<std::pair<double, double>> points;
        bool dashed = false;
    };

    plot(std::string title, axis x, axis y) : title_{std::move(title)}, x_{std::move(x)}, y_{std::move(y)} {}
    plot& add(curve c) {
        curves_.push_back(std::move(c));
        return *this;
    }
    plot& shade(double from, double to, std::string text) {
        shades_.push_back({from, to, std::move(text)});
        return *this;
    }

    /// Where the names of the curves end, from the upper right corner.
    plot& legend_at(double from_right, double from_top) {
        legend_x_ = from_right;
        legend_y_ = from_top;
        return *this;
    }

    [[nodiscard]] std::string svg() const { return header(1) + body(0) + "</svg>\n"; }
    /// Several beside each other.
    [[nodiscard]] static std::string row(std::vector<plot> const& plots) {
        std::string s = header(plots.size());
        for (std::size_t i = 0; i != plots.size(); ++i)
            s += plots[i].body(static_cast<double>(i) * width);
        return s + "</svg>\n";
    }

private:
    static constexpr double width = 560, height = 380, left = 70, right = 20, top = 44, bottom = 60;
    static constexpr char const* grey = "#7a7f87";
    static constexpr char const* colours[] = {"#3b82f6", "#f97316", "#10b981", "#d946ef", "#eab308"};
    struct shaded {
        double from, to;
        std::string text;
    };

    static double share(axis const& a, double v) {
        if (!a.logarithmic) return (v - a.from) / (a.to - a.from);
        return (std::log(std::max(v, a.from)) - std::log(a.from)) / (std::log(a.to) - std::log(a.from));
    }
    [[nodiscard]] double at_x(double v) const { return left + std::clamp(share(x_, v), 0.0, 1.0) * (width - left - right); }
    [[nodiscard]] double at_y(double v) const { return height - bottom - std::clamp(share(y_, v), 0.0, 1.0) * (height - top - bottom); }

    static std::string header(std::size_t n) {
        double const w = static_cast<double>(n) * width;
        return fmt::format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
            "font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"{2}\">\n",
            w, height, grey);
    }
    static std::string text(double x, double y, char const* anchor, std::string const& what, char const* more = "") {
        return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor, more, what);
    }
    static std::string line(double x1, double y1, double x2, double y2, double opacity) {
        return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-opacity=\"{}\"/>\n", x1,
                           y1, x2, y2, grey, opacity);
    }
    [[nodiscard]] std::string body(double shift) const {
        std::string s = fmt::format("<g transform=\"translate({:.0f} 0)\">\n", shift);
        s += text(left, 24, "start", title_, " font-weight=\"600\" font-size=\"15\"");
        for (shaded const& area : shades_) {
            s += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\" fill-opacity=\"0.14\"/>\n",
                             at_x(area.from), top, at_x(area.to) - at_x(area.from), height - top - bottom, grey);
            s += text((at_x(area.from) + at_x(area.to)) / 2, height - bottom - 8, "middle", area.text);
        }
        for (auto const& [v, label] : x_.ticks) {
            s += line(at_x(v), height - bottom, at_x(v), top, 0.18);
            s += text(at_x(v), height - bottom + 18, "middle", label);
        }
        for (auto const& [v, label] : y_.ticks) {
            s += line(left, at_y(v), width - right, at_y(v), 0.18);
            s += text(left - 8, at_y(v) + 4, "end", label);
        }
        s += line(left, height - bottom, width - right, height - bottom, 1) + line(left, height - bottom, left, top, 1);
        s += text((left + width - right) / 2, height - bottom + 42, "middle", x_.label);
        double const middle = (top + height - bottom) / 2;
        s += text(18, middle, "middle", y_.label, fmt::format(" transform=\"rotate(-90 18 {:.1f})\"", middle).c_str());
        for (std::size_t i = 0; i != curves_.size(); ++i)
            s += drawn(curves_[i], colours[i % std::size(colours)]) + legend(i);
        return s + "</g>\n";
    }
    [[nodiscard]] std::string drawn(curve const& c, char const* colour) const {
        std::string s = "<polyline points=\"";
        for (auto const& [x, y] : c.points)
            s += fmt::format("{:.1f},{:.1f} ", at_x(x), at_y(y));
        return s + fmt::format("\" fill=\"none\" stroke=\"{}\" stroke-width=\"2.2\" stroke-linejoin=\"round\"{}/>\n", colour,
                               c.dashed ? " stroke-dasharray=\"6 4\"" : "");
    }
    [[nodiscard]] std::string legend(std::size_t i) const {
        double const y = top + legend_y_ + 19 * static_cast<double>(i);
        double const x = width - right - legend_x_;
        std::string s = text(x - 34, y + 4, "end", curves_[i].name);
        return s + fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"2.6\"{}/>\n",
                               x - 28, y, x, y, colours[i % std::size(colours)], curves_[i].dashed ? " stroke-dasharray=\"6 4\"" : "");
    }

    std::string title_;
    axis x_, y_;
    std::vector<curve> curves_;
    std::vector<shaded> shades_;
    double legend_x_ = 8, legend_y_ = 14;
};

/// False: it could not be written.
inline bool write_file(std::string const& path, std::string const& text) {
    std::ofstream out{path};
    out << text;
    return static_cast<bool>(out.flush());
}
