// SPDX-License-Identifier: BSL-1.0
#pragma once
// Events that a server sends: the text of an event stream, taken apart as it arrives.

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/http/characters.hpp"
#include "antiphon/http/fault.hpp"
#include "antiphon/http/retry_after.hpp"

namespace antiphon::http {

/// One event. **Source**: WHATWG HTML, 9.2 "Server-sent events".
struct server_event {
    std::string type = "message";
    std::string data = {};
    /// The last id that was given, by this event or an earlier one.
    std::string id = {};
    [[nodiscard]] bool operator==(server_event const&) const = default;

    /// As lines of an event stream. Line breaks in the data begin new lines; in the type and the id, and in an id's zero bytes, they
    /// cannot be sent and are left out.
    [[nodiscard]] std::string text() const {
        std::string out;
        if (!id.empty()) out.append("id: ").append(on_one_line(id)).append("\n");
        if (type != "message") out.append("event: ").append(on_one_line(type)).append("\n");
        for (std::size_t at = 0;;) {
            std::size_t const end = data.find_first_of("\r\n", at);
            out.append("data: ").append(data, at, end == std::string::npos ? end : end - at).append("\n");
            if (end == std::string::npos) break;
            at = end + (data.compare(end, 2, "\r\n") == 0 ? 2 : 1);
        }
        return out += "\n";
    }

private:
    [[nodiscard]] static std::string on_one_line(std::string_view text) {
        std::string out;
        for (char const c : text)
            if (c != '\r' && c != '\n' && c != '\0') out += c;
        return out;
    }
};

/// Takes parts of a stream, cut anywhere, and gives its events. What is not understood is read over, as the standard says.
/// **Threads**: a value. **Errors**: `fault::too_long` where an event, or a line, is longer than allowed; nothing is parsed after that.
/// **Cost**: linear; keeps one event that is not complete.
class event_parser {
public:
    /// **Errors**: a limit of 0 is refused with `std::invalid_argument`.
    explicit event_parser(std::size_t longest = std::size_t{1} << 20) : longest_{longest} {
        antiphon::detail::require(longest != 0, "event_parser: the limit must not be zero");
    }

    result<void> feed(std::string_view bytes) {
        bytes = without_mark(bytes);
        while (!bytes.empty() && !too_long_) {
            if (std::exchange(after_return_, false) && bytes.front() == '\n') {
                bytes.remove_prefix(1);
                continue;
            }
            std::size_t const end = bytes.find_first_of("\r\n");
            line_.append(bytes.substr(0, end));
            too_long_ = line_.size() + data_.size() > longest_;
            if (end == std::string_view::npos) break;
            after_return_ = bytes[end] == '\r';
            bytes.remove_prefix(end + 1);
            take_line(std::exchange(line_, {}));
        }
        if (too_long_) return at_fault(fault::too_long, longest_);
        return {};
    }
    /// The oldest event that has not been taken yet.
    [[nodiscard]] std::optional<server_event> next() {
        if (ready_.empty()) return std::nullopt;
        server_event first = std::move(ready_.front());
        ready_.pop_front();
        return first;
    }
    /// A new stream begins: half an event is none. The last id and the pause stay.
    void restart() {
        line_.clear();
        data_.clear();
        type_.clear();
        id_ = last_id_;
        mark_ = 0;
        after_return_ = too_long_ = false;
    }
    [[nodiscard]] std::string const& last_event_id() const noexcept { return last_id_; }
    /// How long the server asks to wait before connecting again.
    [[nodiscard]] std::optional<duration> retry() const noexcept { return retry_; }

private:
    /// One byte order mark at the very beginning is none of the text.
    [[nodiscard]] std::string_view without_mark(std::string_view bytes) {
        static constexpr std::string_view mark = "\xef\xbb\xbf";
        while (mark_ < mark.size() && !bytes.empty()) {
            if (bytes.front() != mark[mark_]) {
                line_.assign(mark.substr(0, mark_));  // it was no mark
                mark_ = mark.size();
                break;
            }
            ++mark_;
            bytes.remove_prefix(1);
        }
        return bytes;
    }
    void take_line(std::string const& line) {
        if (line.empty()) return dispatch();
        std::size_t const colon = line.find(':');
        std::string_view const name = std::string_view{line}.substr(0, colon);
        std::string_view value = colon == std::string::npos ? std::string_view{} : std::string_view{line}.substr(colon + 1);
        if (value.starts_with(' ')) value.remove_prefix(1);
        if (name == "data") {
            data_.append(value).append("\n");
        } else if (name == "event") {
            type_ = value;
        } else if (name == "id") {
            if (value.find('\0') == std::string_view::npos) id_ = value;
        } else if (name == "retry") {
            set_retry(value);
        }
    }
    void set_retry(std::string_view value) {
        result<duration> const milliseconds = parse_seconds(value);  // digits, saturating
        if (milliseconds) retry_ = *milliseconds == duration::max() ? *milliseconds : *milliseconds / 1000;
    }
    void dispatch() {
        last_id_ = id_;
        std::string type = std::exchange(type_, {});
        std::string data = std::exchange(data_, {});
        if (data.empty()) return;
        data.pop_back();
        ready_.push_back({type.empty() ? "message" : std::move(type), std::move(data), last_id_});
    }

    std::size_t longest_;
    std::string line_, data_, type_, id_, last_id_;
    std::deque<server_event> ready_;
    std::optional<duration> retry_;
    std::size_t mark_ = 0;
    bool after_return_ = false;
    bool too_long_ = false;
};

}  // namespace antiphon::http
