// SPDX-License-Identifier: BSL-1.0
#pragma once
// A timer that somebody waits for.

#include <atomic>
#include <cstdint>

#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/timers.hpp"

namespace explore {

class awaited_timer : public antiphon::timer {
public:
    void fire() noexcept override {
        rung.store(1);
        antiphon::futex_wake_all(rung);
    }
    void await() {
        while (rung.load() == 0)
            antiphon::futex_wait(rung, 0);
    }
    std::atomic<std::uint32_t> rung{0};
};

}  // namespace explore
