// SPDX-License-Identifier: BSL-1.0
#pragma once
// The reasons why an ask has no answer, as a std::error_code category.

#include <string>
#include <system_error>

namespace antiphon {

/// Why there is no answer. The first sixteen are the gRPC canonical codes, with their numbers.
enum class errc {
    cancelled = 1,            ///< the caller asked to stop
    unknown = 2,              ///< a failure without a better name
    invalid_argument = 3,     ///< the question itself is wrong
    deadline_exceeded = 4,    ///< the time allowed ran out
    not_found = 5,            ///< there is no such thing
    already_exists = 6,       ///< it is there already
    permission_denied = 7,    ///< the caller may not
    resource_exhausted = 8,   ///< a quota or a rate limit is used up
    failed_precondition = 9,  ///< the state does not allow it
    aborted = 10,             ///< a conflict; trying again may help
    out_of_range = 11,        ///< past the end
    unimplemented = 12,       ///< nobody knows how
    internal = 13,            ///< an invariant broke
    unavailable = 14,         ///< nobody answers now; trying again may help
    data_loss = 15,           ///< something is lost for good
    unauthenticated = 16,     ///< who is asking?
    would_deadlock = 32,      ///< waiting here could never end
    broken_promise = 33,      ///< the promise was dropped without an answer
    shut_down = 34,           ///< the executor takes no more work
    circuit_open = 35,        ///< a circuit breaker refused
    overloaded = 36,          ///< a concurrency limit or a queue is full
    forked = 37,              ///< the executor's threads stayed in the parent process
};

namespace detail {

class error_category final : public std::error_category {
public:
    [[nodiscard]] char const* name() const noexcept override { return "antiphon"; }
    [[nodiscard]] std::string message(int code) const override { return text(static_cast<errc>(code)); }
    /// So that codes compare with the standard's conditions, where these say the same.
    [[nodiscard]] std::error_condition default_error_condition(int code) const noexcept override {
        switch (static_cast<errc>(code)) {
            case errc::cancelled: return std::errc::operation_canceled;
            case errc::invalid_argument: return std::errc::invalid_argument;
            case errc::deadline_exceeded: return std::errc::timed_out;
            case errc::permission_denied: return std::errc::permission_denied;
            case errc::unimplemented: return std::errc::function_not_supported;
            case errc::would_deadlock: return std::errc::resource_deadlock_would_occur;
            default: return {code, *this};
        }
    }
    [[nodiscard]] static constexpr char const* text(errc code) noexcept {
        switch (code) {
            case errc::cancelled: return "cancelled";
            case errc::unknown: return "unknown failure";
            case errc::invalid_argument: return "invalid argument";
            case errc::deadline_exceeded: return "deadline exceeded";
            case errc::not_found: return "not found";
            case errc::already_exists: return "already exists";
            case errc::permission_denied: return "permission denied";
            case errc::resource_exhausted: return "resource exhausted";
            case errc::failed_precondition: return "failed precondition";
            case errc::aborted: return "aborted";
            case errc::out_of_range: return "out of range";
            case errc::unimplemented: return "unimplemented";
            case errc::internal: return "internal failure";
            case errc::unavailable: return "unavailable";
            case errc::data_loss: return "data loss";
            case errc::unauthenticated: return "unauthenticated";
            case errc::would_deadlock: return "would deadlock: the wait could never end";
            case errc::broken_promise: return "broken promise: it was dropped without an answer";
            case errc::shut_down: return "shut down: the executor takes no more work";
            case errc::circuit_open: return "circuit open";
            case errc::overloaded: return "overloaded";
            case errc::forked: return "forked: the executor's threads stayed in the parent process";
        }
        return "unknown antiphon error";
    }
};

inline error_category const the_error_category{};

}  // namespace detail

/// The category of `errc`. Names are "antiphon"; messages are lower-case phrases.
[[nodiscard]] inline std::error_category const& error_category() noexcept { return detail::the_error_category; }

[[nodiscard]] inline std::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), error_category()}; }

}  // namespace antiphon

template <>
struct std::is_error_code_enum<antiphon::errc> : std::true_type {};
