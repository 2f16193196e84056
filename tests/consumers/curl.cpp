// SPDX-License-Identifier: BSL-1.0
// What a consumer of antiphon::curl builds: an ask that needs no network to fail.
#include <antiphon/interop/curl.hpp>

int main() {
    antiphon::http::client const web{"http://localhost/"};
    return web.get("/a b").call().error() == std::errc::invalid_argument ? 0 : 1;
}
