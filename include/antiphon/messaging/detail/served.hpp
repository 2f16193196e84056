// SPDX-License-Identifier: BSL-1.0
#pragma once
// A responder of one request: what arrives is decoded in the right place, and begun.

#include <cstdint>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/default_executor.hpp"
#include "antiphon/execution/default_pool.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/policy/deadline.hpp"
#include "antiphon/policy/schedule.hpp"
#include "antiphon/policy/with_metadata.hpp"
#include "antiphon/messaging/codec.hpp"
#include "antiphon/messaging/detail/carried.hpp"
#include "antiphon/messaging/detail/served_ask.hpp"
#include "antiphon/messaging/detail/served_core.hpp"
#include "antiphon/messaging/message.hpp"
#include "antiphon/messaging/serve_options.hpp"
#include "antiphon/messaging/transport.hpp"

namespace antiphon::messaging::detail {

template <class Signature, class Codec>
class served;
template <class R, class... P, class Codec>
class served<R(P...), Codec> final : public served_core {
    static_assert(sizeof...(P) <= 1, "antiphon: a message carries one argument or none: put several into a struct");
    using erased_request = antiphon::request<R(P...), repeat::unsafe>;

public:
    template <class Request>
    served(std::shared_ptr<connection> to, serve_options options, Request what, Codec codec)
        : served_core{std::move(to), std::move(options)}, what_{std::move(what)}, codec_{std::move(codec)} {}

private:
    /// Decoding in the right place, where that is not here. Whatever becomes of it, the ask is answered.
    class decoding final : public work_item {
    public:
        decoding(std::shared_ptr<served_core> of, message&& m) : of_{std::move(of)}, message_{std::move(m)} {}
        void run() noexcept override {
            std::unique_ptr<decoding> const gone{this};
            static_cast<served&>(*of_).start(std::move(message_));
        }
        void reject(errc, rejection) noexcept override {
            std::unique_ptr<decoding> const gone{this};
            of_->refuse(answer_to(message_), failure{errc::unavailable, executed::no, "the responder's executor takes no more work"});
        }

    private:
        std::shared_ptr<served_core> of_;
        message message_;
    };

    void take(message&& m) noexcept override {
        if constexpr (quick_codec<Codec>) {
            start(std::move(m));
        } else {
            ANTIPHON_TRY {
                auto job = std::make_unique<decoding>(shared_from_this(), std::move(m));
                place().execute(work{*job.release()});
            }
            ANTIPHON_CATCH_ALL {
                // It was rejected on the way out, or there is no memory for it.
            }
        }
    }
    /// What an ask has of who made it.
    struct inherited {
        duration remaining;
        priority urgency;
        std::vector<metadata_entry> metadata;
    };
    [[nodiscard]] any_executor place() const {
        auto const& handler = antiphon::detail::request_access::handler(what_);
        if (handler.executor() != nullptr) return *handler.executor();
        return executor() ? executor() : antiphon::default_executor();
    }
    void start(message&& m) noexcept {
        message head;
        ANTIPHON_TRY {
            head = answer_to(m);
            begin(head, std::move(m));
        }
        ANTIPHON_CATCH_ALL { refuse(std::move(head), failure::current(executed::no)); }
    }
    void begin(message& head, message&& m) {
        inherited from{m.remaining, m.priority, m.headers.empty() && m.key.empty() ? std::vector<metadata_entry>{} : carried(m)};
        if constexpr (sizeof...(P) == 0) {
            ask(head, std::move(from));
        } else {
            using argument = std::remove_cvref_t<std::tuple_element_t<0, std::tuple<P...>>>;
            result<argument> decoded = decode_from<argument>(codec_, std::move(m));
            if (!decoded) {
                count_malformed();
                return refuse(std::move(head), failure{decoded.error()}.with_executed(executed::no));
            }
            ask(head, std::move(from), *std::move(decoded));
        }
    }
    template <class... A>
    void ask(message& head, inherited from, A&&... args) {
        any_executor where = place();
        // Even what says that it may run anywhere does not run on a transport's thread.
        if (where.runs_in_place() && timer_thread::is_current()) where = default_pool().get_executor();
        bool const timeless = from.remaining == duration::max() && from.urgency == priority::normal;
        if (timeless && from.metadata.empty()) return ask_by(what_, head, std::move(where), std::forward<A>(args)...);
        time_point const until = saturating_add(where.now(), from.remaining);
        if (from.metadata.empty() && from.urgency == priority::normal)
            return ask_by(what_ | deadline{until}, head, std::move(where), std::forward<A>(args)...);
        if (from.metadata.empty())
            return ask_by(what_ | deadline{until} | from.urgency, head, std::move(where), std::forward<A>(args)...);
        ask_by(what_ | with_metadata{std::move(from.metadata)} | deadline{until} | from.urgency, head, std::move(where),
               std::forward<A>(args)...);
    }
    template <class Request, class... A>
    void ask_by(Request const& by, message& head, any_executor where, A&&... args) {
        auto const& handler = antiphon::detail::request_access::handler(by);
        using layer = std::remove_cvref_t<decltype(handler.layer())>;
        // Nothing is inherited from whatever runs in this thread: the asker may be anywhere.
        auto state = layer::make(handler.layer(), std::move(where), nullptr, std::forward<A>(args)...);
        std::uint64_t const id = head.id, delivery = head.delivery;
        auto fresh = std::make_unique<served_ask<R, Codec>>(shared_from_this(), codec_, std::move(head), std::move(state));
        if (!served_ask<R, Codec>::begin(std::move(fresh))) forget_duplicate(id, delivery);
    }

    erased_request const what_;
    ANTIPHON_NO_UNIQUE_ADDRESS Codec const codec_;
};

}  // namespace antiphon::messaging::detail
