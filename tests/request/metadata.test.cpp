// SPDX-License-Identifier: BSL-1.0
#include <antiphon/request/metadata.hpp>

#include <string>
#include <vector>

#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;
using block = ap::detail::metadata_block;

namespace {
std::string text(ap::metadata_view of) {
    std::string all;
    for (ap::metadata_entry const& each : of)
        all += each.key + '=' + each.value + ' ';
    return all;
}
}  // namespace

TEST_CASE("metadata: none is empty, and nothing is found in it") {
    ap::metadata_view const none;
    CHECK(none.empty());
    CHECK_FALSE(none.find("key"));
    CHECK(text(none).empty());
}

TEST_CASE("metadata: a key is found without regard to its case, and nothing else is") {
    std::vector<ap::metadata_entry> const entries{{"Trace-Id", "7"}, {"empty", ""}};
    block const all{entries.data(), entries.size(), nullptr};
    ap::metadata_view const view{&all};
    CHECK_FALSE(view.empty());
    CHECK(view.find("trace-id") == "7");
    CHECK(view.find("TRACE-ID") == "7");
    CHECK(view.find("empty") == "");
    CHECK_FALSE(view.find("trace-i"));
    CHECK_FALSE(view.find("trace-ie"));
    CHECK_FALSE(view.find(""));
}

TEST_CASE("metadata: the inner value of a key hides the outer one, and each key is passed once, from the inside outwards") {
    std::vector<ap::metadata_entry> const outside{{"a", "1"}, {"b", "2"}, {"c", "3"}};
    std::vector<ap::metadata_entry> const inside{{"B", "4"}, {"d", "5"}};
    block const outer{outside.data(), outside.size(), nullptr};
    block const hollow{nullptr, 0, &outer};
    block const inner{inside.data(), inside.size(), &hollow};
    ap::metadata_view const view{&inner};
    CHECK(view.find("b") == "4");
    CHECK(view.find("a") == "1");
    CHECK(text(view) == "B=4 d=5 a=1 c=3 ");
    CHECK(text(ap::metadata_view{&outer}) == "a=1 b=2 c=3 ");
    block const nothing{nullptr, 0, nullptr};
    CHECK(ap::metadata_view{&nothing}.empty());
}

TEST_CASE("metadata: looking allocates nothing") {
    std::vector<ap::metadata_entry> const entries{{"key", "a value that is too long to lie in its string"}};
    block const all{entries.data(), entries.size(), nullptr};
    std::size_t found = 0;
    CHECK(test::allocations_of([&] {
              for (ap::metadata_entry const& each : ap::metadata_view{&all})
                  found += each.value.size();
              found += ap::metadata_view{&all}.find("key")->size();
          }) == 0);
    CHECK(found == 2 * entries[0].value.size());
}

namespace antiphon {

static_assert(std::forward_iterator<metadata_view::iterator> && sizeof(metadata_view) == sizeof(void*));

}  // namespace antiphon
