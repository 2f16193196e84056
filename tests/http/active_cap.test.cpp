// SPDX-License-Identifier: BSL-1.0
#include <antiphon/http/active_cap.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <queue>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
using ap::http::active_cap;
using namespace std::chrono_literals;

namespace {

/// So many clients ask again as soon as they are answered. The server takes `latency` for each, and has no more than one answer
/// ready every `interval`.
class model {
public:
    model(active_cap& cap, std::size_t clients) : cap_{cap}, waiting_{clients} {}
    ap::duration latency{};
    ap::duration interval{};

    /// Answers in so long, and the most transfers that were under way in the second half of it.
    std::size_t run(ap::duration length) {
        ap::time_point const end = now_ + length, half = now_ + length / 2;
        std::size_t answered = 0;
        most = 0;
        for (begin(); !under_way_.empty() && under_way_.top() <= end; begin()) {
            now_ = under_way_.top();
            under_way_.pop();
            cap_.ended(now_);
            ++waiting_;
            ++answered;
            if (now_ >= half) most = std::max(most, under_way_.size());
        }
        now_ = end;
        return answered;
    }
    std::size_t most = 0;

private:
    void begin() {
        for (; waiting_ != 0 && under_way_.size() < cap_.now(); --waiting_) {
            free_ = std::max(free_, now_) + interval;
            under_way_.push(std::max(free_, now_ + latency));
        }
        waiting_ != 0 ? cap_.press(now_) : cap_.rest();
    }
    active_cap& cap_;
    std::size_t waiting_;
    ap::time_point now_{}, free_{};
    std::priority_queue<ap::time_point, std::vector<ap::time_point>, std::greater<>> under_way_;
};

}  // namespace

TEST_CASE("a cap stays at its least where more under way brings no more answers") {
    active_cap cap{64, 1024};
    model quick{cap, 1000};
    quick.interval = 12us;
    std::size_t const answered = quick.run(4s);
    CHECK(answered > 320'000);
    CHECK(quick.most <= 128);  // a trial
    CHECK(cap.now() <= 128);
}

TEST_CASE("a cap grows where answers take their time, within half a second to a thousand") {
    active_cap cap{64, 1024};
    model slow{cap, 1000};
    slow.latency = 50ms;
    static_cast<void>(slow.run(700ms));
    CHECK(cap.now() >= 1000);
    CHECK(slow.run(1s) >= 19'000);  // of 20 000
}

TEST_CASE("a cap stops growing where the server is busy") {
    active_cap cap{64, 100'000};
    model both{cap, 100'000};
    both.latency = 50ms;
    both.interval = 100us;  // 500 under way are enough
    std::size_t const answered = both.run(20s);
    CHECK(answered >= 190'000);
    CHECK(cap.now() >= 256);
    CHECK(cap.now() <= 2048);
}

TEST_CASE("a cap comes down when the server has become quick") {
    active_cap cap{64, 1024};
    model changing{cap, 5000};
    changing.latency = 50ms;
    static_cast<void>(changing.run(2s));
    CHECK(cap.now() == 1024);
    changing.latency = 0ms;
    changing.interval = 12us;
    static_cast<void>(changing.run(15s));
    CHECK(cap.now() <= 128);
}

TEST_CASE("a cap does not move while nobody waits for room") {
    active_cap cap{64, 1024};
    model light{cap, 64};
    light.latency = 50ms;
    static_cast<void>(light.run(10s));
    CHECK(cap.now() == 64);
}

TEST_CASE("a cap whose bounds are equal never moves") {
    active_cap cap{7, 7};
    model slow{cap, 1000};
    slow.latency = 50ms;
    static_cast<void>(slow.run(10s));
    CHECK(cap.now() == 7);
    CHECK(cap.next() == ap::time_point::max());
}

TEST_CASE("a cap makes room where nothing ends for a second") {
    active_cap cap{64, 300};
    ap::time_point const start{};
    cap.press(start);
    CHECK(cap.next() == start + 1s);
    cap.press(start + 999ms);
    CHECK(cap.now() == 64);
    cap.press(start + 1s);
    CHECK(cap.now() == 128);
    CHECK(cap.next() == start + 2s);
    cap.press(start + 2s);
    cap.press(start + 3s);
    CHECK(cap.now() == 300);
    CHECK(cap.next() == ap::time_point::max());
}

TEST_CASE("a cap whose most is less than its least is that") { CHECK(active_cap{64, 2}.now() == 2); }
