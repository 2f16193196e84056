// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a server gives instead of an answer that takes long: where to ask for it. It can be written down and used by another process.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/http/date.hpp"
#include "antiphon/http/fields.hpp"
#include "antiphon/http/message.hpp"
#include "antiphon/http/prefer.hpp"
#include "antiphon/http/url.hpp"

namespace antiphon::http {

/// Where an answer can be had, and when. Nothing secret is in it but the URL.
/// **Threads**: a value.
struct ticket {
    /// Of the status resource.
    std::string url = {};
    /// Before that, asking is in vain; in whole seconds, rounded up.
    std::optional<date_time> not_before = {};
    /// The server holds a status request for as long as it is asked to (Preference-Applied: wait).
    bool waits = false;

    [[nodiscard]] bool operator==(ticket const&) const = default;

    /// The ticket in a response to a message for `target`: 202 with a Location. **Errors**: none where it is not one; the fault of a
    /// Location that is no URL.
    [[nodiscard]] static std::optional<result<ticket>> in(response const& r, std::string_view target) {
        std::optional<std::string_view> const location = r.headers.get("Location");
        if (r.status != 202 || !location) return std::nullopt;
        result<http::url> reference = http::url::parse(*location);
        if (!reference) return reference.error();
        // A transport says where the answer came from; where it does not, the reference stays one, and it resolves it.
        result<http::url> const from = http::url::parse(r.url.empty() ? target : std::string_view{r.url});
        if (from && from->absolute()) reference = from->resolve(*reference);
        if (!reference) return reference.error();
        ticket made{.url = reference->text()};
        if (std::optional<duration> const wait = r.retry_after(); wait && *wait > duration::zero()) made.not_before = in_seconds(*wait);
        result<preferences> const applied = preferences::parse(r.headers.joined("Preference-Applied"));
        made.waits = applied && applied->contains("wait");
        return made;
    }
    /// Until `not_before`.
    [[nodiscard]] duration pause(date_time now = today()) const noexcept {
        return !not_before || *not_before <= now ? duration::zero() : saturating_cast(*not_before - now);
    }

    /// Lines of text, for a file; `parse` reads them.
    [[nodiscard]] std::string text() const {
        std::string out{first_line};
        out.append("\nLocation: ").append(url).append("\n");
        if (not_before) out.append("Not-Before: ").append(print_date(*not_before)).append("\n");
        if (waits) out += "Preference-Applied: wait\n";
        return out;
    }
    /// **Errors**: a fault and its position. Lines with unknown names are read over, so that later versions may add some.
    [[nodiscard]] static result<ticket> parse(std::string_view text) {
        if (text.size() > longest) return at_fault(fault::too_long, longest);
        fields lines;
        for (std::size_t at = 0; at < text.size();) {
            std::size_t const end = text.find('\n', at);
            std::string_view line = text.substr(at, end == std::string_view::npos ? end : end - at);
            std::size_t const next = end == std::string_view::npos ? text.size() : end + 1;
            if (line.ends_with('\r')) line.remove_suffix(1);
            if (at == 0 && line != first_line) return at_fault(fault::bad_name, 0);
            if (result<void> const added = at == 0 || line.empty() ? result<void>{} : lines.add_line(line); !added)
                return at_fault(fault_of(added.error())->what, at + fault_of(added.error())->position);
            at = next;
        }
        std::optional<std::string_view> const location = lines.get("Location");
        if (!location) return at_fault(fault::missing, text.size());
        if (result<http::url> const checked = http::url::parse(*location); !checked) return checked.error();
        ticket made{.url = std::string{*location}};
        if (std::optional<std::string_view> const date = lines.get("Not-Before")) {
            result<date_time> const parsed = parse_date(*date, today());
            if (!parsed) return parsed.error();
            made.not_before = *parsed;
        }
        result<preferences> const applied = preferences::parse(lines.joined("Preference-Applied"));
        made.waits = applied && applied->contains("wait");
        return made;
    }

private:
    static constexpr std::string_view first_line = "antiphon ticket 1";
    static constexpr std::size_t longest = std::size_t{1} << 21;
    static constexpr std::chrono::hours a_year{24 * 366};

    [[nodiscard]] static date_time today() noexcept {
        return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    }
    /// Far enough is far enough: what is printed has a year of four digits.
    [[nodiscard]] static date_time in_seconds(duration wait) noexcept {
        duration const bounded = wait < duration{a_year} ? wait : duration{a_year};
        return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now() + bounded) + std::chrono::seconds{1};
    }
};

}  // namespace antiphon::http
