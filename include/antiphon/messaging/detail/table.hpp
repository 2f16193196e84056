// SPDX-License-Identifier: BSL-1.0
#pragma once
// What is under way, by id: a table whose nodes lie in the asks themselves.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"

namespace antiphon::messaging::detail {

/// Base of what a table holds. The fields belong to the table, under the lock of the node's shard.
class table_node {
public:
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

protected:
    table_node() = default;
    table_node(table_node const&) = delete;
    table_node& operator=(table_node const&) = delete;
    ~table_node() = default;

private:
    template <class Node>
    friend class table;
    std::uint64_t id_ = 0;
    table_node* older_ = nullptr;  // in its chain, by the order of insertion
    table_node* newer_ = nullptr;
    time_point expires_ = time_point::max();
    bool inside_ = false;
};

/// Nodes by unguessable ids, which are their own hashes. The ids lie beside the pointers, in one array a shard: with a million nodes an
/// id is found by one miss of the caches, and nobody else's node is touched. Whoever takes a node out owns it: so everything that could decide an ask
/// (an answer, a stop request, an expiry, a lost connection) takes it first, and exactly one of them succeeds.
/// **Threads**: any. **Cost**: one lock of 16, no allocation but the growth of the slots.
template <class Node>
class table {
    static constexpr std::size_t shards = 16;

public:
    /// False: there is such an id already. **Errors**: may throw `std::bad_alloc`, and then it is not inside.
    [[nodiscard]] bool insert(Node& n, std::uint64_t id, time_point expires = time_point::max()) {
        shard& s = of(id);
        parking_lock::scope const hold{s.lock};
        if (s.count * 3 >= s.slots.size() * 2) s.grow();
        std::size_t const at = s.find(id);
        if (s.slots[at].node != nullptr) return false;
        table_node& node = n;
        s.slots[at] = {id, &node};
        node.id_ = id;
        node.expires_ = expires;
        node.inside_ = true;
        chain& c = s.chain_of(node);
        node.older_ = c.newest;
        node.newer_ = nullptr;
        (c.newest != nullptr ? c.newest->newer_ : c.oldest) = &node;
        c.newest = &node;
        ++s.count;
        return true;
    }
    /// The node of that id, taken out if `take(node)` says so; `take` runs under the lock. Null: there is none.
    template <class Take>
    [[nodiscard]] Node* find(std::uint64_t id, Take&& take) noexcept {
        shard& s = of(id);
        parking_lock::scope const hold{s.lock};
        if (s.count == 0) return nullptr;
        std::size_t const at = s.find(id);
        if (s.slots[at].node == nullptr) return nullptr;
        Node& found = static_cast<Node&>(*s.slots[at].node);
        if (take(found)) s.unlink(at);
        return &found;
    }
    /// The node of that id, taken out; null when there is none.
    [[nodiscard]] Node* take(std::uint64_t id) noexcept {
        return find(id, [](Node&) { return true; });
    }
    /// Takes a node out; false: it is not inside.
    [[nodiscard]] bool take(Node& n) noexcept {
        table_node& node = n;
        // A node is inserted once, by the thread that lets others know of it: an id of 0 is one that was not yet.
        shard& s = of(node.id_);
        parking_lock::scope const hold{s.lock};
        if (!node.inside_) return false;
        s.unlink(s.find(node.id_));
        return true;
    }
    /// Takes out one that expires until `now`, the oldest of its shard; null when there is none.
    [[nodiscard]] Node* take_expired(time_point now) noexcept {
        for (shard& s : shards_) {
            parking_lock::scope const hold{s.lock};
            if (s.ending.oldest == nullptr || s.ending.oldest->expires_ > now) continue;
            return static_cast<Node*>(s.take_out(*s.ending.oldest));
        }
        return nullptr;
    }
    /// Any one, taken out; null when it is empty.
    [[nodiscard]] Node* take_any() noexcept {
        for (shard& s : shards_) {
            parking_lock::scope const hold{s.lock};
            for (chain const* const each : {&s.ending, &s.endless})
                if (each->oldest != nullptr) return static_cast<Node*>(s.take_out(*each->oldest));
        }
        return nullptr;
    }
    /// For each, under its lock.
    template <class F>
    void visit(F&& f) {
        for (shard& s : shards_) {
            parking_lock::scope const hold{s.lock};
            for (chain const* const each : {&s.ending, &s.endless})
                for (table_node* at = each->oldest; at != nullptr; at = at->newer_)
                    f(static_cast<Node&>(*at));
        }
    }
    [[nodiscard]] std::size_t size() noexcept {
        std::size_t sum = 0;
        for (shard& s : shards_) {
            parking_lock::scope const hold{s.lock};
            sum += s.count;
        }
        return sum;
    }

private:
    struct slot {
        std::uint64_t id = 0;
        table_node* node = nullptr;  // null: nobody's
    };
    struct chain {
        table_node* oldest = nullptr;
        table_node* newest = nullptr;
    };
    struct alignas(64) shard {
        parking_lock lock;
        std::size_t count = 0;
        std::vector<slot> slots;  // a power of two of them, or none; at most two thirds are taken
        chain ending, endless;  // what never expires is in nobody's way

        [[nodiscard]] chain& chain_of(table_node const& n) noexcept { return n.expires_ == time_point::max() ? endless : ending; }
        [[nodiscard]] std::size_t home(std::uint64_t id) const noexcept { return (id >> 4) & (slots.size() - 1); }
        [[nodiscard]] std::size_t after(std::size_t at) const noexcept { return (at + 1) & (slots.size() - 1); }
        /// Where it is, or would be.
        [[nodiscard]] std::size_t find(std::uint64_t id) const noexcept {
            std::size_t at = home(id);
            while (slots[at].node != nullptr && slots[at].id != id)
                at = after(at);
            return at;
        }
        void grow() {
            std::vector<slot> wider(slots.empty() ? 16 : slots.size() * 2);
            slots.swap(wider);
            for (slot const& each : wider)
                if (each.node != nullptr) slots[find(each.id)] = each;
        }
        void unlink(std::size_t at) noexcept {
            table_node& node = *slots[at].node;
            chain& c = chain_of(node);
            (node.older_ != nullptr ? node.older_->newer_ : c.oldest) = node.newer_;
            (node.newer_ != nullptr ? node.newer_->older_ : c.newest) = node.older_;
            node.inside_ = false;
            --count;
            close_gap(at);
        }
        /// Moves up what would not be found any more beyond an empty slot.
        void close_gap(std::size_t gap) noexcept {
            for (std::size_t at = after(gap); slots[at].node != nullptr; at = after(at)) {
                std::size_t const from_home = (at - home(slots[at].id)) & (slots.size() - 1),
                                  from_gap = (at - gap) & (slots.size() - 1);
                if (from_home < from_gap) continue;  // its home lies behind the gap
                slots[gap] = slots[at];
                gap = at;
            }
            slots[gap] = {};
        }
        [[nodiscard]] table_node* take_out(table_node& node) noexcept {
            unlink(find(node.id_));
            return &node;
        }
    };
    [[nodiscard]] shard& of(std::uint64_t id) noexcept { return shards_[id & (shards - 1)]; }

    std::array<shard, shards> shards_;
};

}  // namespace antiphon::messaging::detail
