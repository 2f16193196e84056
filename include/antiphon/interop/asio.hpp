// SPDX-License-Identifier: BSL-1.0
#pragma once
// Asio, standalone or Boost's: its executors as places for requests, and promises as completion handlers.

#include <concepts>
#include <exception>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/request/promise.hpp"

// Nothing of Asio is included: what is needed of it is found by argument-dependent lookup, so one header serves both.

namespace antiphon::interop {

namespace detail {

template <class C>
concept asio_context = requires(C& c) {
    c.get_executor();
    typename C::executor_type;
};

template <class E>
concept plain_executor =
    requires(E const& e) { requires std::same_as<typename std::remove_cvref_t<decltype(e.context())>::executor_type, E>; };

/// Asio copies and moves its handlers; the job goes along, and a handler that is dropped with its context drops the job.
struct asio_job {
    work job;
    void const* place;
    void operator()() {
        place_scope const here{place};
        std::move(job)();
    }
};

}  // namespace detail

/// `request | starts_on(interop::asio_executor{io})`: an Asio executor, or the executor of an Asio context, as a place for requests.
/// Handlers, callbacks and continuations run in threads that run the context.
/// **Threads**: as the Asio executor. **Errors**: a context that is destroyed drops its handlers: their asks end in `errc::cancelled`,
/// `executed::no`. One that is stopped, or never run, keeps them. A thread of the context that blocks on work which the same context has yet
/// to run needs another thread that runs it.
/// **Cost**: what Asio's `post` allocates. **Time**: timers are antiphon's own.
template <class Executor>
class asio_executor {
public:
    template <detail::asio_context Context>
    explicit asio_executor(Context& context) : asio_executor{context.get_executor()} {}
    explicit asio_executor(Executor where) : where_(std::move(where)) {}

    void execute(work job) const { post(where_, detail::asio_job{std::move(job), place()}); }
    /// The context, where the executor is that context's own: then a continuation may go on in the thread that completes it.
    [[nodiscard]] void const* place() const noexcept {
        if constexpr (detail::plain_executor<Executor>) {
            return &where_.context();
        } else {
            return nullptr;  // a strand, or an erased executor, which may be one
        }
    }
    [[nodiscard]] bool operator==(asio_executor const& other) const noexcept { return where_ == other.where_; }

private:
    Executor where_;
};

template <detail::asio_context Context>
asio_executor(Context&) -> asio_executor<typename Context::executor_type>;
template <class Executor>
    requires(!detail::asio_context<Executor>)
asio_executor(Executor) -> asio_executor<Executor>;

/// A completion handler that answers a promise: `socket.async_read_some(buffer, interop::completion(std::move(answer)))`.
/// The signatures `void()`, `void(error)`, `void(value)`, `void(error, value)` and `void(std::exception_ptr[, value])` are understood.
/// **Errors**: an error code is the failure, `executed::maybe`; that of an aborted operation is `errc::cancelled`, those of the system
/// compare with `std::errc`.
template <class T>
class completion {
public:
    explicit completion(promise<T> answer) noexcept : answer_{std::move(answer)} {}

    template <class... Results>
    void operator()(Results&&... results) {
        finish(std::forward<Results>(results)...);
    }

private:
    template <class First, class... Values>
    void finish(First&& first, Values&&... values) {
        using plain = std::remove_cvref_t<First>;
        if constexpr (std::same_as<plain, std::exception_ptr>) {
            if (first) return static_cast<void>(answer_.set_exception(std::forward<First>(first)));
            value(std::forward<Values>(values)...);
        } else if constexpr (std::convertible_to<First, std::error_code> && !std::same_as<plain, T>) {
            std::error_code const code = first;
            if (code) return static_cast<void>(answer_.set_failure(reason(code)));
            value(std::forward<Values>(values)...);
        } else {
            value(std::forward<First>(first), std::forward<Values>(values)...);
        }
    }
    void finish() { value(); }
    template <class... Values>
    void value(Values&&... values) {
        if constexpr (std::is_void_v<T>) {
            answer_.set_value();
        } else {
            static_assert(sizeof...(Values) == 1,
                          "antiphon: this operation completes with another number of values than the promise takes");
            answer_.set_value(std::forward<Values>(values)...);
        }
    }
    [[nodiscard]] static failure reason(std::error_code code) noexcept {
        // Standalone Asio's category of system errors does not compare with std::errc: name the same codes in the one that does.
        if (std::string_view{code.category().name()} == "asio.system") code = {code.value(), std::system_category()};
        return code == std::errc::operation_canceled ? failure{errc::cancelled} : failure{code};
    }

    promise<T> answer_;
};

}  // namespace antiphon::interop
