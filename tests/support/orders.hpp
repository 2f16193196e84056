// SPDX-License-Identifier: BSL-1.0
#pragma once
// Six policies around a handler full of trouble, in any order, and what each of them must have done, told again from the journal of
// what went in and came out on either side of it.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/chaos.hpp"
#include "antiphon/testing/simulation.hpp"

namespace test::orders {

namespace ap = antiphon;
using namespace std::chrono_literals;

enum class layer {
    timeout,
    retry,
    hedge,
    circuit_breaker,
    rate_limit,
    concurrency_limit
};
using order = std::array<layer, 6>;  // innermost first
[[nodiscard]] inline char const* name(layer l) {
    constexpr std::array names{"timeout", "retry", "hedge", "circuit_breaker", "rate_limit", "concurrency_limit"};
    return names[static_cast<std::size_t>(l)];
}
[[nodiscard]] inline std::string describe(order const& o) {
    std::string s = "handler";
    for (layer l : o)
        s += std::string{" | "} + name(l);
    return s;
}
/// One after the other, all 720.
template <class F>
void each_order(F f) {
    order o{layer::timeout, layer::retry, layer::hedge, layer::circuit_breaker, layer::rate_limit, layer::concurrency_limit};
    do
        f(o);
    while (std::next_permutation(o.begin(), o.end()));
}

constexpr ap::duration limit = 30ms;
constexpr int attempts = 3;
constexpr ap::duration first_backoff = 4ms;
constexpr ap::duration hedge_after = 12ms;
constexpr std::size_t window = 20;
constexpr ap::duration open_for = 40ms;
constexpr std::size_t probes = 3;
constexpr std::uint32_t permits = 20;
constexpr ap::duration per = 10ms;
constexpr ap::duration max_wait = 5ms;
constexpr std::size_t max_concurrent = 12;
constexpr std::size_t max_queue = 4;

/// One ask at one boundary: 0 is the handler's, 6 that of the program.
struct entry {
    int boundary = 0;
    int parent = -1;
    ap::time_point opened{};
    ap::time_point closed{};
    ap::time_point deadline{};
    std::size_t opened_at = 0;  ///< places in the one order of all events
    std::size_t closed_at = 0;
    int value = 0;
    int code = -1;  ///< 0 for a value
    ap::executed executed = ap::executed::no;
    std::optional<ap::duration> retry_after{};
    std::uint32_t attempts = 0;
    bool stopped = false;
    std::vector<int> inside{};

    [[nodiscard]] bool is(ap::errc e) const { return code == static_cast<int>(e); }
    [[nodiscard]] bool transient() const {
        return is(ap::errc::unavailable) || is(ap::errc::deadline_exceeded) || is(ap::errc::aborted) ||
               is(ap::errc::resource_exhausted);
    }
};

class journal {
public:
    int open(int boundary, int parent, ap::context const& c) {
        int const id = static_cast<int>(entries.size());
        entries.push_back({.boundary = boundary, .parent = parent, .opened = c.now(), .deadline = c.deadline(), .opened_at = ++steps_});
        if (parent >= 0 && boundary != 6) entries[static_cast<std::size_t>(parent)].inside.push_back(id);
        return id;
    }
    void close(int id, ap::result<int> const& r, ap::context const& c) {
        entry& e = entries[static_cast<std::size_t>(id)];
        e.closed = c.now();
        e.closed_at = ++steps_;
        e.stopped = c.stop_requested();
        e.code = r ? 0 : r.error().code().value();
        if (r) {
            e.value = *r;
        } else {
            e.executed = r.error().executed();
            e.retry_after = r.error().retry_after();
            e.attempts = r.error().attempts();
        }
    }
    std::vector<entry> entries;

private:
    std::size_t steps_ = 0;
};

/// What is wrong, the first few.
class complaints {
public:
    void expect(bool holds, layer by, char const* what, entry const& about) {
        if (holds || texts.size() >= 8) return;
        auto const at = [](ap::time_point t) { return std::to_string((t - ap::time_point{1h}).count() / 1000) + "us"; };
        std::string s = std::string{name(by)} + ": " + what + ": asked " + at(about.opened) + ", answered " + at(about.closed) +
                        " with " + std::to_string(about.code) + (about.stopped ? " stopped" : "") + ", inside " +
                        std::to_string(about.inside.size());
        texts.push_back(std::move(s));
    }
    std::vector<std::string> texts;
};

using question = ap::request<int(int)>;

/// The shared state of one run, and the run itself.
class run {
public:
    run(order const& o, std::uint64_t seed) : order_{o}, sim_{seed}, dice_{seed} {}

    /// `n` asks; with `probed` a journal is kept between the layers and read by the models, else the layers lie directly on each other.
    void play(int n, bool probed) {
        question q = build(probed);
        std::vector<ap::future<int>> asked;
        asked.reserve(static_cast<std::size_t>(n));
        for (int i = 0; i != n; ++i) {
            bad_ = i > n / 3 && i < n / 2;
            asked.push_back(q.submit(i));
            std::uint64_t const chance = dice_() % 100;
            if (chance < 3) asked[dice_() % asked.size()].request_stop();
            if (chance == 99) asked.back() = q.submit(i);  // the one before is dropped
            sim_.advance(ap::testing::latency::exponential(500us)(dice_()));
        }
        sim_.run();
        for (auto& f : asked) {
            if (!f.ready()) {
                complain("an ask was never answered");
                return;
            }
            ++(std::move(f).get() ? values : failures);
        }
        check_ends();
        if (probed) check_models();
    }
    [[nodiscard]] std::vector<std::string> const& complaints_texts() const { return complaints_.texts; }
    long values = 0;
    long failures = 0;
    long handled = 0;

private:
    class counter final : public ap::observer {
    public:
        void asked() noexcept override { ++in; }
        void completed(ap::failure const*, ap::duration) noexcept override { ++out; }
        long in = 0;
        long out = 0;
    };

    question build(bool probed) {
        using ap::testing::chaos;
        using ap::testing::latency;
        question q = ap::request{[this](int x) -> ap::result<int> {
                         ++handled;
                         if (bad_) return ap::errc::unavailable;
                         return x;
                     }} |
                     chaos{.delay = latency::exponential(4ms),
                           .fails = 0.1,
                           .drops = 0.01,
                           .duplicates = 0.01,
                           .late = 0.02,
                           .late_by = latency::exponential(40ms)};
        for (int i = 0; i <= 6; ++i) {
            if (probed) {
                q = probe(i, std::move(q));
            } else {
                q = std::move(q) | ap::observe{&counters_[static_cast<std::size_t>(i)]};
            }
            if (i != 6) q = apply(order_[static_cast<std::size_t>(i)], std::move(q));
        }
        return std::move(q) | ap::starts_on(sim_);
    }
    question probe(int boundary, question next) {
        return [this, boundary, next = std::move(next)](ap::context const& c, int parent) -> ap::task<int> {
            int const mine = journal_.open(boundary, parent, c);
            auto r = co_await next(mine);
            journal_.close(mine, r, c);
            co_return r;
        };
    }
    question apply(layer l, question q) {
        switch (l) {
            case layer::timeout: return std::move(q) | ap::timeout{.limit = limit};
            case layer::retry:
                return std::move(q) | ap::retry{.max_attempts = attempts, .backoff = {.initial = first_backoff, .max = 1s}};
            case layer::hedge: return std::move(q) | ap::hedge{.after = hedge_after};
            case layer::circuit_breaker: return std::move(q) | breaker_;
            case layer::rate_limit: return std::move(q) | rate_;
            case layer::concurrency_limit: return std::move(q) | bulkhead_;
        }
        return q;
    }

    void complain(char const* what) { complaints_.texts.push_back(what); }
    /// Nothing is left over, and every layer gave as many answers as it was asked.
    void check_ends() {
        if (sim_.pending() != 0) complain("a timer or a job is left");
        if (bulkhead_.in_flight() != 0) complain("a permit is left");
        if (bulkhead_.queued() != 0) complain("somebody is left in line");
        if (rate_.waiting() != 0) complain("a reservation is left");
        for (auto const& c : counters_)
            if (c.in != c.out) complain("a layer was asked more often than it answered");
        for (auto const& e : journal_.entries)
            if (e.code < 0) {
                complain("an ask between two layers was never answered");
                return;
            }
    }
    void check_models() {
        for (entry const& e : journal_.entries)
            if (e.boundary == 6 && e.code == 0) check_descent(e);
        for (int i = 0; i != 6; ++i) {
            switch (order_[static_cast<std::size_t>(i)]) {
                case layer::timeout: each_outer(i, [&](entry const& o) { check_timeout(o); }); break;
                case layer::retry: each_outer(i, [&](entry const& o) { check_retry(o); }); break;
                case layer::hedge: each_outer(i, [&](entry const& o) { check_hedge(o); }); break;
                case layer::circuit_breaker: check_breaker(i); break;
                case layer::rate_limit: check_rate(i); break;
                case layer::concurrency_limit: check_bulkhead(i); break;
            }
        }
    }
    template <class F>
    void each_outer(int i, F f) const {
        for (entry const& e : journal_.entries)
            if (e.boundary == i + 1) f(e);
    }
    [[nodiscard]] entry const& at(int id) const { return journal_.entries[static_cast<std::size_t>(id)]; }
    static bool same(entry const& a, entry const& b) { return a.code == b.code && a.value == b.value; }

    /// A value comes from a handler that was run for this very ask: the handler echoes the ask that it was given.
    void check_descent(entry const& root) {
        entry const* e = &at(root.value);
        bool down = e->boundary == 0 && e->code == 0;
        while (e->boundary != 6 && e->parent >= 0)
            e = &at(e->parent);
        complaints_.expect(down && e == &root, order_[5], "a value that was not made for this ask", root);
    }

    void check_timeout(entry const& o) {
        auto const expect = [&](bool holds, char const* what) { complaints_.expect(holds, layer::timeout, what, o); };
        ap::time_point const until = std::min(ap::saturating_add(o.opened, limit), o.deadline);
        expect(o.closed <= until, "answered after its time");
        if (o.inside.empty()) return expect(o.is(ap::errc::deadline_exceeded) ? until <= o.opened : o.stopped, "asked nobody");
        entry const& k = at(o.inside[0]);
        expect(o.inside.size() == 1 && k.opened == o.opened && k.deadline == until,
               "one ask inside, at once, with what is left of the time");
        bool const passed = o.closed == k.closed && same(o, k);
        bool const expired = o.closed == until && o.is(ap::errc::deadline_exceeded);
        if (k.closed < until) return expect(passed, "an answer in time passes");
        if (k.closed == until) return expect(passed || expired, "an answer at the last moment passes, or expires");
        expect(expired, "it expires at its time");
    }

    void check_retry(entry const& o) {
        auto const expect = [&](bool holds, char const* what) { complaints_.expect(holds, layer::retry, what, o); };
        auto const centre = [](int n) { return first_backoff * (1 << (n - 1)); };
        if (o.inside.empty()) return expect(o.code != 0 && (o.stopped || o.deadline <= o.opened), "asked nobody");
        expect(o.inside.size() <= attempts && at(o.inside[0]).opened == o.opened, "at most three attempts, the first at once");
        int backoffs = 0;
        auto worst = ap::executed::no;
        for (std::size_t j = 0; j != o.inside.size(); ++j) {
            entry const& k = at(o.inside[j]);
            worst = std::max(worst, k.executed);
            if (j + 1 == o.inside.size()) break;
            ap::duration const gap = at(o.inside[j + 1]).opened - k.closed;
            expect(k.transient(), "again only after a transient failure");
            if (k.retry_after) {
                expect(gap == *k.retry_after, "again after exactly what the failure said");
                backoffs = 0;
            } else {
                expect(gap >= 0ns && gap <= centre(++backoffs), "again within the back-off");
            }
        }
        entry const& last = at(o.inside.back());
        if (last.code == 0) return expect(o.closed == last.closed && same(o, last), "a success is the answer");
        if (o.stopped && o.is(ap::errc::cancelled)) return expect(o.closed >= last.closed, "cancelled");
        expect(o.closed == last.closed && o.code == last.code, "the last failure is the answer, at once");
        expect(o.attempts == o.inside.size() && o.executed == worst, "the failure knows its attempts, and whether any was executed");
        bool const more = last.transient() && o.inside.size() < attempts && !(last.retry_after && *last.retry_after < 0ns);
        ap::duration const longest = last.retry_after ? *last.retry_after : centre(backoffs + 1);
        if (more && !o.stopped) expect(ap::saturating_add(last.closed, longest) >= o.deadline, "gave up early without a reason");
    }

    void check_hedge(entry const& o) {
        auto const expect = [&](bool holds, char const* what) { complaints_.expect(holds, layer::hedge, what, o); };
        if (o.inside.empty()) return expect(o.code != 0 && (o.stopped || o.deadline <= o.opened), "asked nobody");
        expect(o.inside.size() <= 2 && at(o.inside[0]).opened == o.opened, "two copies at most, the first at once");
        entry const* won = nullptr;
        entry const* fatal = nullptr;
        ap::time_point last{};
        for (int id : o.inside) {
            entry const& k = at(id);
            last = std::max(last, k.closed);
            if (k.code == 0 && (won == nullptr || k.closed_at < won->closed_at)) won = &k;
            if (k.code != 0 && !k.transient() && (fatal == nullptr || k.closed_at < fatal->closed_at)) fatal = &k;
        }
        if (o.code == 0) {
            expect(won != nullptr && o.closed == won->closed && same(o, *won), "the first success is the answer, at once");
            expect(fatal == nullptr || fatal->closed_at > won->closed_at, "nothing after a fatal failure");
        }
        if (o.stopped) return;
        if (fatal != nullptr && (won == nullptr || fatal->closed_at < won->closed_at)) {
            expect(o.closed == fatal->closed && o.code == fatal->code, "a fatal failure ends it");
        } else if (won == nullptr) {
            expect(o.closed == last && o.code == at(o.inside[0]).code && o.attempts == o.inside.size(),
                   "when all have failed, the first copy's failure is the answer");
        } else {
            expect(o.code == 0, "a success is the answer");
        }
        check_second_copy(o);
    }
    void check_second_copy(entry const& o) {
        auto const expect = [&](bool holds, char const* what) { complaints_.expect(holds, layer::hedge, what, o); };
        entry const& first = at(o.inside[0]);
        ap::time_point const due = ap::saturating_add(o.opened, hedge_after);
        std::optional<ap::time_point> second = due;
        if (first.closed == due) return;  // either way
        if (first.closed < due) {
            second.reset();
            bool const may = first.transient() && !(first.retry_after && *first.retry_after < 0ns);
            if (may) second = first.closed + first.retry_after.value_or(0ns);
        }
        if (o.inside.size() == 2) {
            expect(second && at(o.inside[1]).opened == *second, "the second copy goes out when it is due");
        } else {
            expect(!second || *second >= o.deadline || *second >= o.closed, "a second copy was due");
        }
    }

    /// The breaker, told again: it decides where it is asked, and learns where what is inside answers.
    void check_breaker(int i) {
        struct event {
            std::size_t step;
            entry const* outer;
            bool ask;
            bool tells;  ///< of the other side: neither cancelled, nor what came of a stop request
            bool failed;
            ap::time_point when;
        };
        std::vector<event> events;
        each_outer(i, [&](entry const& o) {
            events.push_back({o.opened_at, &o, true, false, false, o.opened});
            entry const& end = o.inside.empty() ? o : at(o.inside[0]);
            bool const failed = end.code != 0;
            events.push_back({end.closed_at, &o, false, !end.is(ap::errc::cancelled) && !(failed && end.stopped), failed, end.closed});
        });
        std::sort(events.begin(), events.end(), [](event const& a, event const& b) { return a.step < b.step; });
        enum {
            closed,
            open,
            half_open
        } state = closed;
        std::deque<bool> results;
        ap::time_point opened{};
        std::size_t lent = 0;
        int epoch = 0;
        std::vector<int> admitted(journal_.entries.size(), -1);
        auto const enter = [&](auto to, ap::time_point when) {
            state = to;
            ++epoch;
            results.clear();
            lent = 0;
            opened = when;
        };
        for (event const& e : events) {
            int& mine = admitted[static_cast<std::size_t>(e.outer - journal_.entries.data())];
            if (e.ask) {
                if (state == open && e.when > opened + open_for) enter(half_open, e.when);
                bool const rejects = state == open || (state == half_open && lent == probes);
                bool const rejected = e.outer->inside.empty() && e.outer->is(ap::errc::circuit_open);
                complaints_.expect(rejects == rejected, layer::circuit_breaker, rejects ? "must reject" : "must admit", *e.outer);
                if (!rejected) mine = epoch;
                if (!rejected && state == half_open) ++lent;
            } else if (mine == epoch) {
                if (!e.tells) {
                    if (state == half_open) --lent;
                    continue;
                }
                results.push_back(e.failed);
                if (state == closed && results.size() > window) results.pop_front();
                auto const failed = static_cast<std::size_t>(std::count(results.begin(), results.end(), true));
                bool const enough = results.size() >= (state == closed ? window : probes);
                if (enough && 2 * failed >= results.size()) {
                    enter(open, e.when);
                } else if (enough && state == half_open) {
                    enter(closed, e.when);
                }
            }
        }
    }

    void check_rate(int i) {
        std::optional<ap::time_point> anchor;
        each_outer(i, [&](entry const& o) { anchor = anchor ? std::min(*anchor, o.opened) : o.opened; });
        auto const cycle = [&](ap::time_point t) { return static_cast<std::size_t>((t - *anchor) / per); };
        std::vector<std::vector<std::size_t>> starts;  // by cycle: when those who started in it had asked
        for (entry const& k : journal_.entries) {
            if (k.boundary != i) continue;
            starts.resize(std::max(starts.size(), cycle(k.opened) + 1));
            starts[cycle(k.opened)].push_back(at(k.parent).opened_at);
            complaints_.expect(starts[cycle(k.opened)].size() <= permits, layer::rate_limit, "more starts than permits in a cycle", k);
        }
        std::size_t lost = 0;  // let in, but stopped before they started
        each_outer(i, [&](entry const& o) {
            auto const expect = [&](bool holds, char const* what) { complaints_.expect(holds, layer::rate_limit, what, o); };
            if (!o.inside.empty()) {
                entry const& k = at(o.inside[0]);
                expect(o.inside.size() == 1 && o.closed == k.closed && same(o, k), "an answer passes");
                ap::duration const waited = k.opened - o.opened;
                bool const on_the_grid = waited <= max_wait && (k.opened - *anchor) % per == 0ns;
                return expect(waited == 0ns || on_the_grid, "starts at once, or with a cycle, soon enough");
            }
            if (!o.is(ap::errc::resource_exhausted)) return void(++lost);
            expect(o.closed == o.opened && o.executed == ap::executed::no && o.retry_after && *o.retry_after > 0ns, "refused at once");
            std::size_t taken = lost;
            if (cycle(o.opened) < starts.size())
                for (std::size_t asked : starts[cycle(o.opened)])
                    taken += asked < o.opened_at;
            expect(taken >= permits, "refused while there were permits");
        });
    }

    void check_bulkhead(int i) {
        std::vector<entry const*> outers;
        each_outer(i, [&](entry const& o) { outers.push_back(&o); });
        std::vector<std::pair<std::size_t, int>> changes;
        std::size_t last_start = 0;
        std::deque<entry const*> members;  // those who are inside or in line, by what ends that
        for (entry const* o : outers) {
            auto const expect = [&](bool holds, char const* what) { complaints_.expect(holds, layer::concurrency_limit, what, *o); };
            std::erase_if(members, [&](entry const* m) { return m->closed_at < o->opened_at; });
            // Who is stopped in line leaves it at once, and is heard of at the end of the same moment.
            auto const leaving = std::count_if(members.begin(), members.end(), [&](entry const* m) {
                return m->boundary == i + 1 && m->stopped && m->closed == o->opened;
            });
            bool const full = members.size() == max_concurrent + max_queue;
            bool const refused = o->inside.empty() && o->is(ap::errc::overloaded);
            if (leaving == 0 || refused) expect(full == refused, full ? "must refuse" : "must admit");
            if (refused) {
                expect(o->closed == o->opened && o->executed == ap::executed::no, "refused at once");
                continue;
            }
            members.push_back(o->inside.empty() ? o : &at(o->inside[0]));
            if (o->inside.empty()) {
                expect(o->stopped || (o->is(ap::errc::deadline_exceeded) && o->closed == std::max(o->deadline, o->opened)),
                       "left the line without a reason");
                continue;
            }
            entry const& k = at(o->inside[0]);
            expect(o->inside.size() == 1 && o->closed == k.closed && same(*o, k), "an answer passes");
            expect(k.opened_at > last_start, "first come, first served");
            last_start = k.opened_at;
            changes.emplace_back(k.opened_at, 1);
            changes.emplace_back(k.closed_at, -1);
        }
        std::sort(changes.begin(), changes.end());
        int inside = 0;
        for (auto const& [step, change] : changes) {
            inside += change;
            if (inside > static_cast<int>(max_concurrent)) return complain("concurrency_limit: too many inside");
        }
    }

    order order_;
    ap::testing::simulation sim_;
    ap::random_source dice_;
    bool bad_ = false;
    journal journal_;
    complaints complaints_;
    std::array<counter, 7> counters_;
    ap::circuit_breaker breaker_{
        {.window = ap::last(window), .minimum_calls = window, .open_for = open_for, .half_open_calls = probes}};
    ap::rate_limit rate_{{.permits = permits, .per = per, .max_wait = max_wait}};
    ap::concurrency_limit bulkhead_{{.max_concurrent = max_concurrent, .max_queue = max_queue}};
};

}  // namespace test::orders
