// SPDX-License-Identifier: BSL-1.0
#pragma once
// Asks known by a key: what of the arguments is the key, and a table that compares keys outside its lock.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/core/invoke.hpp"
#include "antiphon/execution/parking.hpp"

namespace antiphon::detail {

/// What a value is as part of a key: owned, and the same however it was passed.
template <class X>
struct key_part {
    using type = std::remove_cvref_t<X>;
};
template <class X>
    requires std::integral<std::remove_cvref_t<X>>
struct key_part<X> {
    using type = std::int64_t;
};
template <class X>
    requires std::convertible_to<std::remove_cvref_t<X> const&, std::string_view>
struct key_part<X> {
    using type = std::string;
};
template <class... X>
using key_of = std::tuple<typename key_part<X>::type...>;

template <class T>
concept key_like = std::equality_comparable<T> && std::copy_constructible<T> && requires(T const& t) {
    { std::hash<T>{}(t) } -> std::convertible_to<std::size_t>;
};
template <class Key>
inline constexpr bool is_key = false;
template <class... T>
inline constexpr bool is_key<std::tuple<T...>> = (key_like<T> && ...);

/// Mixes well: the standard's hash of a number is the number.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t seed, std::uint64_t h) noexcept {
    std::uint64_t x = seed + 0x9E3779B97F4A7C15u + h;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}
template <class... T>
[[nodiscard]] std::uint64_t hash_of(std::tuple<T...> const& key) {
    return std::apply(
        [](T const&... part) {
            std::uint64_t h = sizeof...(T);
            ((h = mix(h, std::hash<T>{}(part))), ...);
            return h;
        },
        key);
}

/// Makes the key of an ask of `R(P...)`: of its arguments, or of what a function says about them.
struct arguments_as_key {};
template <class F, class Signature>
struct key_maker;
template <class R, class... P>
struct key_maker<arguments_as_key, R(P...)> {
    using key = key_of<P...>;
    static constexpr bool possible = is_key<key>;
    template <class... A>
    [[nodiscard]] static key make(arguments_as_key, A const&... args) {
        return key{static_cast<typename key_part<P>::type>(static_cast<std::remove_cvref_t<P> const&>(args))...};
    }
};
template <class F, class R, class... P>
struct key_maker<F, R(P...)> {
    static_assert(std::is_invocable_v<F const&, std::remove_cvref_t<P> const&...>,
                  "antiphon: the function that makes a key takes the arguments of the request as const references");
    using said = std::invoke_result_t<F const&, std::remove_cvref_t<P> const&...>;
    using key = key_of<said>;
    static constexpr bool possible = is_key<key>;
    template <class... A>
    [[nodiscard]] static key make(F const& f, A const&... args) {
        return key{static_cast<typename key_part<said>::type>(
            antiphon::detail::invoke(f, static_cast<std::remove_cvref_t<P> const&>(args)...))};
    }
};

/// Adopts a reference to a node.
template <class Node>
class node_ref {
public:
    node_ref() noexcept = default;
    explicit node_ref(Node* adopted) noexcept : node_{adopted} {}
    node_ref(node_ref&& other) noexcept : node_{other.release()} {}
    node_ref& operator=(node_ref&& other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    ~node_ref() {
        if (node_ != nullptr) node_->release();
    }
    [[nodiscard]] explicit operator bool() const noexcept { return node_ != nullptr; }
    [[nodiscard]] Node* operator->() const noexcept { return node_; }
    [[nodiscard]] Node& operator*() const noexcept { return *node_; }
    [[nodiscard]] Node* release() noexcept { return std::exchange(node_, nullptr); }

private:
    Node* node_ = nullptr;
};

/// The links of a node, guarded by its table's lock.
template <class Node>
struct table_node {
    std::uint64_t hash = 0;
    Node* next_in_bucket = nullptr;
    bool in_table = false;
};

/// Nodes by key. Keys are the user's: they are compared outside the lock, on nodes that a reference keeps, and what may have changed
/// meanwhile is looked at again. `Node` is a `table_node` with `key()`, `retain()` and `release()`; the table has no reference of its own.
template <class Node>
class keyed_table {
public:
    /// The node with this key, or none; `seen` is for `insert`.
    template <class Key>
    [[nodiscard]] node_ref<Node> find(std::uint64_t hash, Key const& key, std::uint64_t& seen) {
        for (std::size_t n = 0;;) {
            node_ref<Node> candidate = nth(hash, n, seen);
            if (!candidate || candidate->key() == key) return candidate;
            ++n;
        }
    }
    /// False: another one may have the same key since it was looked for.
    [[nodiscard]] bool insert(Node& node, std::uint64_t hash, std::uint64_t seen) {
        parking_lock::scope const hold{lock_};
        if (!may_insert(hash, seen)) return false;
        insert_locked(node, hash);
        return true;
    }
    bool remove(Node& node) noexcept {
        parking_lock::scope const hold{lock_};
        return remove_locked(node);
    }

protected:
    [[nodiscard]] bool may_insert(std::uint64_t hash, std::uint64_t seen) const noexcept {
        return changes_ == seen || first_with(hash) == nullptr;
    }
    void insert_locked(Node& node, std::uint64_t hash) {
        if (size_ >= buckets_.size()) grow();
        Node*& bucket = buckets_[hash & (buckets_.size() - 1)];
        node.hash = hash;
        node.next_in_bucket = bucket;
        node.in_table = true;
        bucket = &node;
        ++size_;
        ++changes_;
    }
    bool remove_locked(Node& node) noexcept {
        if (!node.in_table) return false;
        Node** at = &buckets_[node.hash & (buckets_.size() - 1)];
        while (*at != &node)
            at = &(*at)->next_in_bucket;
        *at = node.next_in_bucket;
        node.in_table = false;
        --size_;
        ++changes_;
        return true;
    }
    [[nodiscard]] Node* first_with(std::uint64_t hash) const noexcept {
        if (buckets_.empty()) return nullptr;
        return same_hash(buckets_[hash & (buckets_.size() - 1)], hash);
    }
    [[nodiscard]] std::size_t size_locked() const noexcept { return size_; }

    parking_lock lock_;

private:
    [[nodiscard]] static Node* same_hash(Node* at, std::uint64_t hash) noexcept {
        while (at != nullptr && at->hash != hash)
            at = at->next_in_bucket;
        return at;
    }
    [[nodiscard]] node_ref<Node> nth(std::uint64_t hash, std::size_t& n, std::uint64_t& seen) noexcept {
        parking_lock::scope const hold{lock_};
        if (n != 0 && changes_ != seen) n = 0;
        seen = changes_;
        Node* at = first_with(hash);
        for (std::size_t i = 0; i != n && at != nullptr; ++i)
            at = same_hash(at->next_in_bucket, hash);
        if (at != nullptr) at->retain();
        return node_ref<Node>{at};
    }
    void grow() {
        std::vector<Node*> larger(buckets_.empty() ? 16 : 2 * buckets_.size());
        for (Node* each : buckets_) {
            while (each != nullptr) {
                Node* const next = each->next_in_bucket;
                Node*& bucket = larger[each->hash & (larger.size() - 1)];
                each->next_in_bucket = bucket;
                bucket = each;
                each = next;
            }
        }
        buckets_.swap(larger);
    }

    // Guarded by lock_:
    std::vector<Node*> buckets_;
    std::size_t size_ = 0;
    std::uint64_t changes_ = 0;
};

}  // namespace antiphon::detail
