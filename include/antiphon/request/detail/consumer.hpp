// SPDX-License-Identifier: BSL-1.0
#pragma once
// Who is told that an answer is there, and from where.

#include "antiphon/request/detail/gate.hpp"

namespace antiphon::detail {

class state_base;

/// From where an answer is delivered.
enum class delivery {
    tail,     ///< the library's own loop: nothing of the user's is below, in the place the completer runs for
    nested,   ///< inside somebody's call (`set_value`, a timer)
    dropped,  ///< inside a destructor of `work`, perhaps under the user's lock: nothing of the user's may run here
};

/// What is told, once, that a state is ready. At most one a state.
class consumer {
public:
    virtual void on_ready(state_base& source, delivery how) noexcept = 0;
    /// The state whose answer depends on this one; null where there is none.
    virtual state_base* downstream() noexcept { return nullptr; }
    /// Not null where that state has other inputs too: then it is looked at inside the gate only.
    virtual gate* passage() noexcept { return nullptr; }
    /// Whether `downstream` stays unfinished, and with it alive, for as long as the state that has this consumer is unfinished.
    [[nodiscard]] virtual bool steadfast() noexcept { return false; }
    /// `end` lies further down than `downstream`, and everything on the way there is steadfast: later walks go there at once.
    virtual void remember([[maybe_unused]] state_base& end) noexcept {}

protected:
    ~consumer() = default;
};

}  // namespace antiphon::detail
