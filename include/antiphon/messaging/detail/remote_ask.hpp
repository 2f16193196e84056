// SPDX-License-Identifier: BSL-1.0
#pragma once
// The handler whose work is done elsewhere, and one ask of it: the entry in the table, the arguments and the answer are one allocation.

#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "antiphon/core/lifetime.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/metadata.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/messaging/codec.hpp"
#include "antiphon/messaging/detail/carried.hpp"
#include "antiphon/messaging/detail/client_core.hpp"
#include "antiphon/messaging/remote_error.hpp"

namespace antiphon::messaging::detail {

/// Where a request asks, and how. Shared by its copies.
template <class Codec>
struct target {
    std::shared_ptr<client_core> core;
    std::string subject;
    ANTIPHON_NO_UNIQUE_ADDRESS Codec codec;
};

/// Makes a message of an argument, or none. **Errors**: what the codec says.
template <class Codec, class... A>
[[nodiscard]] result<void> question(message& m, target<Codec> const& to, antiphon::detail::context_data const* c, duration remaining,
                                    A&&... args) {
    m.kind = message_kind::ask;
    m.subject = to.subject;
    m.headers = to.core->options().headers;
    m.remaining = remaining;
    if (c != nullptr) {
        m.priority = c->priority;
        if (c->metadata != nullptr) carry(metadata_view{c->metadata}, m);
    }
    if constexpr (sizeof...(A) != 0) {
        return encode_into(to.codec, m, std::forward<A>(args)...);
    } else {
        return {};
    }
}

/// An argument as its parameter: it was kept as passed.
template <class Signature>
struct parameter_of;
template <class R>
struct parameter_of<R()> {};
template <class R, class P>
struct parameter_of<R(P)> {
    using value = std::remove_cvref_t<P>;
    template <class A>
    [[nodiscard]] static decltype(auto) from(A& kept) {
        if constexpr (std::is_same_v<A, value>) {
            return std::move(kept);
        } else {
            return value(static_cast<P>(std::move(kept)));
        }
    }
};

template <class Remote, class... Kept>
class remote_ask;

/// The innermost layer of a client's request.
template <class Signature, class Codec>
class remote;
template <class R, class... P, class Codec>
class remote<R(P...), Codec> {
    static_assert(sizeof...(P) <= 1, "antiphon: a message carries one argument or none: put several into a struct");

public:
    using result_type = R;
    using signature = R(P...);
    using codec_type = Codec;
    template <class... A>
    using ask = remote_ask<remote, antiphon::detail::kept_t<P, A>...>;

    explicit remote(std::shared_ptr<target<Codec> const> to) noexcept : to_{std::move(to)} {}

    /// That of a connection with a clock of its own.
    [[nodiscard]] any_executor const* executor() const noexcept {
        return to_ != nullptr && to_->core->executor() ? &to_->core->executor() : nullptr;
    }
    [[nodiscard]] static constexpr bool abandons() noexcept { return false; }
    [[nodiscard]] bool empty() const noexcept { return to_ == nullptr; }
    [[nodiscard]] remote const& layer() const& noexcept { return *this; }
    [[nodiscard]] remote&& layer() && noexcept { return std::move(*this); }
    [[nodiscard]] target<Codec> const& to() const noexcept { return *to_; }
    static constexpr bool several = false;
    [[nodiscard]] static constexpr duration limit() noexcept { return duration::max(); }

    template <class Self, class... A>
    [[nodiscard]] static antiphon::detail::state_ptr<antiphon::detail::state<R>> make(Self&& self, any_executor executor,
                                                                                      antiphon::detail::context_data const* context,
                                                                                      A&&... args) {
        return antiphon::detail::state_ptr<antiphon::detail::state<R>>{new antiphon::detail::heap_ask<ask<A...>>{
            std::move(executor), context, std::forward<Self>(self), std::forward<A>(args)...}};
    }

private:
    std::shared_ptr<target<Codec> const> to_;
};

/// The answer's message, for codecs that decode it in another place than where it arrives.
template <bool Needed>
struct arrived_message {
    std::unique_ptr<message> held;
    [[nodiscard]] bool here() const noexcept { return held != nullptr; }
};
template <>
struct arrived_message<false> {
    [[nodiscard]] static constexpr bool here() noexcept { return false; }
};

/// begin → (another thread than one that may not block: a step) → in the table → answered, lost, or given up, by whoever takes it out
/// → (a codec that is not quick: a step) → decided. What is in the table keeps the producer's reference.
template <class Remote, class... Kept>
class remote_ask : public antiphon::detail::state<typename Remote::result_type>, public pending {
    using base = antiphon::detail::state<typename Remote::result_type>;
    using delivery = antiphon::detail::delivery;
    static constexpr bool quick = quick_codec<typename Remote::codec_type>;

public:
    using R = typename Remote::result_type;

    template <class L, class... A>
    remote_ask(any_executor executor, antiphon::detail::context_data const* context, L&& handler, A&&... args)
        : base{std::move(executor), context, 2, 0}, handler_(std::forward<L>(handler)), args_(std::forward<A>(args)...) {}

    /// From the asking thread, unless that is one that must not block.
    void begin() noexcept override {
        if (timer_thread::is_current()) return this->continue_after(delivery::nested);
        send(delivery::nested);
    }

protected:
    ~remote_ask() {}

    void step(delivery how) noexcept override {
        if (arrived_.here()) return decode(how);
        send(how);
    }
    void refuse(errc why, delivery how) noexcept override {
        // An answer that cannot be decoded is lost; it was given all the same.
        this->fail(failure{why, arrived_.here() ? executed::yes : executed::no}, how);
    }
    antiphon::detail::state_base* on_stop() noexcept override {
        if (this->take_first_step()) {
            this->fail(failure{errc::cancelled, executed::no}, delivery::nested);
        } else if (!handler_.empty() && handler_.to().core->give_up(*this, handler_.to().subject)) {
            this->fail(failure{errc::cancelled, executed::maybe}, delivery::nested);
        }
        return nullptr;
    }
    void discard() noexcept override { antiphon::detail::destroy_at(antiphon::detail::addressof(args_)); }

    [[nodiscard]] Remote const& handler() const noexcept { return handler_; }
    /// Just before others may hear of the ask.
    virtual void sending() noexcept {}
    void on_lost(failure why) noexcept override { this->fail(std::move(why), delivery::nested); }

private:
    using kept_arguments = std::tuple<Kept...>;

    void send(delivery how) noexcept {
        this->mark_begun();
        if (handler_.empty()) return this->fail(antiphon::detail::empty_request(), how);
        antiphon::detail::context_data const* const c = this->context();
        duration remaining = duration::max();
        if (c != nullptr && c->deadline != time_point::max()) {
            remaining = saturating_sub(c->deadline, this->executor().now());
            if (remaining <= duration::zero()) return this->fail(failure{errc::deadline_exceeded, executed::no}, how);
        }
        if (handler_.limit() < remaining) remaining = handler_.limit();
        if (this->stop_requested()) return this->fail(failure{errc::cancelled, executed::no}, how);
        if (c != nullptr && c->observer != nullptr) c->observer->started(c->attempt);
        message m;
        result<void> asked;
        ANTIPHON_TRY {
            asked = std::apply(
                [&](Kept&... args) {
                    return question(m, handler_.to(), c, remaining, parameter_of<typename Remote::signature>::from(args)...);
                },
                args_);
        }
        ANTIPHON_CATCH_ALL { asked = failure::current(executed::no); }
        if (!asked) return this->fail(std::move(asked).error().with_executed(executed::no), how);
        sending();
        client_core& core = *handler_.to().core;
        core.ask(*this, handler_.to().subject, std::move(m), [this] { return this->stop_requested(); }, core.options().timeout);
    }
    void on_answer(message&& m) noexcept override {
        if (m.kind == message_kind::part)
            return this->fail(failure{errc::internal, executed::yes, "several answers came where one was expected"}, delivery::nested);
        if (m.kind == message_kind::refusal) return this->fail(read_refusal(std::move(m)), delivery::nested);
        if constexpr (Remote::several) {
            // overridden
        } else if constexpr (quick) {
            this->decide([&] { return read(std::move(m)); }, delivery::nested);
        } else {
            ANTIPHON_TRY { arrived_.held = std::make_unique<message>(std::move(m)); }
            ANTIPHON_CATCH_ALL { return this->fail(failure::current(), delivery::nested); }
            this->continue_after(delivery::nested);
        }
    }
    void decode(delivery how) noexcept {
        if constexpr (!quick) this->decide([&] { return read(std::move(*arrived_.held)); }, how);
    }
    /// It was done, even where the codec does not understand what came of it.
    [[nodiscard]] result<R> read(message&& m) const {
        result<R> decoded = decode_from<R>(handler_.to().codec, std::move(m));
        if (!decoded) return std::move(decoded).error().with_executed(executed::yes);
        return decoded;
    }

    ANTIPHON_NO_UNIQUE_ADDRESS arrived_message<!quick> arrived_;
    Remote const handler_;
    union {
        ANTIPHON_NO_UNIQUE_ADDRESS kept_arguments args_;  // until it is decided
    };
};

}  // namespace antiphon::messaging::detail
