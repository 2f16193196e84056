// SPDX-License-Identifier: BSL-1.0
#pragma once
// A failure on the other side of the wire, as it arrives here.

#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/messaging/message.hpp"

namespace antiphon::messaging {

/// What `value()` throws when the responder's handler threw.
class remote_error final : public std::system_error {
public:
    remote_error(std::error_code code, std::string text) : std::system_error{code}, text_{std::move(text)} {}
    [[nodiscard]] char const* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};

namespace detail {

inline constexpr std::size_t longest_refusal = 4096;

/// Turns `m`, which answers an ask, into the refusal that `why` is.
inline void write_refusal(message& m, failure const& why) {
    m.kind = message_kind::refusal;
    m.code = why.code();
    m.executed = why.executed();
    m.thrown = why.exception() != nullptr;
    m.retry_after = why.retry_after().value_or(duration::min());
    m.body = why.message();
    if (!m.thrown && m.body == m.code.message()) m.body.clear();
    if (m.body.size() > longest_refusal) m.body.resize(longest_refusal);
}
/// **Errors**: without exceptions the text is lost.
[[nodiscard]] inline failure read_refusal(message&& m) noexcept {
    failure why{m.code, m.executed};
    ANTIPHON_TRY {
        if (ANTIPHON_EXCEPTIONS != 0 && m.thrown) {
            why = failure::from_exception(std::make_exception_ptr(remote_error{why.code(), std::move(m.body)}), m.executed);
        } else if (!m.body.empty()) {
            why.with_message(std::move(m.body));
        }
    }
    ANTIPHON_CATCH_ALL {
        // There is no memory for the text.
    }
    if (m.retry_after != duration::min()) why.with_retry_after(m.retry_after);
    return why;
}

}  // namespace detail

}  // namespace antiphon::messaging
