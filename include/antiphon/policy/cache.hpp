// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that remembers answers.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/detail/attempts.hpp"
#include "antiphon/policy/detail/cache_store.hpp"
#include "antiphon/policy/detail/caching_ask.hpp"
#include "antiphon/policy/detail/keyed_table.hpp"
#include "antiphon/policy/failure_predicate.hpp"

namespace antiphon {

struct cache_options {
    any_duration ttl = duration::max();     ///< how long an answer is good; for ever, unless given
    std::size_t max_entries = 1000;    ///< a signature; the least recently used goes first
    any_duration stale_for =
        duration::zero();  ///< after `ttl` an answer serves so much longer, while it is asked for anew (stale while revalidate)
    failure_predicate keep_failure{};  ///< the failures that are remembered like values; none unless given, and none of a stopped ask
    any_duration failure_ttl = std::chrono::seconds{1};  ///< how long these are good
};

/// What a `cache` has counted.
struct cache_stats {
    std::uint64_t hits = 0;  ///< answered from it, and good
    std::uint64_t stale = 0;  ///< answered from it, while it was asked for anew
    std::uint64_t misses = 0;  ///< asked what is inside
    std::uint64_t stored = 0;
    std::uint64_t evicted = 0;  ///< to make room
};

namespace detail {

class cache_core final : public counted {
public:
    explicit cache_core(cache_options o) : options{std::move(o)} {
        require(options.ttl > duration::zero(), "cache.ttl: must be positive");
        require(options.max_entries != 0, "cache.max_entries: must be at least 1");
        require(options.stale_for >= duration::zero(), "cache.stale_for: must not be negative");
        require(options.failure_ttl > duration::zero(), "cache.failure_ttl: must be positive");
    }
    /// The store of a type, made when it is first asked for.
    template <class Store>
    [[nodiscard]] shared_core<Store> store() {
        shared_core<Store> fresh{new Store{options.max_entries, counters}};
        parking_lock::scope const hold{lock_};
        for (auto const& each : stores_)
            if (each->type() == fresh->type()) return shared_core<Store>::another(static_cast<Store&>(*each));
        fresh->add_ref();
        stores_.emplace_back(fresh.get());
        return fresh;
    }
    template <class Store, class Key, class R>
    bool keep(Store& in, std::uint64_t hash, Key const& key, result<R> const& answer, time_point now) const {
        time_point const fresh = saturating_add(now, answer ? options.ttl : options.failure_ttl);
        using entry = typename Store::entry;
        return in.put(hash, node_ref<entry>{new entry{key, answer, fresh, answer ? saturating_add(fresh, options.stale_for) : fresh}},
                      now);
    }
    [[nodiscard]] std::vector<shared_core<cache_store_base>> stores() {
        parking_lock::scope const hold{lock_};
        return stores_;
    }

    cache_options const options;
    cache_counters counters;

private:
    parking_lock lock_;
    std::vector<shared_core<cache_store_base>> stores_;  // guarded by lock_
};

/// A cache in its pipeline.
template <class F, class R, class Signature>
class caching {
    using maker = key_maker<F, Signature>;

public:
    static constexpr bool abandons = true;
    template <class Layer, class... A>
    using ask = caching_ask<Layer, A...>;
    using key_type = typename maker::key;
    using store_type = cache_store<R, key_type>;

    caching(shared_core<cache_core> core, F f) : f_(std::move(f)), core_{std::move(core)}, store_{core_->store<store_type>()} {}

    template <class... A>
    [[nodiscard]] auto key(A const&... args) const {
        return maker::make(f_, args...);
    }
    [[nodiscard]] store_type& store() const noexcept { return *store_; }
    void count_hit(bool stale) const noexcept { cache_counters::bump(stale ? core_->counters.stale : core_->counters.hits); }
    void count_miss() const noexcept { cache_counters::bump(core_->counters.misses); }
    /// Whether it was kept. Remembering is not what was asked for: what goes wrong with it is no failure.
    bool keep(std::uint64_t hash, key_type const& key, result<R> const& answer, time_point now) const noexcept {
        ANTIPHON_TRY {
            cache_options const& o = core_->options;
            if (!answer && (answer.error() == errc::cancelled || !o.keep_failure || !o.keep_failure(answer.error()))) return false;
            return core_->keep(*store_, hash, key, answer, now);
        }
        ANTIPHON_CATCH_ALL { return false; }
    }

private:
    ANTIPHON_NO_UNIQUE_ADDRESS F f_;
    shared_core<cache_core> core_;
    shared_core<store_type> store_;
};

/// `cache` with a function that makes the key.
template <class F>
class cache_by {
public:
    using antiphon_policy = void;
    cache_by(shared_core<cache_core> core, F f) : f_(std::move(f)), core_{std::move(core)} {}

    template <class R, class... P, class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<R(P...), Repeat, Handler> r) const {
        static_assert(std::is_void_v<R> || std::is_copy_constructible_v<R> || std::is_reference_v<R>,
                      "antiphon: cache gives a copy of the result to each asker, and this one cannot be copied");
        constexpr bool has_key = key_maker<F, R(P...)>::possible;
        static_assert(
            has_key,
            "antiphon: these arguments cannot be a key (that takes ==, std::hash and a copy): say cache.by(a function of them)");
        if constexpr (has_key) {
            return wrap_shared(caching<F, R, R(P...)>{core_, f_}, std::move(r));
        } else {
            return r;
        }
    }

private:
    ANTIPHON_NO_UNIQUE_ADDRESS F f_;
    shared_core<cache_core> core_;
};

}  // namespace detail

/// `cache users{{.ttl = 1min, .max_entries = 10'000}};  request | users`: an ask whose arguments were asked before, and answered
/// with a value less than `ttl` ago, gets a copy of that. A handle: copies share what is kept, and requests of one signature (and one
/// kind of key) that it is put around do too: put it around requests that mean the same. `users.by([](query const& q) { return q.id; })` makes the
/// key from the arguments. With `stale_for`, what is older is still given for that long, and the first who gets it causes one ask
/// in the background; a failure of that never takes the place of a value that may still be given. Asks that miss at the same time all ask: `request | coalesce() | users` asks once.
/// **Threads**: any. A miss of `call()` runs on the pool. **Errors**: nonsense is refused with `std::invalid_argument`. What making the key throws
/// is the ask's failure; what copying an answer into the store throws leaves it out.
/// **Time**: the executor's clock. **Cost**: a hit allocates nothing beyond the ask, and copies; an answer that is kept is an allocation;
/// two short locks. Entries that are too old stay until they are asked for, or the least recently used.
class cache {
public:
    using antiphon_policy = void;

    explicit cache(cache_options options = {}) : core_{new detail::cache_core{std::move(options)}} {}

    /// The same, with the key made by a function of the arguments (as const references).
    template <class F>
    [[nodiscard]] auto by(F key) const {
        return detail::cache_by<F>{core_, std::move(key)};
    }
    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return detail::cache_by<detail::arguments_as_key>{core_, {}}(std::move(r));
    }

    /// Forgets the answer of `R(Args...)`, spelled as the request's signature is, for these arguments (or for this key). False: there was none.
    template <class Signature, class... A>
    bool erase(A const&... args) const {
        return entry_of<Signature>{*core_, args...}.erase();
    }
    /// As if `value` had been the answer for these arguments (or for this key) at `now`, a moment of the executor's clock. An ask
    /// that is under way meanwhile keeps its own answer when it comes, here and after `erase`.
    template <class Signature, class V, class... A>
    void put(time_point now, V&& value, A const&... args) const {
        entry_of<Signature>{*core_, args...}.put(now, std::forward<V>(value));
    }
    /// What an ask for these arguments (or for this key) would be given at `now`, what is stale included; that is no use of it, and is not counted.
    template <class Signature, class... A>
    [[nodiscard]] auto peek(time_point now, A const&... args) const {
        return entry_of<Signature>{*core_, args...}.peek(now);
    }
    void clear() const {
        for (auto const& each : core_->stores())
            each->clear();
    }
    /// Entries, those too old included.
    [[nodiscard]] std::size_t size() const {
        std::size_t n = 0;
        for (auto const& each : core_->stores())
            n += each->size();
        return n;
    }
    [[nodiscard]] cache_stats stats() const noexcept {
        auto const read = [](auto const& c) { return c.load(std::memory_order_relaxed); };
        detail::cache_counters const& c = core_->counters;
        return {read(c.hits), read(c.stale), read(c.misses), read(c.stored), read(c.evicted)};
    }

private:
    template <class Signature>
    class entry_of;
    template <class R, class... P>
    class entry_of<R(P...)> {
        using key = detail::key_of<P...>;
        using store = detail::cache_store<R, key>;

    public:
        template <class... A>
        explicit entry_of(detail::cache_core& core, A const&... args)
            : core_{&core},
              store_{core.store<store>()},
              key_{static_cast<typename detail::key_part<P>::type>(args)...},
              hash_{detail::hash_of(key_)} {
            static_assert(sizeof...(A) == sizeof...(P), "antiphon: cache.erase<R(Args...)>, put and peek take these arguments");
        }
        bool erase() const { return store_->erase(hash_, key_); }
        template <class V>
        void put(time_point now, V&& value) const {
            core_->keep(*store_, hash_, key_, result<R>(std::forward<V>(value)), now);
        }
        [[nodiscard]] std::optional<result<R>> peek(time_point now) const {
            auto const found = store_->peek(hash_, key_);
            if (!found || now >= found->usable_until) return {};
            return found->answer();
        }

    private:
        detail::cache_core* core_;
        shared_core<store> store_;
        key key_;
        std::uint64_t hash_;
    };

    shared_core<detail::cache_core> core_;
};

static_assert(policy<cache> && sizeof(cache) == sizeof(void*));

}  // namespace antiphon
