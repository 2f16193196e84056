// SPDX-License-Identifier: BSL-1.0
#pragma once
// Which subjects a NATS server is to keep, and for how long it waits for who takes them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/interop/nats_options.hpp"
#include "antiphon/messaging/subject.hpp"

namespace antiphon::messaging {

/// Every field has a default but the subjects; nonsense is refused by the constructor of `jetstream` (`std::invalid_argument`).
struct jetstream_options {
    nats_options nats = {};  ///< the connection
    /// What is asked and published there is kept until it is answered; everything else goes as by `nats`. The patterns of responders
    /// must not overlap each other.
    std::vector<std::string> subjects = {};
    std::string stream = "antiphon";  ///< its name; it is made where there is none
    std::int64_t replicas = 1;  ///< servers of the cluster that keep it
    /// A worker that says nothing for so long is dead, and what it had goes to another. Those that live say so.
    any_duration redeliver_after = std::chrono::seconds{30};
    std::size_t prefetch = 256;  ///< how many asks all workers of a group together hold that are not answered
};

namespace detail {

inline void check(jetstream_options const& o) {
    using antiphon::detail::require;
    check(o.nats);
    require(!o.subjects.empty(), "jetstream_options.subjects: must not be empty");
    for (std::string const& each : o.subjects)
        require(is_pattern(each), "jetstream_options.subjects: tokens with dots between them, `*` for any one, `>` at the end");
    require(!o.stream.empty() && o.stream.find_first_of(".*> \t") == std::string::npos,
            "jetstream_options.stream: a name without dots");
    require(o.replicas >= 1, "jetstream_options.replicas: must be positive");
    require(o.redeliver_after >= std::chrono::milliseconds{100}, "jetstream_options.redeliver_after: at least 100 ms");
    require(o.prefetch != 0, "jetstream_options.prefetch: must not be zero");
}

}  // namespace detail

}  // namespace antiphon::messaging
