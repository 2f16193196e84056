// SPDX-License-Identifier: BSL-1.0
// Free nodes on their way from thread to thread.
#include <antiphon/core/node_cache.hpp>

#include <cstdint>
#include <thread>

#include "explore.hpp"

namespace {

using antiphon::detail::node_depot;
using antiphon::detail::node_magazine;

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
