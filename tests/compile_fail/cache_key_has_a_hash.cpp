// expect only: these arguments cannot be a key \(that takes ==, std::hash and a copy\): say cache.by
// SPDX-License-Identifier: BSL-1.0
// What is looked up by its arguments needs them hashed, or a function that says what counts.
#include <antiphon/policy/cache.hpp>
#include <antiphon/request/request.hpp>

#include <chrono>

struct user {
    int id;
    bool operator==(user const&) const = default;
};

auto ask(user u) {
    antiphon::request const name{[](user const& who) { return who.id; }};
    antiphon::cache users{{.ttl = std::chrono::minutes{1}}};
#ifdef ANTIPHON_MUST_FAIL
    return (name | users).call(u);
#else
    return (name | users.by([](user const& who) { return who.id; })).call(u);
#endif
}
