// SPDX-License-Identifier: BSL-1.0
#pragma once
// Transfers in a row, linked through themselves.

#include "antiphon/interop/detail/curl_transfer.hpp"

namespace antiphon::http::detail {

/// **Threads**: one.
class transfer_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] transfer* front() const noexcept { return first_; }
    void push(transfer& t) noexcept {
        t.next = nullptr;
        t.previous = last_;
        (last_ != nullptr ? last_->next : first_) = &t;
        last_ = &t;
    }
    void remove(transfer& t) noexcept {
        (t.previous != nullptr ? t.previous->next : first_) = t.next;
        (t.next != nullptr ? t.next->previous : last_) = t.previous;
    }
    [[nodiscard]] transfer* pop() noexcept {
        transfer* const t = first_;
        if (t != nullptr) remove(*t);
        return t;
    }

private:
    transfer* first_ = nullptr;
    transfer* last_ = nullptr;
};

}  // namespace antiphon::http::detail
