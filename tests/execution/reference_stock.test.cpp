// SPDX-License-Identifier: BSL-1.0
#include "antiphon/execution/detail/reference_stock.hpp"

#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "antiphon/execution/shared_core.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;

namespace {

std::atomic<int> alive{0};

/// Counts how often its count is touched.
class lent_core {
public:
    explicit lent_core(ap::shared_core<lent_core> const* at_the_end = nullptr) : uses{at_the_end} { ++alive; }
    ~lent_core() {
        --alive;
        if (uses != nullptr) static_cast<void>(ap::shared_core<lent_core>{*uses});
    }
    void add_ref(std::uint32_t count = 1) noexcept {
        ++touched;
        refs.fetch_add(count);
    }
    [[nodiscard]] bool drop_ref(std::uint32_t count = 1) noexcept {
        ++touched;
        return refs.fetch_sub(count) == count;
    }
    [[nodiscard]] bool lends() const noexcept { return open; }

    std::atomic<std::uint32_t> refs{1};
    std::atomic<int> touched{0};
    std::atomic<bool> open{true};
    ap::shared_core<lent_core> const* uses;
};
using handle = ap::shared_core<lent_core>;
using stock = ap::detail::reference_stock<lent_core>;

/// What owns a core, and ends it, as a pool does.
struct owner {
    owner() = default;
    owner(owner const&) = delete;
    owner& operator=(owner const&) = delete;
    ~owner() {
        core->open = false;
        stock::give_back(*core);
    }
    handle const core{new lent_core};
};

template <class F>
void in_fresh_thread(F f) {
    std::thread{f}.join();
}

}  // namespace

TEST_CASE("reference_stock: a thousand copies, made and dropped, touch the shared count once") {
    owner const pool;
    handle const& first = pool.core;
    in_fresh_thread([&] {
        for (int i = 0; i != 1000; ++i)
            handle const copy{first};
        CHECK(first->touched == 1);
    });
    CHECK(first->touched == 2);  // the thread has given back what it had
    CHECK(first->refs == 1);
}

TEST_CASE("reference_stock: what one thread takes and another lets go of is counted once for hundreds") {
    owner const pool;
    handle const& first = pool.core;
    std::vector<handle> copies;
    copies.reserve(10'000);
    in_fresh_thread([&] {
        for (int i = 0; i != 10'000; ++i)
            copies.push_back(first);
    });
    in_fresh_thread([&] { copies.clear(); });
    CHECK(first->refs == 1);
    CHECK(first->touched < 100);
}

TEST_CASE("reference_stock: the core ends with the last reference, in stock or not") {
    {
        owner const pool;
        in_fresh_thread([held = pool.core] { handle const copy{held}; });
        handle const copy{pool.core};
        CHECK(alive == 1);
    }
    CHECK(alive == 0);
}

TEST_CASE("reference_stock: a core that lends no more is counted one by one, and nothing of it stays in stock") {
    auto* const core = new lent_core;
    in_fresh_thread([&] {
        {
            handle const first{core};
            core->open = false;
            handle const second{first};
            CHECK(core->refs == 2);
        }
        CHECK(alive == 0);  // before the thread ends
    });
}

TEST_CASE("reference_stock: a thread that goes over to another core gives the first one's references back") {
    owner const a, b;
    handle const &one = a.core, &other = b.core;
    in_fresh_thread([&] {
        static_cast<void>(handle{one});
        CHECK(one->refs > 1);
        for (int i = 0; i != 100; ++i)
            static_cast<void>(handle{other});
        CHECK(one->refs == 1);
        CHECK(other->refs > 1);
    });
    CHECK(other->refs == 1);
}

TEST_CASE("reference_stock: a core that uses another one while it ends takes nothing of that along") {
    owner const outer;
    auto const begin_one = [&] { return handle{new lent_core{&outer.core}}; };
    in_fresh_thread([&] {
        {
            handle const dying = begin_one();
            static_cast<void>(handle{dying});
            dying->open = false;
        }
        owner const third;
        for (int i = 0; i != 100; ++i)  // ends the first, whose destructor uses the outer one, in the midst of that
            static_cast<void>(handle{third.core});
        CHECK(alive == 2);
        CHECK(third.core->refs > 1);
    });
    CHECK(outer.core->refs == 1);
    in_fresh_thread([&] {
        handle const dying = begin_one();
        static_cast<void>(handle{dying});
        dying->open = false;
    });  // the same at the end of the thread
    CHECK(outer.core->refs == 1);
    CHECK(alive == 1);
}

TEST_CASE("reference_stock: in the destructors of thread_local objects references are counted one by one") {
    owner const pool;
    handle const& first = pool.core;
    struct late {
        ~late() {
            if (core == nullptr) return;
            handle const copy{*core};
            CHECK((*core)->refs == 2);
        }
        handle const* core = nullptr;
    };
    in_fresh_thread([&] {
        static thread_local late before;
        before.core = &first;
        static_cast<void>(handle{first});
    });
    CHECK(first->refs == 1);
}
