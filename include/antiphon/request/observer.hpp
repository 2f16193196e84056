// SPDX-License-Identifier: BSL-1.0
#pragma once
// What may be told about an ask while it is under way: the one hook set that every policy reports to.

#include <cstdint>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"

namespace antiphon {

/// An answer that nobody waits for any more, of whichever type; it is destroyed when the hook that it is shown to has returned.
class late_answer {
public:
    template <class R>
    explicit late_answer(result<R>& answer) noexcept
        : answer_{&answer}, type_{&type_of<R>}, why_{answer.has_value() ? nullptr : &answer.error()} {}
    /// The result itself, which the hook may move from; null when it is of another type.
    template <class R>
    [[nodiscard]] result<R>* get() const noexcept {
        return type_ == &type_of<R> ? static_cast<result<R>*>(answer_) : nullptr;
    }
    /// Null when it is a value.
    [[nodiscard]] failure const* why() const noexcept { return why_; }

private:
    template <class R>
    static constexpr char type_of = 0;  // its address names the type

    void* answer_;
    char const* type_;
    failure const* why_;
};

/// Hooks; each does nothing unless overridden. `request | observe(...)` puts one around a pipeline. An ask inherits the observer of
/// the ask in whose handler it is made, as it inherits the deadline: what is done on behalf of an ask is reported to its observer,
/// whichever request does it. Only `asked` and `completed` speak of the observed request alone.
/// **Threads**: called from wherever the event happens, several at once. What ends an ask happens before its `completed`.
/// **Errors**: none may throw. **Cost**: a policy looks for an observer only when there is an event to report.
class observer {
public:
    /// An ask arrived.
    virtual void asked() noexcept {}
    /// A handler began to run, as attempt `number` (from 1). The `call()` of a bare handler inside another one is a function call,
    /// and is not reported.
    virtual void started([[maybe_unused]] std::uint32_t number) noexcept {}
    /// An attempt ended in a failure, and another follows after `delay`.
    virtual void retried([[maybe_unused]] std::uint32_t number, [[maybe_unused]] failure const& why,
                         [[maybe_unused]] duration delay) noexcept {}
    /// Copy `number` of a hedged ask was sent (from 2).
    virtual void hedged([[maybe_unused]] std::uint32_t number) noexcept {}
    /// A policy refused the ask without asking what is inside it: `by` is the policy's name.
    virtual void rejected([[maybe_unused]] char const* by, [[maybe_unused]] failure const& why) noexcept {}
    /// A fallback, a cache, another flight answered: `by` is the policy's name.
    virtual void answered_by([[maybe_unused]] char const* by) noexcept {}
    /// An answer came after its ask had been decided, and was dropped.
    virtual void late() noexcept {}
    /// The same, with the answer, where it is at hand: called instead of `late`, which it calls unless overridden.
    virtual void late_reply([[maybe_unused]] late_answer answer) noexcept { late(); }
    /// The ask ended, `took` after it arrived; `why` is null when it ended in a value.
    virtual void completed([[maybe_unused]] failure const* why, [[maybe_unused]] duration took) noexcept {}

protected:
    observer() = default;
    observer(observer const&) = default;
    observer& operator=(observer const&) = default;
    ~observer() = default;
};

}  // namespace antiphon
