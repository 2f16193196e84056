// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a link is worth: whether it leads to a page that is there, and to a place in it.

#include <antiphon/antiphon.hpp>
#include <antiphon/http/url.hpp>
#include <optional>
#include <string>
#include <utility>

#include "crawler.hpp"
#include "links.hpp"

struct finding {
    enum class verdict {
        undecided,
        good,
        broken,
        skipped
    };
    std::string page;    ///< where the link is
    http::url base{};    ///< the same as a URL
    hyperlink what{};
    verdict is = verdict::undecided;
    std::string why{};
};

class link_judge {
public:
    /// With `only`, links to other sites are skipped.
    link_judge(page_request pages, std::optional<http::url> only) : pages_{std::move(pages)}, only_{std::move(only)} {}

    [[nodiscard]] ap::task<void> decide(finding& f) const {
        ap::result<http::url> const target = f.base.resolve(f.what.target);
        if (!target) co_return say(f, finding::verdict::broken, target.error().message());
        if (target->scheme() != "http" && target->scheme() != "https") co_return say(f, finding::verdict::skipped, "not HTTP");
        if (only_ && !target->same_origin(*only_)) co_return say(f, finding::verdict::skipped, "leads away, see --online");

        std::string const whole = target->normalized().text();
        ap::result<page_ptr> const there = co_await pages_(whole.substr(0, whole.find('#')));
        if (!there) co_return say(f, finding::verdict::broken, there.error().message());
        std::string const place = http::percent_decoded(target->fragment().value_or("")).value_or("");
        if ((*there)->readable && !place.empty() && !(*there)->seen.anchors.contains(place))
            co_return say(f, finding::verdict::broken, "the page is there, but no place #" + place);
        say(f, finding::verdict::good, {});
    }

private:
    static void say(finding& f, finding::verdict is, std::string why) {
        f.is = is;
        f.why = std::move(why);
    }

    page_request pages_;
    std::optional<http::url> only_;
};
