// SPDX-License-Identifier: BSL-1.0
// Bytes as a sequence of operations on promises, futures and requests, beside a model that knows what each must answer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"

namespace ap = antiphon;

namespace {

void must(bool holds) {
    if (!holds) std::abort();
}

/// What an ask will answer, once it is answered.
struct expected {
    enum class is {
        open,
        value,
        failed
    } now = is::open;
    int value = 0;
    ap::errc why{};
};

/// One ask: its ends, as far as they are still held, and its model. A continuation's model follows that of its source.
struct line {
    std::optional<ap::promise<int>> producer{std::in_place};
    ap::future<int> consumer;
    expected model;
    int added = 0;          ///< by continuations
    int callbacks = 0;      ///< attached
    int told = 0;
    bool recovers = false;  ///< an or_else was attached: a failure becomes -1, and what is added later is added to it
    int added_after = 0;
};

class session {
public:
    session(std::uint8_t const* data, std::size_t size) : data_{data}, left_{size} {}
    void run() {
        while (left_ > 0)
            step(next());
        for (auto& l : lines_)
            finish(*l);
        manual_.run();
        for (auto& l : lines_)
            must(l->told == l->callbacks);
    }

private:
    std::uint8_t next() {
        if (left_ == 0) return 0;
        --left_;
        return *data_++;
    }
    line* some() { return lines_.empty() ? nullptr : lines_[next() % lines_.size()].get(); }
    void step(std::uint8_t what) {
        if (what % 10 == 0 && lines_.size() < 16) {
            lines_.push_back(std::make_unique<line>());
            lines_.back()->consumer = lines_.back()->producer->get_future();
            return;
        }
        line* const l = some();
        if (l == nullptr) return;
        switch (what % 10) {
            case 1: give(*l, expected::is::value); break;
            case 2: give(*l, expected::is::failed); break;
            case 3:
                if (l->producer) {
                    l->producer.reset();
                    decide(*l, {expected::is::failed, 0, ap::errc::broken_promise});
                }
                break;
            case 4: attach(*l); break;
            case 5: recover(*l); break;
            case 6: take(*l); break;
            case 7:
                if (l->consumer.valid() && l->model.now != expected::is::open) must(l->consumer.ready());
                break;
            case 8: call_back(*l); break;
            case 9: l->consumer = ap::future<int>{}; break;
        }
    }
    void give(line& l, expected::is what) {
        if (!l.producer) return;
        int const value = next();
        expected const e{what, value, ap::errc::aborted};
        if (what == expected::is::value) {
            must(l.producer->set_value(value));
        } else {
            must(l.producer->set_failure(ap::errc::aborted));
        }
        must(!l.producer->valid() && !l.producer->set_value(0));
        l.producer.reset();
        decide(l, e);
    }
    void decide(line& l, expected e) {
        if (l.model.now == expected::is::open) l.model = e;
    }
    void attach(line& l) {
        if (!l.consumer.valid()) return;
        int const more = next();
        (l.recovers ? l.added_after : l.added) += more;
        l.consumer = std::move(l.consumer).then([more](int x) { return x + more; });
    }
    void recover(line& l) {
        if (!l.consumer.valid() || l.recovers) return;
        l.recovers = true;
        l.consumer = std::move(l.consumer).or_else([](ap::failure const&) { return -1; });
    }
    void compare(line const& l, ap::result<int> const& r) {
        if (l.model.now == expected::is::value) {
            must(r.has_value() && *r == l.model.value + l.added + l.added_after);
        } else if (l.recovers) {
            must(r.has_value() && *r == -1 + l.added_after);
        } else {
            must(!r.has_value() && r.error() == l.model.why);
        }
    }
    void take(line& l) {
        if (!l.consumer.valid() || l.model.now == expected::is::open) return;
        compare(l, std::move(l.consumer).get());
        must(!l.consumer.valid());
    }
    void call_back(line& l) {
        if (!l.consumer.valid()) return;
        ++l.callbacks;
        std::move(l.consumer).on_complete(manual_, [this, &l](ap::result<int> r) {
            ++l.told;
            compare(l, r);
        });
    }
    void finish(line& l) {
        if (l.producer) {
            l.producer.reset();
            decide(l, {expected::is::failed, 0, ap::errc::broken_promise});
        }
        take(l);
    }

    std::uint8_t const* data_;
    std::size_t left_;
    ap::manual_executor manual_;
    std::vector<std::unique_ptr<line>> lines_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    session{data, size < 400 ? size : 400}.run();
    return 0;
}
