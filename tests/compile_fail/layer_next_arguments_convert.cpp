// expect only: an argument does not convert to its parameter
// SPDX-License-Identifier: BSL-1.0
// What a layer hands on converts to the parameters of the request inside.
#include <antiphon/policy/layer.hpp>

#ifdef ANTIPHON_MUST_FAIL
auto const around = antiphon::layer([](auto next, int) { return next("one"); });
#else
auto const around = antiphon::layer([](auto next, int) { return next(1); });
#endif
auto const whole = antiphon::request{[](int x) { return x; }} | around;
auto asked() { return whole.call(1); }
