// SPDX-License-Identifier: BSL-1.0
#pragma once
// Prefer and Preference-Applied: how a client would like to be answered, and which wish was granted.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/http/characters.hpp"
#include "antiphon/http/fault.hpp"
#include "antiphon/http/retry_after.hpp"

namespace antiphon::http {

/// A list of preferences. The first of a name counts. **Source**: RFC 7240.
class preferences {
public:
    /// The value of a Prefer or Preference-Applied field, or several joined by commas; parameters are read over.
    /// **Errors**: a fault and its position.
    [[nodiscard]] static result<preferences> parse(std::string_view text);

    /// The value of a preference, empty where it has none.
    [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept {
        for (auto const& [key, value] : list_)
            if (equal_without_case(key, name)) return value;
        return std::nullopt;
    }
    [[nodiscard]] bool contains(std::string_view name) const noexcept { return get(name).has_value(); }
    [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }

    /// "Rather 202 and a ticket than a long wait."
    [[nodiscard]] bool respond_async() const noexcept { return contains("respond-async"); }
    /// How long the client will wait for the answer itself. A `wait` that is no number of seconds is read over.
    [[nodiscard]] std::optional<duration> wait() const {
        std::optional<std::string_view> const text = get("wait");
        if (!text) return std::nullopt;
        result<duration> const seconds = parse_seconds(*text);
        return seconds ? std::optional{*seconds} : std::nullopt;
    }

private:
    class parser;
    std::vector<std::pair<std::string, std::string>> list_;
};

class preferences::parser {
public:
    explicit parser(std::string_view text) noexcept : text_{text} {}
    result<preferences> run() {
        for (;;) {
            blanks();
            while (taken(','))
                blanks();  // empty elements count for nothing
            if (at_ == text_.size()) return std::move(made_);
            std::pair<std::string, std::string> each;
            if (!preference(each)) return at_fault(wrong_, at_);
            if (!made_.contains(each.first)) made_.list_.push_back(std::move(each));
            if (at_ != text_.size() && text_[at_] != ',') return at_fault(fault::unexpected_character, at_);
        }
    }

private:
    void blanks() noexcept {
        while (at_ < text_.size() && is_blank(text_[at_]))
            ++at_;
    }
    bool taken(char c) noexcept {
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    bool preference(std::pair<std::string, std::string>& out) {
        if (!parameter(out)) return false;
        for (blanks(); taken(';'); blanks()) {
            blanks();
            std::pair<std::string, std::string> unused;
            if (at_ != text_.size() && text_[at_] != ';' && text_[at_] != ',' && !parameter(unused)) return false;
        }
        return true;
    }
    bool parameter(std::pair<std::string, std::string>& out) {
        if (!token(out.first)) return false;
        blanks();
        if (!taken('=')) return true;
        blanks();
        return taken('"') ? quoted(out.second) : token(out.second);
    }
    bool token(std::string& out) {
        std::size_t const begin = at_;
        while (at_ < text_.size() && is_token_character(text_[at_]))
            ++at_;
        out = text_.substr(begin, at_ - begin);
        wrong_ = at_ == text_.size() ? fault::missing : fault::bad_name;
        return at_ != begin;
    }
    bool quoted(std::string& out) {
        for (; at_ < text_.size(); ++at_) {
            if (taken('"')) return true;
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
            if (is_control(text_[at_]) && text_[at_] != '\t') {
                wrong_ = fault::control_character;
                return false;
            }
            out += text_[at_];
        }
        wrong_ = fault::missing;
        return false;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    fault wrong_ = fault::missing;
    preferences made_;
};

inline result<preferences> preferences::parse(std::string_view text) { return parser{text}.run(); }

/// The value of a Prefer field: "wait=2". Seconds, rounded up.
[[nodiscard]] inline std::string print_prefer_wait(duration wait) {
    auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
    return "wait=" + std::to_string(seconds.count() + (seconds < wait ? 1 : 0));
}
/// "respond-async, wait=2"; without a positive wait only "respond-async".
[[nodiscard]] inline std::string print_prefer_async(duration wait) {
    std::string out = "respond-async";
    return wait <= duration::zero() ? out : out.append(", ").append(print_prefer_wait(wait));
}

}  // namespace antiphon::http
