// SPDX-License-Identifier: BSL-1.0
#pragma once
// Fire and forget: a callable on an executor, without a request around it.

#include <concepts>
#include <exception>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/node_cache.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/detail/executor_traits.hpp"
#include "antiphon/execution/executor.hpp"

namespace antiphon {

namespace detail {

/// A posted callable, with the executor whose hook its exceptions go to.
template <class E, class F>
class posted_item final : public work_item, public recycled {
public:
    template <class G>
    posted_item(E const& where, G&& callable) : where_(where), callable_(std::forward<G>(callable)) {}
    void run() noexcept override {
        ANTIPHON_TRY { static_cast<void>(callable_()); }
        ANTIPHON_CATCH_ALL { unhandled_by(where_, std::current_exception()); }
        delete this;
    }
    void reject(errc, rejection) noexcept override { delete this; }

private:
    ANTIPHON_NO_UNIQUE_ADDRESS E where_;
    ANTIPHON_NO_UNIQUE_ADDRESS F callable_;
};

}  // namespace detail

/// `post(pool, f)`: runs `f()` there, some time. Nobody hears of it: who wants to know, asks a request.
/// **Threads**: any. **Errors**: what `f` throws goes to the executor's `unhandled` hook; a posted callable that the executor drops or
/// rejects is destroyed unrun; an executor that throws from `execute` throws here, and so does an allocation that fails.
/// **Cost**: one allocation.
template <class E, class F>
    requires((executor<std::remove_cvref_t<E>> || execution_context<std::remove_reference_t<E>>) && std::invocable<std::decay_t<F>&>)
void post(E&& where, F&& f) {
    auto const place = executor_of(where);
    place.execute(work{*new detail::posted_item<std::remove_const_t<decltype(place)>, std::decay_t<F>>{place, std::forward<F>(f)}});
}

/// The same for a job that is made already.
template <class E>
    requires(executor<std::remove_cvref_t<E>> || execution_context<std::remove_reference_t<E>>)
void post(E&& where, work job) {
    executor_of(where).execute(std::move(job));
}

}  // namespace antiphon
