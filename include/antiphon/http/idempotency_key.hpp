// SPDX-License-Identifier: BSL-1.0
#pragma once
// Idempotency-Key: one name for one logical ask, by which a server knows that it has done this already.

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "antiphon/core/result.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/http/fault.hpp"
#include "antiphon/http/fields.hpp"

namespace antiphon::http {

/// A key, sent as a quoted string. A request that carries one may be repeated, whatever its method.
/// **Source**: draft-ietf-httpapi-idempotency-key-header.
class idempotency_key {
public:
    static constexpr std::string_view field_name = "Idempotency-Key";
    static constexpr std::size_t longest = 255;

    /// One that the caller knows: of an order, of a form. Visible ASCII without quotes and backslashes.
    /// **Errors**: a fault and its position.
    [[nodiscard]] static result<idempotency_key> parse(std::string_view text) {
        if (text.empty()) return at_fault(fault::missing, 0);
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (i == longest) return at_fault(fault::too_long, i);
            if (is_control(text[i])) return at_fault(fault::control_character, i);
            if (!is_ascii(text[i])) return at_fault(fault::not_ascii, i);
            if (text[i] == '"' || text[i] == '\\' || text[i] == ' ') return at_fault(fault::unexpected_character, i);
        }
        return idempotency_key{unchecked{}, std::string{text}};
    }
    /// A new one of 128 random bits, from the operating system; under a virtual clock, from the executor's own source, so that a
    /// simulation replays.
    [[nodiscard]] static idempotency_key make(any_executor const& executor = {}) {
        std::string text;
        for (int word = 0; word < 2; ++word)
            append(text, executor && executor.own_clock() ? executor.random() : entropy());
        return idempotency_key{unchecked{}, std::move(text)};
    }

    [[nodiscard]] std::string const& text() const noexcept { return text_; }
    /// As the field's value.
    [[nodiscard]] std::string quoted() const { return '"' + text_ + '"'; }
    [[nodiscard]] bool operator==(idempotency_key const&) const = default;

private:
    struct unchecked {};
    idempotency_key(unchecked, std::string text) noexcept : text_{std::move(text)} {}
    [[nodiscard]] static std::uint64_t entropy() {
        std::random_device source;
        return (std::uint64_t{source()} << 32) ^ source();
    }
    static void append(std::string& text, std::uint64_t bits) {
        for (int shift = 60; shift >= 0; shift -= 4)
            text += "0123456789abcdef"[(bits >> shift) & 15];
    }

    std::string text_;
};

/// Chooses the form of a request that is asked with its key as the argument: `web.post("/orders", body, http::keyed)`.
struct keyed_t {
    explicit keyed_t() = default;
};
inline constexpr keyed_t keyed = keyed_t();

namespace detail {

/// The outermost layer makes the key, once; what is inside, retries and hedges, has it as an argument.
template <class Layer, class...>
class keyed_ask : public antiphon::detail::layer_ask<Layer, idempotency_key> {
public:
    using R = typename Layer::result_type;
    template <class L>
    keyed_ask(any_executor executor, antiphon::detail::context_data const* outer, L&& layer)
        : antiphon::detail::layer_ask<Layer, idempotency_key>{any_executor{executor}, outer, std::forward<L>(layer),
                                                              idempotency_key::make(executor)} {}

protected:
    void start() noexcept override { this->begin_inner(); }
    void answered(result<R>& answer, antiphon::detail::delivery how) noexcept override { this->complete_from(answer, how); }
};

template <class Signature>
struct without_key {
    static_assert(sizeof(Signature) == 0, "antiphon: http::new_key stands after a request of one http::idempotency_key");
};
template <class R>
struct without_key<R(idempotency_key)> {
    using type = R();
};

}  // namespace detail

/// `web.post("/orders", body, http::keyed) | retry{…} | http::new_key`: every ask from here on makes one key, which all its
/// attempts and copies share. What should share the key stands inside, to the left.
struct new_key_policy {
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::keyed_ask<Layer, A...>;
    template <class Inner>
    using signature = typename detail::without_key<typename Inner::signature>::type;

    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return antiphon::detail::wrap(*this, std::move(r));
    }
};
inline constexpr new_key_policy new_key{};

}  // namespace antiphon::http
