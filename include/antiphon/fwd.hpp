// SPDX-License-Identifier: BSL-1.0
#pragma once
// The names of the library and their default template arguments.

namespace antiphon {

class failure;
template <class T>
class result;
class work;
class any_executor;
class thread_pool;
class context;
class observer;

template <class T>
class future;
template <class T>
class ready_future;
template <class T>
class shared_future;
template <class T>
class promise;
template <class T>
class task;

/// Whether an ask may be sent twice.
namespace repeat {
struct safe {};    ///< asking again is fine: the default
struct unsafe {};  ///< asking again may do the work twice (an HTTP POST)
}  // namespace repeat

/// The handler of a request whose signature is spelled: any callable or request, type-erased and shared by copies.
template <class Signature>
class erased;

template <class Signature, class Repeat = repeat::safe, class Handler = erased<Signature>>
class request;

}  // namespace antiphon
