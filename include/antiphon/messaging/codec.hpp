// SPDX-License-Identifier: BSL-1.0
#pragma once
// How values become bodies and bodies become values.

#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/messaging/message.hpp"

namespace antiphon::messaging {

/// `c.encode(value)` gives a `std::string` or a `result` of one, `c.decode(type<T>{}, body)` a `T` or a `result<T>`. What they throw
/// becomes the failure. A codec that says `static constexpr bool quick = true` neither blocks nor runs code that does: it is used
/// right where a message arrives, which may be a transport's own thread. Any other is used on the request's executor.
/// **Threads**: one codec is used by several at once.
template <class T>
struct type {};

template <class C, class T>
concept encodes = requires(C const& c, T const& value) {
    { c.encode(value) };
};
template <class C, class T>
concept decodes = requires(C const& c, std::string_view body) {
    { c.decode(type<T>{}, body) };
};
template <class C>
concept quick_codec = requires { requires C::quick; };

/// Strings as they are.
struct bytes {
    static constexpr bool quick = true;
    [[nodiscard]] std::string encode(std::string_view value) const { return std::string{value}; }
    [[nodiscard]] std::string decode(type<std::string>, std::string_view body) const { return std::string{body}; }
};

/// Strings as they are, numbers in decimal, `true` and `false`.
/// **Errors**: `invalid_argument` for what is no such number, `out_of_range` for what does not fit.
struct text : bytes {
    using bytes::decode;
    using bytes::encode;
    template <class N>
        requires std::is_arithmetic_v<N>
    [[nodiscard]] std::string encode(N value) const {
        if constexpr (std::same_as<N, bool>) {
            return value ? "true" : "false";
        } else {
            char digits[64];
            return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
        }
    }
    template <class N>
        requires std::is_arithmetic_v<N>
    [[nodiscard]] result<N> decode(type<N>, std::string_view body) const {
        if constexpr (std::same_as<N, bool>) {
            if (body == "true" || body == "false") return body == "true";
            return failure{errc::invalid_argument, executed::no, "the body is neither true nor false"};
        } else {
            N value{};
            auto const [end, error] = std::from_chars(body.data(), body.data() + body.size(), value);
            if (error == std::errc::result_out_of_range)
                return failure{errc::out_of_range, executed::no, "the number in the body does not fit"};
            if (error != std::errc{} || end != body.data() + body.size())
                return failure{errc::invalid_argument, executed::no, "the body is no number"};
            return value;
        }
    }
};

namespace detail {

/// A message is its own body: who takes one sees the headers, who gives one sets them.
template <class Codec, class T>
[[nodiscard]] result<void> encode_into(Codec const& c, message& m, T&& value) {
    using V = std::remove_cvref_t<T>;
    if constexpr (std::same_as<V, message>) {
        for (header const& each : value.headers)
            if (result<void> added = m.headers.add(each.name, each.value); !added) return added;
        if (!is_value(value.key)) return failure{errc::invalid_argument, executed::no, "a key must not have control characters"};
        m.body = std::forward<T>(value).body;
        if (!value.key.empty()) m.key = std::forward<T>(value).key;
        return {};
    } else {
        static_assert(encodes<Codec, V>, "antiphon: the codec cannot encode this type: name a codec that has encode(value) for it");
        result<std::string> body = c.encode(value);
        if (!body) return std::move(body).error();
        m.body = *std::move(body);
        return {};
    }
}
template <class T, class Codec>
[[nodiscard]] result<T> decode_from(Codec const& c, message&& m) {
    if constexpr (std::is_void_v<T>) {
        return {};
    } else if constexpr (std::same_as<T, message>) {
        return std::move(m);
    } else if constexpr (std::same_as<T, std::string> && std::derived_from<Codec, bytes>) {
        return std::move(m.body);
    } else {
        static_assert(decodes<Codec, T>, "antiphon: the codec cannot decode this type: name a codec that has decode(type<T>, body)");
        return c.decode(type<T>{}, std::string_view{m.body});
    }
}

}  // namespace detail

static_assert(encodes<text, int> && decodes<text, double> && encodes<bytes, std::string> && !encodes<bytes, int>);

}  // namespace antiphon::messaging
