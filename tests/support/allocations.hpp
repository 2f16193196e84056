// SPDX-License-Identifier: BSL-1.0
#pragma once
// Counts the allocations of a thread, and makes them fail on demand.

#include <cstddef>

namespace test {

/// How often the calling thread went through operator new so far. What `throw` allocates is not counted.
/// From the first call on the thread keeps no nodes for reuse: whatever the library allocates is counted.
[[nodiscard]] std::size_t allocations() noexcept;

/// The same, while the thread goes on keeping nodes for reuse.
[[nodiscard]] std::size_t allocations_beside_reuse() noexcept;

/// While alive, the calling thread's allocations fail with std::bad_alloc, once `after` of them have succeeded.
class failing_allocations {
public:
    explicit failing_allocations(std::size_t after = 0) noexcept;
    failing_allocations(failing_allocations const&) = delete;
    failing_allocations& operator=(failing_allocations const&) = delete;
    ~failing_allocations();

private:
    std::size_t outer_;
};

/// The number of allocations that calling f makes in this thread.
template <class F>
[[nodiscard]] std::size_t allocations_of(F&& f) {
    std::size_t const before = allocations();
    f();
    return allocations() - before;
}

}  // namespace test
