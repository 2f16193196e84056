// SPDX-License-Identifier: BSL-1.0
// Free nodes on their way from thread to thread.
#include <antiphon/core/node_cache.hpp>

#include <cstdint>
#include <thread>

#include "explore.hpp"

namespace {

using antiphon::detail::free_node;
using antiphon::detail::node_depot;

/// A batch of two.
struct pair {
    free_node second{nullptr, 0};
    free_node first{nullptr, 0};
    void send(node_depot& through) {
        first.next = &second;
        first.count = 2;
        explore::check(through.put(&first, 0), "there is room");
    }
    [[nodiscard]] bool whole(free_node const* taken) const { return taken == &first && taken->next == &second && taken->count == 2; }
};

}  // namespace

EXPLORE("node_cache: a batch passes through the depot whole, and to one thread", {.outcomes = {0, 1, 2}}) {
    node_depot depot;
    pair sent;
    bool mine = false, theirs = false;
    auto const take = [&](bool& had) {
        free_node const* const taken = depot.take(0);
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
    explore::check(mine || theirs || depot.take(0) == &sent.first, "or it is there still");
}

EXPLORE("node_cache: two batches put at once are both there", {}) {
    node_depot depot;
    pair a, b;
    std::thread other{[&] { a.send(depot); }};
    b.send(depot);
    other.join();
    free_node const* const one = depot.take(1);
    free_node const* const two = depot.take(0);
    explore::check(one != nullptr && two != nullptr && one != two && depot.take(0) == nullptr, "each is there once");
}
