// SPDX-License-Identifier: BSL-1.0
#pragma once
// Jobs and timers that remember what happened to them.

#include <antiphon/core/errc.hpp>
#include <antiphon/core/work.hpp>
#include <antiphon/execution/timer.hpp>

#include <atomic>
#include <functional>
#include <utility>

namespace probes {

/// A job that a test owns: whether it ran or how it was rejected. Wait for `decided`.
class job final : public antiphon::work_item {
public:
    job() = default;
    explicit job(std::function<void()> body) : body_{std::move(body)} {}

    void run() noexcept override {
        if (body_) body_();
        ran = true;
        decide();
    }
    void reject(antiphon::errc code, antiphon::rejection kind) noexcept override {
        why = code;
        how = kind;
        rejected = true;
        if (on_reject) on_reject();
        decide();
    }
    antiphon::work to_work() { return antiphon::work{*this}; }
    void wait() const { decided.wait(0); }

    std::atomic<bool> ran{false};
    std::atomic<bool> rejected{false};
    antiphon::errc why{};
    antiphon::rejection how{};
    std::function<void()> on_reject;
    std::atomic<int> decided{0};

private:
    void decide() {
        decided = 1;
        decided.notify_all();
    }
    std::function<void()> body_;
};

/// A timer that counts how often it fired.
class bell final : public antiphon::timer {
public:
    bell() = default;
    explicit bell(std::function<void()> body) : body_{std::move(body)} {}
    void fire() noexcept override {
        if (body_) body_();
        fired.fetch_add(1);
        fired.notify_all();
    }
    void wait() const { fired.wait(0); }
    std::atomic<int> fired{0};

private:
    std::function<void()> body_;
};

}  // namespace probes
