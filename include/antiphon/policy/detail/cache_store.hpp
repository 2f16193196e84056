// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a cache keeps: answers by key, the least recently used of which goes first.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/policy/detail/keyed_table.hpp"

namespace antiphon::detail {

/// Counters of a cache. relaxed throughout: they guard nothing.
struct cache_counters {
    std::atomic<std::uint64_t> hits{0}, stale{0}, misses{0}, stored{0}, evicted{0};
    static void bump(std::atomic<std::uint64_t>& c, std::uint64_t n = 1) noexcept { c.fetch_add(n, std::memory_order_relaxed); }
};

/// An answer. Its contents are made once and never change; who reads it holds a reference.
template <class R, class Key>
class cache_entry final : public table_node<cache_entry<R, Key>>, public counted {
public:
    cache_entry(Key const& k, result<R> const& a, time_point fresh, time_point usable)
        : fresh_until{fresh}, usable_until{usable}, key_(k), answer_(a) {}
    void retain() noexcept { add_ref(); }
    void release() noexcept {
        if (drop_ref()) delete this;
    }
    [[nodiscard]] Key const& key() const noexcept { return key_; }
    [[nodiscard]] result<R> const& answer() const noexcept { return answer_; }

    time_point const fresh_until;
    time_point const usable_until;  ///< stale from `fresh_until` on
    std::atomic<bool> refreshing{false};
    // The order of use, guarded by the table's lock:
    cache_entry* older = nullptr;
    cache_entry* newer = nullptr;

private:
    ~cache_entry() = default;
    Key key_;
    result<R> answer_;
};

/// What a cache needs to know of a store whose types it does not know.
class cache_store_base : public counted {
public:
    explicit cache_store_base(void const* type) noexcept : type_{type} {}
    virtual ~cache_store_base() = default;
    virtual void clear() noexcept = 0;
    [[nodiscard]] virtual std::size_t size() noexcept = 0;
    [[nodiscard]] void const* type() const noexcept { return type_; }

private:
    void const* type_;
};

/// The table has a reference to each entry in it.
template <class R, class Key>
class cache_store final : public cache_store_base, private keyed_table<cache_entry<R, Key>> {
    using table = keyed_table<cache_entry<R, Key>>;

public:
    using entry = cache_entry<R, Key>;
    static constexpr char tag = 0;  // its address names the type

    cache_store(std::size_t most, cache_counters& counters) noexcept : cache_store_base{&tag}, most_{most}, counters_{&counters} {}
    ~cache_store() override { clear(); }

    [[nodiscard]] node_ref<entry> find(std::uint64_t hash, Key const& key) {
        std::uint64_t seen = 0;
        node_ref<entry> found = table::find(hash, key, seen);
        if (found) {
            parking_lock::scope const hold{this->lock_};
            if (found->in_table) touch(*found);
        }
        return found;
    }
    /// The same, and that is no use of it.
    [[nodiscard]] node_ref<entry> peek(std::uint64_t hash, Key const& key) {
        std::uint64_t seen = 0;
        return table::find(hash, key, seen);
    }
    /// In place of what the key had, unless that is a value which may be given at `now`, and this a failure. False: it is.
    bool put(std::uint64_t hash, node_ref<entry> fresh, time_point now) {
        node_ref<entry> evicted;
        for (;;) {
            std::uint64_t seen = 0;
            if (node_ref<entry> const old = table::find(hash, fresh->key(), seen)) {
                if (!fresh->answer() && old->answer() && now < old->usable_until) return false;
                take_out(*old);
            }
            parking_lock::scope const hold{this->lock_};
            if (!this->may_insert(hash, seen)) continue;
            if (this->size_locked() == most_) evicted = node_ref<entry>{oldest_};
            if (evicted) unlink(*evicted);
            this->insert_locked(*fresh, hash);
            append(*fresh.release());
            break;
        }
        cache_counters::bump(counters_->stored);
        if (evicted) cache_counters::bump(counters_->evicted);
        return true;
    }
    bool erase(std::uint64_t hash, Key const& key) {
        std::uint64_t seen = 0;
        node_ref<entry> const found = table::find(hash, key, seen);
        return found && take_out(*found);
    }
    void clear() noexcept override {
        entry* all = nullptr;
        {
            parking_lock::scope const hold{this->lock_};
            all = oldest_;
            for (entry* e = all; e != nullptr; e = e->newer)
                static_cast<void>(this->remove_locked(*e));
            oldest_ = newest_ = nullptr;
        }
        while (all != nullptr)
            std::exchange(all, all->newer)->release();
    }
    [[nodiscard]] std::size_t size() noexcept override {
        parking_lock::scope const hold{this->lock_};
        return this->size_locked();
    }

private:
    bool take_out(entry& e) noexcept {
        {
            parking_lock::scope const hold{this->lock_};
            if (!e.in_table) return false;
            unlink(e);
        }
        e.release();
        return true;
    }
    void unlink(entry& e) noexcept {
        static_cast<void>(this->remove_locked(e));
        (e.older != nullptr ? e.older->newer : oldest_) = e.newer;
        (e.newer != nullptr ? e.newer->older : newest_) = e.older;
    }
    void append(entry& e) noexcept {
        e.older = newest_;
        e.newer = nullptr;
        (newest_ != nullptr ? newest_->newer : oldest_) = &e;
        newest_ = &e;
    }
    void touch(entry& e) noexcept {
        if (&e == newest_) return;
        (e.older != nullptr ? e.older->newer : oldest_) = e.newer;
        e.newer->older = e.older;
        append(e);
    }

    std::size_t most_;
    cache_counters* counters_;
    // Guarded by the table's lock:
    entry* oldest_ = nullptr;
    entry* newest_ = nullptr;
};

}  // namespace antiphon::detail
