// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a page links to, and which places in it can be linked to: Markdown as GitHub reads it, and HTML.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

struct hyperlink {
    std::string target;
    std::size_t line = 0;
};

struct outline {
    std::vector<hyperlink> links;
    std::set<std::string, std::less<>> anchors;
};

namespace reading {

[[nodiscard]] inline std::string_view trimmed(std::string_view text) {
    std::size_t const begin = text.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// `&amp;` is the one entity that links are full of.
[[nodiscard]] inline std::string without_entities(std::string_view text) {
    std::string out{text};
    for (std::size_t at = 0; (at = out.find("&amp;", at)) != std::string::npos; ++at)
        out.erase(at + 1, 4);
    return out;
}

/// The values of `name="…"` inside tags, told to `found`, each with where it begins.
template <class F>
void each_attribute(std::string_view html, std::string_view name, F found) {
    for (std::size_t at = 0; (at = html.find(name, at)) != std::string_view::npos; at += name.size()) {
        std::size_t const value = at + name.size();
        bool const whole_word = at != 0 && std::isspace(static_cast<unsigned char>(html[at - 1])) != 0;
        bool const in_tag = html.substr(0, at).rfind('<') + 1 > html.substr(0, at).rfind('>') + 1;
        if (!whole_word || !in_tag || html.substr(value, 1) != "=") continue;
        std::string_view const quote = html.substr(value + 1, 1);
        if (quote != "\"" && quote != "'") continue;
        std::size_t const end = html.find(quote, value + 2);
        if (end != std::string_view::npos) found(html.substr(value + 2, end - value - 2), at);
    }
}

/// `text` with blanks for everything from `open` to `close`, so that lines keep their numbers.
[[nodiscard]] inline std::string blanked(std::string text, std::string_view open, std::string_view close) {
    for (std::size_t begin = 0; (begin = text.find(open, begin)) != std::string::npos;) {
        std::size_t const found = text.find(close, begin + open.size());
        std::size_t const end = found == std::string::npos ? text.size() : found + close.size();
        for (; begin != end; ++begin)
            if (text[begin] != '\n') text[begin] = ' ';
    }
    return text;
}

/// GitHub's name for a heading: small letters, digits, hyphens and underscores; blanks become hyphens, the rest goes.
[[nodiscard]] inline std::string slug(std::string_view heading) {
    std::string out;
    for (char const c : heading) {
        auto const byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '_' || byte >= 0x80) out += static_cast<char>(std::tolower(byte));
        if (c == ' ') out += '-';
    }
    return out;
}

/// A heading's text without what surrounds it: code marks, emphasis, the targets of links.
[[nodiscard]] inline std::string plain(std::string_view heading) {
    std::string out;
    for (std::size_t i = 0; i < heading.size(); ++i) {
        if (heading.substr(i, 2) == "](") {
            i = std::min(heading.find(')', i), heading.size());
        } else if (std::string_view{"`*[]"}.find(heading[i]) == std::string_view::npos) {
            out += heading[i];
        }
    }
    return out;
}

/// Code, between fences and inside a line, is left out, and so are comments.
class markdown {
public:
    [[nodiscard]] static outline read(std::string_view text) {
        markdown reader;
        for (std::size_t number = 1; !text.empty(); ++number) {
            std::size_t const end = std::min(text.find('\n'), text.size());
            reader.line(text.substr(0, end), number);
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        return std::move(reader.seen_);
    }

private:
    void line(std::string_view raw, std::size_t number) {
        std::string_view const start = trimmed(raw);
        for (std::string_view const fence : {"```", "~~~"})
            if (!commented_ && start.starts_with(fence) && (fence_.empty() || fence_ == fence)) {
                fence_ = fence_.empty() ? fence : std::string_view{};
                return;
            }
        if (!fence_.empty()) return;
        std::string const text = without_comments(blanked(std::string{raw}, "`", "`"));
        if (!text.empty() && start.starts_with('#')) heading(start);
        inline_links(text, number);
        definition(trimmed(text), number);
        for (char const* name : {"href", "src"})
            each_attribute(text, name, [&](std::string_view target, std::size_t) { add(target, number); });
        for (char const* name : {"id", "name"})
            each_attribute(text, name, [&](std::string_view anchor, std::size_t) { seen_.anchors.emplace(anchor); });
    }
    /// What of a line is outside of comments; one may go on for lines.
    [[nodiscard]] std::string without_comments(std::string_view text) {
        std::string out;
        while (!text.empty()) {
            std::string_view const mark = commented_ ? "-->" : "<!--";
            std::size_t const at = text.find(mark);
            if (!commented_) out += text.substr(0, at);
            if (at == std::string_view::npos) break;
            commented_ = !commented_;
            text.remove_prefix(at + mark.size());
        }
        return out;
    }
    void heading(std::string_view text) {
        std::size_t const level = text.find_first_not_of('#');
        if (level == std::string_view::npos || level > 6 || text[level] != ' ') return;
        std::string const name = slug(plain(trimmed(text.substr(level))));
        std::size_t const before = times_[name]++;
        seen_.anchors.insert(before == 0 ? name : name + "-" + std::to_string(before));
    }
    /// `[text](target "title")`, `![text](<target>)` and `<https://target>`.
    void inline_links(std::string_view text, std::size_t number) {
        for (std::size_t at = 0; (at = text.find("](", at)) != std::string_view::npos; at += 2)
            add(target_of(text.substr(at + 2)), number);
        for (std::size_t at = 0; (at = text.find("<http", at)) != std::string_view::npos; ++at)
            if (std::size_t const end = text.find('>', at); end != std::string_view::npos)
                add(text.substr(at + 1, end - at - 1), number);
    }
    /// Up to the bracket that closes the one before it, or a title; nothing where none does.
    [[nodiscard]] static std::string_view target_of(std::string_view text) {
        if (text.starts_with('<')) return text.substr(1, text.find('>') - 1);
        std::size_t end = 0;
        for (int open = 1; end != text.size() && text[end] != ' '; ++end) {
            open += text[end] == '(' ? 1 : text[end] == ')' ? -1 : 0;
            if (open == 0) return text.substr(0, end);
        }
        bool const titled = trimmed(text.substr(end)).find_first_of("\"'") == 0 && text.find(')', end) != std::string_view::npos;
        return titled ? text.substr(0, end) : std::string_view{};
    }
    /// `[name]: target`
    void definition(std::string_view text, std::size_t number) {
        std::size_t const end = text.find("]: ");
        if (!text.starts_with('[') || text.starts_with("[^") || end == std::string_view::npos) return;
        std::string_view const target = trimmed(text.substr(end + 3));
        add(target.substr(0, target.find(' ')), number);
    }
    void add(std::string_view target, std::size_t number) {
        if (!target.empty()) seen_.links.push_back({without_entities(target), number});
    }

    std::string_view fence_;  ///< that is open
    bool commented_ = false;
    std::map<std::string, std::size_t> times_;
    outline seen_;
};

}  // namespace reading

[[nodiscard]] inline outline read_markdown(std::string_view text) { return reading::markdown::read(text); }

[[nodiscard]] inline outline read_html(std::string_view text) {
    std::string const html = reading::blanked(reading::blanked(std::string{text}, "<!--", "-->"), "<script>", "</script>");
    outline seen;
    for (char const* name : {"href", "src"})
        reading::each_attribute(html, name, [&](std::string_view target, std::size_t at) {
            auto const line =
                static_cast<std::size_t>(std::count(html.begin(), html.begin() + static_cast<std::ptrdiff_t>(at), '\n')) + 1;
            seen.links.push_back({reading::without_entities(target), line});
        });
    for (char const* name : {"id", "name"})
        reading::each_attribute(html, name, [&](std::string_view anchor, std::size_t) { seen.anchors.emplace(anchor); });
    return seen;
}
