// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a message says beside its subject and body: names without case, and nothing that could end a line.

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/core/result.hpp"

namespace antiphon::messaging {

/// One header.
struct header {
    std::string name;
    std::string value;
    [[nodiscard]] bool operator==(header const&) const = default;
};

namespace detail {

[[nodiscard]] constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
[[nodiscard]] constexpr bool equal_without_case(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}
/// Letters, digits and what else a token may consist of, so that every broker takes it.
[[nodiscard]] constexpr bool is_name(std::string_view name) noexcept {
    for (char const c : name) {
        bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && std::string_view{"!#$%&'*+-.^_`|~"}.find(c) == std::string_view::npos) return false;
    }
    return !name.empty();
}
[[nodiscard]] constexpr bool is_value(std::string_view value) noexcept {
    for (char const c : value)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) return false;
    return true;
}

/// Headers that begin so are the library's own.
inline constexpr std::string_view own_prefix = "Antiphon-";
[[nodiscard]] constexpr bool is_own(std::string_view name) noexcept {
    return name.size() >= own_prefix.size() && equal_without_case(name.substr(0, own_prefix.size()), own_prefix);
}

}  // namespace detail

/// The headers of a message, in their order; a name may occur several times.
/// **Threads**: a value. **Errors**: `invalid_argument` for a name that is no token or begins with `Antiphon-`, and for a value with
/// control characters; then nothing has changed. **Cost**: none while empty; look-ups are linear.
class headers {
public:
    headers() = default;
    /// **Errors**: throws `request_error` for what `add` refuses.
    headers(std::initializer_list<header> list) {
        for (header const& each : list)
            if (result<void> const added = add(each.name, each.value); !added) added.error().raise();
    }

    /// One more.
    result<void> add(std::string_view name, std::string_view value) {
        if (result<void> checked = check(name, value); !checked) return checked;
        list_.push_back({std::string{name}, std::string{value}});
        return {};
    }
    /// The only one of that name.
    result<void> set(std::string_view name, std::string_view value) {
        if (result<void> checked = check(name, value); !checked) return checked;
        header fresh{std::string{name}, std::string{value}};  // the arguments may lie in what is erased
        erase(fresh.name);
        list_.push_back(std::move(fresh));
        return {};
    }
    /// How many went.
    std::size_t erase(std::string_view name) {
        return std::erase_if(list_, [&](header const& each) { return detail::equal_without_case(each.name, name); });
    }
    /// The value of the first one of that name.
    [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept {
        for (header const& each : list_)
            if (detail::equal_without_case(each.name, name)) return each.value;
        return std::nullopt;
    }
    [[nodiscard]] bool contains(std::string_view name) const noexcept { return get(name).has_value(); }
    [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }
    [[nodiscard]] auto begin() const noexcept { return list_.begin(); }
    [[nodiscard]] auto end() const noexcept { return list_.end(); }
    [[nodiscard]] bool operator==(headers const&) const = default;

private:
    [[nodiscard]] static result<void> check(std::string_view name, std::string_view value) {
        if (!detail::is_name(name)) return failure{errc::invalid_argument, executed::no, "a header's name must be a token"};
        if (detail::is_own(name))
            return failure{errc::invalid_argument, executed::no, "headers called Antiphon-… are the library's own"};
        if (!detail::is_value(value))
            return failure{errc::invalid_argument, executed::no, "a header's value must not have control characters"};
        return {};
    }

    std::vector<header> list_;
};

}  // namespace antiphon::messaging
