// SPDX-License-Identifier: BSL-1.0
#pragma once
// What is asked and answered, and how it looks on the wire.

#include <antiphon/messaging/codec.hpp>

#include <charconv>
#include <string>
#include <string_view>

struct query {
    std::string symbol;
    int quantity = 0;
};
struct price {
    long cents = 0;
    std::string worker;  ///< who has computed it
};

/// `SYMBOL QUANTITY` and `CENTS WORKER`. It neither blocks nor runs anybody's code: it may be used right where a message arrives.
struct price_codec {
    static constexpr bool quick = true;

    std::string encode(query const& q) const { return q.symbol + ' ' + std::to_string(q.quantity); }
    std::string encode(price const& p) const { return std::to_string(p.cents) + ' ' + p.worker; }
    antiphon::result<query> decode(antiphon::messaging::type<query>, std::string_view body) const {
        query q;
        std::size_t const blank = body.find(' ');
        q.symbol = body.substr(0, blank);
        if (blank == std::string_view::npos || !number(body.substr(blank + 1), q.quantity))
            return antiphon::failure{antiphon::errc::invalid_argument, "no query: SYMBOL QUANTITY"};
        return q;
    }
    antiphon::result<price> decode(antiphon::messaging::type<price>, std::string_view body) const {
        price p;
        std::size_t const blank = body.find(' ');
        if (blank == std::string_view::npos || !number(body.substr(0, blank), p.cents))
            return antiphon::failure{antiphon::errc::invalid_argument, "no price: CENTS WORKER"};
        p.worker = body.substr(blank + 1);
        return p;
    }

private:
    template <class N>
    static bool number(std::string_view text, N& into) {
        return std::from_chars(text.data(), text.data() + text.size(), into).ptr == text.data() + text.size();
    }
};
