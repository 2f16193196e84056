// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that sends metadata along with an ask.

#include <concepts>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/core/config.hpp"
#include "antiphon/core/contract.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/execution/default_pool.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/metadata.hpp"
#include "antiphon/policy/detail/guarding_ask.hpp"
#include "antiphon/policy/detail/shared_function.hpp"

namespace antiphon {

namespace detail {

/// A key is a token, as RFC 9110, 5.6.2 has it, so that every carrier of headers can carry it.
[[nodiscard]] constexpr bool is_metadata_key(std::string_view key) noexcept {
    for (char const c : key) {
        if ((c < '0' || c > '9') && (lower(c) < 'a' || lower(c) > 'z') &&
            std::string_view{"!#$%&'*+-.^_`|~"}.find(c) == std::string_view::npos)
            return false;
    }
    return !key.empty();
}
/// A value has nothing that would end its line.
[[nodiscard]] constexpr bool is_metadata_value(std::string_view value) noexcept {
    return value.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos;
}

struct metadata_core final : counted {
    std::vector<metadata_entry> entries;
    shared_function<std::string()> made;  ///< by each ask: the value of the only entry
};

/// The block lies in the ask, which keeps the entries: what sees them from inside holds the ask.
template <class Layer, class... A>
class metadata_ask : public guarding_ask<Layer, A...> {
public:
    using R = typename Layer::result_type;
    template <class L, class... X>
    metadata_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : guarding_ask<Layer, A...>{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...},
          core_(layer.policy().core_) {}

protected:
    ~metadata_ask() = default;
    void start() noexcept override {
        if (core_->made && timer_thread::is_current()) return this->continue_after(delivery::nested);  // the user's function
        go_in(delivery::nested);
    }
    void answered(result<R>& answer, delivery how) noexcept override { this->complete_from(answer, how); }
    void step(delivery how) noexcept override { go_in(how); }
    void refuse(errc why, delivery how) noexcept override { this->turn_away(failure{why, executed::no}, how); }

private:
    void go_in(delivery how) noexcept {
        if (core_->made) {
            if (this->stop_requested()) return this->turn_away_stopped(how);
            ANTIPHON_TRY { make_entry(); }
            ANTIPHON_CATCH_ALL { return this->turn_away(failure::current(executed::no), how); }
            if (!is_metadata_value(own_->value)) {
                failure why{errc::invalid_argument, executed::no, "with_metadata: a value must not contain line breaks or zeros"};
                return this->turn_away(std::move(why), how, "with_metadata");
            }
            block_ = {&*own_, 1, this->inherited().metadata};
        } else {
            block_ = {core_->entries.data(), core_->entries.size(), this->inherited().metadata};
        }
        this->inherited().metadata = &block_;
        this->admit();
    }
    void make_entry() {
        ambient_context const inherited{this->context()};
        own_.emplace(metadata_entry{core_->entries.front().key, core_->made()});
    }

    shared_core<metadata_core> core_;
    metadata_block block_;
    std::optional<metadata_entry> own_;
};

}  // namespace detail

/// `request | with_metadata{"tenant", "blue"}`: handlers see it by `context::metadata()`, in this ask and in those that they make in turn,
/// and transports send it as headers. Of two values with one key the inner one counts. The value may be made for each ask:
/// `with_metadata{"request-id", [] { return new_id(); }}` (outside a retry one for all attempts, inside it one for each). A handle.
/// What answers several asks at once has the metadata of the one that it was begun for (`coalesce`) or none (`batch`, a cache's refresh).
/// **Threads**: the function runs in the asking thread, never on the timer thread; for several asks at once.
/// **Errors**: a key is a token as the names of headers are, and given once; a value has no line breaks and no zeros: else
/// `std::invalid_argument`. An ask whose value was made otherwise fails with `errc::invalid_argument`, or with what the function throws.
/// **Cost**: no allocation beyond the ask's, save for a value that is made.
class with_metadata {
public:
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::metadata_ask<Layer, A...>;

    with_metadata(std::string key, std::string value) : with_metadata{one(std::move(key), std::move(value))} {}
    template <class F>
        requires(std::invocable<std::decay_t<F> const&> &&
                 std::convertible_to<std::invoke_result_t<std::decay_t<F> const&>, std::string>)
    with_metadata(std::string key, F&& value) : with_metadata{one(std::move(key), {})} {
        core_->made = std::forward<F>(value);
    }
    with_metadata(std::initializer_list<metadata_entry> entries) : with_metadata{std::vector<metadata_entry>{entries}} {}
    explicit with_metadata(std::vector<metadata_entry> entries) : core_{new detail::metadata_core} {
        check(entries);
        core_->entries = std::move(entries);
    }

    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::wrap(*this, std::move(r));
    }

private:
    template <class, class...>
    friend class detail::metadata_ask;

    [[nodiscard]] static std::vector<metadata_entry> one(std::string key, std::string value) {
        std::vector<metadata_entry> made;
        made.push_back({std::move(key), std::move(value)});
        return made;
    }
    static void check(std::vector<metadata_entry> const& entries) {
        for (auto it = entries.begin(); it != entries.end(); ++it) {
            detail::require(detail::is_metadata_key(it->key), "with_metadata.key: must be a token, as the name of a header");
            detail::require(detail::is_metadata_value(it->value), "with_metadata.value: must not contain line breaks or zeros");
            for (auto other = std::next(it); other != entries.end(); ++other)
                detail::require(!detail::same_key(it->key, other->key), "with_metadata.key: must be given once");
        }
    }

    shared_core<detail::metadata_core> core_;
};

static_assert(policy<with_metadata> && sizeof(with_metadata) == sizeof(void*));

}  // namespace antiphon
