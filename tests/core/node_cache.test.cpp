// SPDX-License-Identifier: BSL-1.0
#include "antiphon/core/node_cache.hpp"

#include <cstddef>
#include <cstdint>
#include <new>
#include <thread>
#include <vector>

#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;

namespace {

constexpr bool on = ANTIPHON_HAS_NODE_CACHE != 0;

/// f in a thread that keeps nodes, whatever this one does.
template <class F>
void in_fresh_thread(F f) {
    std::thread{f}.join();
}
struct node : ap::recycled {
    std::byte data[40];
};
struct alignas(128) wide_node : ap::recycled {
    std::byte data[128];
};

}  // namespace

TEST_CASE("node_cache: a thread gets back the block of that size that it gave back last") {
    in_fresh_thread([] {
        void* const first = ap::node_cache::allocate(40);
        void* const second = ap::node_cache::allocate(40);
        CHECK(first != second);
        ap::node_cache::deallocate(first, 40);
        ap::node_cache::deallocate(second, 40);
        if (on) {
            CHECK(ap::node_cache::allocate(33) == second);  // sizes are 16 bytes apart
            CHECK(ap::node_cache::allocate(48) == first);
            ap::node_cache::deallocate(first, 48);
            ap::node_cache::deallocate(second, 33);
        }
    });
}

TEST_CASE("node_cache: blocks of every size can be written from end to end and do not overlap") {
    in_fresh_thread([] {
        std::vector<std::vector<unsigned char*>> blocks(600);
        for (int round = 0; round != 2; ++round) {
            for (std::size_t size = 0; size != blocks.size(); ++size)
                for (int i = 0; i != 3; ++i) {
                    auto* const block = static_cast<unsigned char*>(ap::node_cache::allocate(size));
                    CHECK(reinterpret_cast<std::uintptr_t>(block) % __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 0);
                    for (std::size_t at = 0; at != size; ++at)
                        block[at] = static_cast<unsigned char>(size);
                    blocks[size].push_back(block);
                }
            bool whole = true;
            for (std::size_t size = 0; size != blocks.size(); ++size) {
                for (unsigned char* const block : blocks[size]) {
                    for (std::size_t at = 0; at != size; ++at)
                        whole = whole && block[at] == static_cast<unsigned char>(size);
                    ap::node_cache::deallocate(block, size);
                }
                blocks[size].clear();
            }
            CHECK(whole);
        }
    });
}

TEST_CASE("node_cache: what one thread frees another one gets, in batches") {
    constexpr int many = 200;
    constexpr std::size_t size = 176;  // nobody else's in this process
    std::vector<void*> made;
    in_fresh_thread([&] {
        for (int i = 0; i != many; ++i)
            made.push_back(ap::node_cache::allocate(size));
    });
    in_fresh_thread([&] {
        for (void* each : made)
            ap::node_cache::deallocate(each, size);
    });
    in_fresh_thread([&] {
        int known = 0;
        std::vector<void*> again;
        for (int i = 0; i != many; ++i) {
            again.push_back(ap::node_cache::allocate(size));
            for (void* each : made)
                known += each == again.back();
        }
        if (on) CHECK(known == many);
        for (void* each : again)
            ap::node_cache::deallocate(each, size);
    });
}

TEST_CASE("node_cache: what nobody asks for again goes to operator delete beyond a bound, and all of it when trimmed") {
    constexpr std::size_t size = 512;
    constexpr std::size_t most = std::size_t{4} << 20, usual = std::size_t{128} << 20;
    constexpr std::size_t many = most / size + 5000;
    std::vector<void*> made(many);
    auto const take_all = [&] {
        std::size_t const before = test::allocations_beside_reuse();
        for (void*& each : made)
            each = ap::node_cache::allocate(size);
        return test::allocations_beside_reuse() - before;
    };
    auto const give_all = [&] {
        for (void* each : made)
            ap::node_cache::deallocate(each, size);
    };
    in_fresh_thread([&] {
        ap::node_cache::trim();
        CHECK(take_all() == many);
        give_all();
        CHECK(take_all() == (on ? 0 : many));  // the usual bound is beyond that
        ap::node_cache::keep_at_most(most);
        give_all();
        std::size_t const fresh = take_all();
        CHECK(fresh >= 5000 - 3 * 62);  // two magazines of a thread, and one that passes the bound
        if (on) CHECK(fresh <= 5000);
        give_all();
        ap::node_cache::trim();
        CHECK(take_all() == many);
        give_all();
        ap::node_cache::trim();
        ap::node_cache::keep_at_most(usual);
    });
}

TEST_CASE("node_cache: blocks made by one thread and freed by another, more than threads keep, cost no allocation the second time") {
    constexpr std::size_t size = 272, many = 20'000;  // nobody else's in this process
    std::vector<void*> made(many);
    auto const round = [&] {
        std::size_t fresh = 0;
        in_fresh_thread([&] {
            std::size_t const before = test::allocations_beside_reuse();
            for (void*& each : made)
                each = ap::node_cache::allocate(size);
            fresh = test::allocations_beside_reuse() - before;
        });
        in_fresh_thread([&] {
            for (void* each : made)
                ap::node_cache::deallocate(each, size);
        });
        return fresh;
    };
    ap::node_cache::trim();
    CHECK(round() == many);
    CHECK(round() == (on ? 0 : many));
    ap::node_cache::trim();
}

TEST_CASE("node_cache: a thread that keeps nothing allocates every block") {
    in_fresh_thread([] {
        ap::node_cache::deallocate(ap::node_cache::allocate(64), 64);
        CHECK(test::allocations_of([] {
                  for (int i = 0; i != 10; ++i)
                      ap::node_cache::deallocate(ap::node_cache::allocate(64), 64);
              }) == 10);
    });
}

TEST_CASE("node_cache: a block is to be had in the destructors of thread_local objects, too") {
    static int destroyed = 0;
    struct late {
        ~late() {
            for (int i = 0; i != 100; ++i)
                blocks.push_back(ap::node_cache::allocate(48));
            for (void* each : blocks)
                ap::node_cache::deallocate(each, 48);
            ++destroyed;
        }
        std::vector<void*> blocks;
    };
    in_fresh_thread([] {
        static thread_local late before;
        before.blocks.reserve(200);
        before.blocks.push_back(ap::node_cache::allocate(48));
        static thread_local late after;
        after.blocks.push_back(ap::node_cache::allocate(48));
    });
    CHECK(destroyed == 2);
}

TEST_CASE("node_cache: a large block comes from operator new and goes to operator delete") {
    in_fresh_thread([] {
        void* const large = ap::node_cache::allocate(5000);
        ap::node_cache::deallocate(large, 5000);
        CHECK(test::allocations_of([] { ap::node_cache::deallocate(ap::node_cache::allocate(5000), 5000); }) == 1);
    });
}

TEST_CASE("recycled: an object's memory is reused, an over-aligned one's is aligned") {
    in_fresh_thread([] {
        auto* const first = new node;
        delete first;
        auto* const again = new node;
        if (on) CHECK(again == first);
        delete again;
        auto* const wide = new wide_node;
        CHECK(reinterpret_cast<std::uintptr_t>(wide) % 128 == 0);
        delete wide;
    });
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("recycled: without memory the constructor's caller gets bad_alloc") {
    in_fresh_thread([] {
        test::failing_allocations const none;
        bool failed = false;
        try {
            delete new node;
        } catch (std::bad_alloc const&) {
            failed = true;
        }
        CHECK(failed);
    });
}
#endif
