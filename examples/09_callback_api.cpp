// SPDX-License-Identifier: BSL-1.0
// An old API with callbacks becomes a request: the handler takes a promise after its arguments, and answers when it can.
#include <antiphon/antiphon.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "expect.hpp"

namespace ap = antiphon;

// Somebody else's library: it answers from a thread of its own, with an error code and a text.
class old_resolver {
public:
    using callback = std::function<void(int error, std::string address)>;

    void resolve(std::string host, callback done) {
        std::lock_guard const hold{mutex_};
        workers_.emplace_back(
            [host = std::move(host), done = std::move(done)] { host == "localhost" ? done(0, "127.0.0.1") : done(3, ""); });
    }

private:
    std::mutex mutex_;
    std::vector<std::jthread> workers_;
};

int main() {
    old_resolver resolver;
    ap::request<std::string(std::string)> resolve = [&](std::string host, ap::promise<std::string> reply) {
        // std::function wants a copyable callable, a promise is none: it goes by shared pointer.
        auto const shared = std::make_shared<ap::promise<std::string>>(std::move(reply));
        resolver.resolve(std::move(host), [shared](int error, std::string address) {
            error == 0 ? shared->set_value(std::move(address)) : shared->set_failure(ap::errc::not_found);
        });
    };

    // Everything a request can do, the old library can do now: wait, continue, be awaited, be given a timeout.
    ap::result<std::string> const found = resolve.call("localhost");
    ap::result<int> const length =
        resolve.submit("localhost").then([](std::string const& a) { return static_cast<int>(a.size()); }).get();
    ap::result<std::string> const lost = resolve.call("atlantis");
    fmt::print("localhost is {} ({} characters)\natlantis is {}\n", *found, *length, lost.error().message());
    expect(found.value() == "127.0.0.1" && length.value() == 9, "localhost is found");
    expect(lost.error() == ap::errc::not_found, "atlantis is not");

    // A library that forgets to answer is noticed: the promise is dropped, and that is the answer.
    ap::request<int()> forgetful = [](ap::promise<int>) {};
    expect(forgetful.call().error() == ap::errc::broken_promise, "a forgotten promise is a broken one");
}
