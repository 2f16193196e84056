// SPDX-License-Identifier: BSL-1.0
#pragma once
// References to one core that a thread has in stock, so that asking does not count them one by one at a word that all threads share.

#include <cstdint>

namespace antiphon::detail {

/// Set by a thread that does not end before the process does: it keeps nothing in stock, since it would not give it back.
constinit inline thread_local bool keeps_no_stock = false;

/// A thread takes references to a core 256 at a time, and what it lets go of is the next one that it needs: where one thread asks and
/// another one ends the asks, each goes to the shared count once for 256.
///
/// What is in stock are references like all others, so a core lives until they are given back: when the thread ends, when it uses
/// another core for a while, and, for the thread that destroys the context, then (`give_back`). A core that no longer `lends()` is counted
/// one by one by whoever has none of it in stock.
///
/// `of` is compared only, and means something while `has` is not zero: then the stock's own references keep it alive.
/// **Threads**: each has its own stock, without atomics. What a thread did with a core happens before its stock's return to the count,
/// which is the release that the last holder acquires.
template <class Core>
class reference_stock {
public:
    static void take(Core& core) noexcept {
        stock& mine = mine_;
        if (mine.of == &core && mine.has != 0) {
            --mine.has;
        } else {
            take_slowly(mine, core);
        }
    }
    static void give(Core& core) noexcept {
        stock& mine = mine_;
        if (mine.of == &core && mine.has < most) {
            ++mine.has;
        } else {
            give_slowly(mine, core);
        }
    }
    /// For who ends the context, and holds a reference that is not in stock.
    static void give_back(Core& core) noexcept {
        if (mine_.of == &core) empty(mine_);
    }

private:
    static constexpr std::uint32_t batch = 256, most = 2 * batch;
    /// So many uses of another core let go of the one in stock.
    static constexpr std::uint32_t patience = 16;

    enum class phase : unsigned char {
        fresh,  ///< nothing yet, and no destructor at the thread's end
        keeping,
        off,  ///< the thread is ending
    };
    struct stock {
        Core* of = nullptr;
        std::uint32_t has = 0;
        std::uint32_t misses = 0;
        phase life = phase::fresh;
    };
    struct reaper {
        reaper() noexcept { mine_.life = phase::keeping; }
        ~reaper() {
            mine_.life = phase::off;  // first: what ends with the core may use others
            empty(mine_);
        }
        reaper(reaper const&) = delete;
        reaper& operator=(reaper const&) = delete;
    };

    static void begin() noexcept {
        static thread_local reaper const at_the_end;
        static_cast<void>(at_the_end);
    }
    /// Whether `core` is the one in stock from now on.
    [[nodiscard]] static bool adopt(stock& mine, Core& core) noexcept {
        if (mine.life == phase::fresh) begin();
        if (mine.life == phase::off || keeps_no_stock || !core.lends()) return false;
        if (mine.of == &core) return true;
        if (mine.has != 0 && ++mine.misses % patience != 0) return false;
        empty(mine);
        if (mine.has != 0) return false;  // what ended with the core before has put another one in stock
        mine.of = &core;
        return true;
    }
    static void take_slowly(stock& mine, Core& core) noexcept {
        if (!adopt(mine, core)) return core.add_ref();
        core.add_ref(batch);
        mine.has = batch - 1;
    }
    static void give_slowly(stock& mine, Core& core) noexcept {
        if (mine.of == &core && mine.has == most) {
            mine.has -= batch - 1;
            static_cast<void>(core.drop_ref(batch));  // not the last: there are more in stock
        } else if (adopt(mine, core)) {
            mine.has = 1;
        } else if (core.drop_ref()) {
            delete &core;
        }
    }
    static void empty(stock& mine) noexcept {
        Core* const core = mine.of;
        std::uint32_t const count = mine.has;
        mine.of = nullptr;
        mine.has = 0;
        if (count != 0 && core->drop_ref(count)) delete core;
    }

    static constinit inline thread_local stock mine_{};
};

}  // namespace antiphon::detail
