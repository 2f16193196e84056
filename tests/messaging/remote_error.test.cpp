// SPDX-License-Identifier: BSL-1.0
#include "antiphon/messaging/remote_error.hpp"

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace antiphon::messaging;
using namespace std::chrono_literals;

namespace {

ap::failure sent(ap::failure const& why) {
    message m;
    detail::write_refusal(m, why);
    return detail::read_refusal(std::move(m));
}

}  // namespace

TEST_CASE("remote_error: a failure survives the wire, and may be repeated like one from here") {
    ap::failure const f = sent(ap::failure{ap::errc::unavailable, ap::executed::no, "closed for stocktaking"}.with_retry_after(2s));
    CHECK(f == ap::errc::unavailable);
    CHECK(f.executed() == ap::executed::no);
    CHECK(f.retry_after() == 2s);
    CHECK(f.exception() == nullptr);
    CHECK(sent(ap::failure{ap::errc::aborted}).message() == ap::failure{ap::errc::aborted}.message());
    CHECK_FALSE(sent(ap::errc::aborted).retry_after().has_value());
}

TEST_CASE("remote_error: a refusal without a code is unknown") {
    message m;
    m.kind = message_kind::refusal;
    CHECK(detail::read_refusal(std::move(m)) == ap::errc::unknown);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("remote_error: a text comes along, cut where it is endless") {
    CHECK(sent({ap::errc::not_found, "no such order"}).message() == "no such order");
    std::string const endless(1'000'000, 'x');
    message m;
    detail::write_refusal(m, ap::failure{ap::errc::internal}.with_message(endless));
    CHECK(m.body.size() == detail::longest_refusal);
}

TEST_CASE("remote_error: what was thrown there is an exception here, of its own type") {
    ap::failure const f = sent(ap::failure::from_exception(std::make_exception_ptr(std::runtime_error{"out of stock"})));
    REQUIRE(f.exception() != nullptr);
    CHECK(f.executed() == ap::executed::yes);
    CHECK_THROWS_WITH(f.raise(), "out of stock");
    CHECK_THROWS_AS(f.raise(), remote_error);
}
#endif
