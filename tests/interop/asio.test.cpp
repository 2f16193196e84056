// SPDX-License-Identifier: BSL-1.0
#include "antiphon/interop/asio.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#define ASIO_STANDALONE 1
#include <asio/any_io_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/write.hpp>

#include "antiphon/antiphon.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

TEST_CASE("asio_executor: a request runs when its context is run") {
    asio::io_context io;
    auto ask = ap::request{[] { return std::this_thread::get_id(); }} | ap::starts_on(ap::interop::asio_executor{io});
    auto answer = ask.submit();
    CHECK_FALSE(answer.ready());
    io.run();
    REQUIRE(answer.ready());
    CHECK(std::move(answer).get().value() == std::this_thread::get_id());
}

TEST_CASE("asio_executor: a callback runs in the context too, never inside submit") {
    asio::io_context io;
    bool told = false;
    auto ask = ap::request{[] { return 1; }} | ap::starts_on(ap::interop::asio_executor{io});
    asio::post(io, [&] {
        ask.submit([&](ap::result<int> r) { told = r.value() == 1; });
        CHECK_FALSE(told);
    });
    io.run();
    CHECK(told);
}

TEST_CASE("asio_executor: a pool's thread answers a blocking call") {
    asio::thread_pool pool{1};
    auto ask = ap::request{[](int x) { return x + 1; }} | ap::starts_on(ap::interop::asio_executor{pool});
    CHECK(ask.call(1).value() == 2);
    CHECK(ask.submit(2).then([](int x) { return 2 * x; }).get().value() == 6);
    pool.join();
}

TEST_CASE("asio_executor: a coroutine comes back to its context") {
    asio::io_context io;
    auto ask = ap::request{[]() -> ap::task<bool> {
                   auto const home = std::this_thread::get_id();
                   ap::result<int> const elsewhere = co_await ap::request{[] { return 0; }}.submit();  // on the default pool
                   co_return elsewhere.has_value() && std::this_thread::get_id() == home;
               }} |
               ap::starts_on(ap::interop::asio_executor{io});
    auto answer = ask.submit();
    auto const guard = asio::make_work_guard(io);
    while (!answer.ready())
        io.run_one();
    CHECK(std::move(answer).get().value());
}

TEST_CASE("asio_executor: work that its context drops is answered, as not executed") {
    ap::future<int> answer;
    {
        asio::io_context io;
        answer = (ap::request{[] { return 1; }} | ap::starts_on(ap::interop::asio_executor{io})).submit();
    }
    auto const r = std::move(answer).get();
    REQUIRE_FALSE(r.has_value());
    CHECK(r.error() == ap::errc::cancelled);
    CHECK(r.error().executed() == ap::executed::no);
}

TEST_CASE("asio_executor: a context is a place, a strand and an erased executor are none") {
    asio::io_context io;
    CHECK(ap::interop::asio_executor{io}.place() == &io);
    CHECK(ap::interop::asio_executor{asio::make_strand(io)}.place() == nullptr);
    CHECK(ap::interop::asio_executor{asio::any_io_executor{io.get_executor()}}.place() == nullptr);
}

TEST_CASE("asio_executor: a continuation for a strand runs in it") {
    asio::io_context io;
    auto const strand = asio::make_strand(io);
    bool inside = false;
    auto answer = (ap::request{[] { return 1; }} | ap::starts_on(ap::interop::asio_executor{io}))
                      .submit()
                      .then(ap::interop::asio_executor{strand}, [&](int) { inside = strand.running_in_this_thread(); });
    io.run();
    CHECK(answer.ready());
    CHECK(inside);
}

TEST_CASE("asio_executor: policies work over it") {
    asio::thread_pool pool{1};
    int left = 2;
    auto ask = ap::request{[&]() -> ap::result<int> {
                   if (left-- > 0) return ap::errc::unavailable;
                   return 7;
               }} |
               ap::retry{.max_attempts = 3, .backoff = {.initial = 1ms}} | ap::timeout{.limit = 1h} |
               ap::starts_on(ap::interop::asio_executor{pool});
    CHECK(ask.call().value() == 7);
    pool.join();
}

TEST_CASE("completion: an operation with a value answers its promise") {
    asio::io_context io;
    asio::local::stream_protocol::socket here{io}, there{io};
    asio::local::connect_pair(here, there);
    std::array<char, 5> text{};
    ap::request read{[&](ap::promise<std::size_t> answer) {
        asio::async_read(here, asio::buffer(text), ap::interop::completion{std::move(answer)});
    }};
    auto ask = read | ap::starts_on(ap::interop::asio_executor{io});
    auto answer = ask.submit();
    asio::write(there, asio::buffer("hello", 5));
    io.run();
    REQUIRE(answer.ready());
    CHECK(std::move(answer).get().value() == 5);
    CHECK(std::string(text.data(), text.size()) == "hello");
}

TEST_CASE("completion: an error code is the failure") {
    asio::io_context io;
    asio::local::stream_protocol::socket here{io}, there{io};
    asio::local::connect_pair(here, there);
    there.close();
    char byte = 0;
    ap::promise<std::size_t> promise;
    auto answer = promise.get_future();
    here.async_read_some(asio::buffer(&byte, 1), ap::interop::completion{std::move(promise)});
    io.run();
    auto const r = std::move(answer).get();
    REQUIRE_FALSE(r.has_value());
    CHECK(r.error().code() == asio::error::make_error_code(asio::error::eof));
}

TEST_CASE("completion: a system error compares with std::errc") {
    ap::promise<void> promise;
    auto answer = promise.get_future();
    ap::interop::completion{std::move(promise)}(asio::error_code{asio::error::connection_refused});
    CHECK(std::move(answer).get().error().code() == std::errc::connection_refused);
}

TEST_CASE("completion: an aborted operation is cancelled") {
    asio::io_context io;
    asio::steady_timer timer{io, 1h};
    ap::promise<void> promise;
    auto answer = promise.get_future();
    timer.async_wait(ap::interop::completion{std::move(promise)});
    timer.cancel();
    io.run();
    auto const r = std::move(answer).get();
    REQUIRE_FALSE(r.has_value());
    CHECK(r.error() == ap::errc::cancelled);
}

TEST_CASE("completion: an operation that is dropped breaks its promise") {
    ap::future<void> answer;
    {
        asio::io_context io;
        asio::steady_timer timer{io, 1h};
        ap::promise<void> promise;
        answer = promise.get_future();
        timer.async_wait(ap::interop::completion{std::move(promise)});
    }
    CHECK(std::move(answer).get().error() == ap::errc::broken_promise);
}

TEST_CASE("completion: a value alone, nothing, and an exception are understood") {
    ap::promise<int> value;
    auto answered = value.get_future();
    ap::interop::completion{std::move(value)}(3);
    CHECK(std::move(answered).get().value() == 3);

    ap::promise<void> nothing;
    auto done = nothing.get_future();
    ap::interop::completion{std::move(nothing)}();
    CHECK(std::move(done).get().has_value());

#if ANTIPHON_EXCEPTIONS
    ap::promise<int> failing;
    auto failed = failing.get_future();
    ap::interop::completion{std::move(failing)}(std::make_exception_ptr(std::runtime_error{"pipe"}), 0);
    CHECK(std::move(failed).get().error().message() == "pipe");
#endif
    ap::promise<int> fine;
    auto good = fine.get_future();
    ap::interop::completion{std::move(fine)}(std::exception_ptr{}, 4);
    CHECK(std::move(good).get().value() == 4);
}
