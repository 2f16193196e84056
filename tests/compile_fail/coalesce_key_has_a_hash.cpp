// expect only: these arguments cannot be a key \(that takes ==, std::hash and a copy\): give coalesce a function of them
// SPDX-License-Identifier: BSL-1.0
// What is looked up by its arguments needs them hashed, or a function that says what counts.
#include <antiphon/policy/coalesce.hpp>
#include <antiphon/request/request.hpp>

struct user {
    int id;
    bool operator==(user const&) const = default;
};

auto ask(user u) {
    antiphon::request const name{[](user const& who) { return who.id; }};
#ifdef ANTIPHON_MUST_FAIL
    return (name | antiphon::coalesce()).call(u);
#else
    return (name | antiphon::coalesce([](user const& who) { return who.id; })).call(u);
#endif
}
