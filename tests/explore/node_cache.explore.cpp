// SPDX-License-Identifier: BSL-1.0
// Free nodes on their way from thread to thread. Other tests do without the cache, so this one has it by another name: both are in one program.
#undef ANTIPHON_HAS_NODE_CACHE
#define ANTIPHON_HAS_NODE_CACHE 1
#define node_cache explored_node_cache
#define recycled explored_recycled
#include <antiphon/core/node_cache.hpp>

#include <cstdint>
#include <thread>
#include <utility>

#include "explore.hpp"

namespace {

using cache = antiphon::node_cache;
using antiphon::detail::node_depot;
using antiphon::detail::node_magazine;
using explore::plan;

/// A magazine of two.
struct pair {
    int first = 0, second = 0;
    node_magazine holder{};
    void send(node_depot& through) {
        holder.count = 2;
        holder.blocks[0] = &first;
        holder.blocks[1] = &second;
        through.put(&holder, 0);
    }
    [[nodiscard]] bool whole(node_magazine const* taken) const {
        return taken == &holder && taken->count == 2 && taken->blocks[0] == &first && taken->blocks[1] == &second;
    }
};

}  // namespace

EXPLORE("node_cache: a batch passes through the depot whole, and to one thread", {.outcomes = {0, 1, 2}}) {
    node_depot depot;
    pair sent;
    bool mine = false, theirs = false;
    auto const take = [&](bool& had) {
        node_magazine const* const taken = depot.take(0);
        had = taken != nullptr;
        if (had) explore::check(sent.whole(taken), "the batch is as it was sent");
    };
    std::thread sender{[&] { sent.send(depot); }};
    std::thread taker{[&] { take(theirs); }};
    take(mine);
    sender.join();
    taker.join();
    explore::check(!(mine && theirs), "one thread has it");
    explore::outcome(mine ? 1u : theirs ? 2u : 0u);
    explore::check(mine || theirs || depot.take(0) == &sent.holder, "or it is there still");
}

EXPLORE("node_cache: two batches put at once are both there", {}) {
    node_depot depot;
    pair a, b;
    std::thread other{[&] { a.send(depot); }};
    b.send(depot);
    other.join();
    node_magazine const* const one = depot.take(1);
    node_magazine const* const two = depot.take(0);
    explore::check(one != nullptr && two != nullptr && one != two && depot.take(0) == nullptr, "each is there once");
    explore::check(a.whole(one) ? b.whole(two) : b.whole(one) && a.whole(two), "and as it was sent");
}

EXPLORE("node_cache: who takes one batch of a pile leaves the others, and what is put meanwhile", {}) {
    node_depot depot;
    pair a, b, c;
    a.send(depot);
    b.send(depot);
    node_magazine const* theirs = nullptr;
    std::thread taker{[&] { theirs = depot.take(0); }};
    c.send(depot);
    node_magazine const* const mine = depot.take(0);
    taker.join();
    unsigned found = 0;
    bool once = true;
    node_magazine const* all[] = {mine, theirs, depot.take(0), depot.take(0), depot.take(0)};
    for (pair const* each : {&a, &b, &c}) {
        unsigned times = 0;
        for (node_magazine const* taken : all)
            times += taken != nullptr && each->whole(taken);
        once = once && times == 1;
        found += times;
    }
    explore::check(once && found == 3, "each is there once, as it was sent");
}

EXPLORE("node_cache: two who take from one pile and put back never have the same batch", {}) {
    node_depot depot;
    pair a, b;
    a.send(depot);
    b.send(depot);
    auto const turn_round = [&] {
        if (node_magazine* const taken = depot.take(0)) {
            explore::check(taken->count == 2, "the batch is as it was sent");
            taken->count = 2;  // a race, if it were not this thread's alone
            depot.put(taken, 0);
        }
    };
    std::thread other{turn_round};
    turn_round();
    other.join();
    node_magazine const* const one = depot.take(0);
    node_magazine const* const two = depot.take(0);
    explore::check(one != nullptr && two != nullptr && one != two && depot.take(0) == nullptr, "both are there again");
}

// --- shelves: what a thread frees comes to others when it has too much, or ends ----------------------------------------------------

namespace {

constexpr std::size_t block_size = 32;
/// A block, written at once: by two threads that have it without an order between them, that is a race.
[[nodiscard]] void* made() {
    void* const block = cache::allocate(block_size);
    *static_cast<int*>(block) = 1;
    return block;
}
void given_back(void* block) {
    *static_cast<int*>(block) = 2;
    cache::deallocate(block, block_size);
}
void check_all_back() {
    cache::trim();
    explore::check(antiphon::detail::kept_bytes.load() == 0, "nothing is counted that is not there");
    for (auto const& depot : antiphon::detail::node_depots)
        explore::check(depot.magazines.load() == 0, "nor are magazines");
}

}  // namespace

EXPLORE("node_cache: a block that a thread frees before it ends is had by who asks next, or is kept", {.outcomes = {0, 1}}) {
    void* const sent = made();
    std::thread other{[sent] { given_back(sent); }};
    void* const one = made();
    explore::outcome(one == sent ? 1 : 0);
    other.join();
    void* const two = made();
    explore::check(one != two, "nobody else has it");
    explore::check(one == sent || two == sent, "it is not lost");
    given_back(one);
    given_back(two);
    check_all_back();
}

EXPLORE("node_cache: of two who ask while a third gives back one has the block",
        {.search = plan::way::bounded, .outcomes = {0, 1, 2}}) {
    void* const sent = made();
    void *mine = nullptr, *theirs = nullptr;
    std::thread giver{[sent] { given_back(sent); }};
    std::thread taker{[&] { theirs = made(); }};
    mine = made();
    giver.join();
    taker.join();
    explore::check(mine != theirs, "each has its own");
    explore::outcome(mine == sent ? 1u : theirs == sent ? 2u : 0u);
    given_back(mine);
    given_back(theirs);
    check_all_back();
}

EXPLORE("node_cache: two full magazines that another thread frees go to the depot, and come back once each",
        {.search = plan::way::bounded, .preemptions = 1, .stale_reads = 1, .schedules = 4'000}) {
    constexpr unsigned many = 2 * antiphon::detail::node_batch + 1;
    void* blocks[many];
    for (void*& each : blocks)
        each = made();
    std::thread other{[&] {
        for (void* each : blocks)
            given_back(each);
    }};
    void* const early = made();
    other.join();
    void* again[many];
    for (void*& each : again)
        each = made();
    unsigned back = 0;
    for (unsigned i = 0; i != many; ++i) {
        explore::check(again[i] != early, "it is not had twice");
        for (unsigned k = 0; k != i; ++k)
            explore::check(again[k] != again[i], "nor is any other");
        for (void* const was : blocks)
            back += again[i] == was;
    }
    for (void* const was : blocks)
        back += early == was;
    explore::check(back >= many - 1, "all came back");
    given_back(early);
    for (void* each : again)
        given_back(each);
    check_all_back();
}

EXPLORE("node_cache: a trim against a thread that ends frees each block once", {.search = plan::way::bounded, .stale_reads = 1}) {
    void* const sent = made();
    std::thread other{[sent] { given_back(sent); }};
    cache::trim();
    other.join();
    check_all_back();
}
