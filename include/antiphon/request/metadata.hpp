// SPDX-License-Identifier: BSL-1.0
#pragma once
// What travels with an ask beside its arguments: pairs of texts, for tracing, tenants and the like.

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {

/// One pair. Keys are equal without regard to the case of ASCII letters, as the names of headers are.
struct metadata_entry {
    std::string key;
    std::string value;
};

namespace detail {

/// What one place added. It is kept alive by the state whose context names it, or by one further out.
struct metadata_block {
    metadata_entry const* entries = nullptr;
    std::size_t count = 0;
    metadata_block const* outer = nullptr;
};

[[nodiscard]] constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
[[nodiscard]] constexpr bool same_key(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i != a.size(); ++i) {
        if (lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

}  // namespace detail

/// The metadata of an ask: what `context::metadata()` gives. Looked at from inside: of two values with one key, the inner one counts.
/// **Threads**: any, while the ask lasts: nothing of it changes. **Cost**: a pointer; `find` is linear in the number of entries.
class metadata_view {
public:
    /// Each key once, from the inside outwards.
    class iterator {
    public:
        using value_type = metadata_entry;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::forward_iterator_tag;

        iterator() noexcept = default;
        [[nodiscard]] metadata_entry const& operator*() const noexcept { return block_->entries[at_]; }
        metadata_entry const* operator->() const noexcept { return &**this; }
        iterator& operator++() noexcept {
            ++at_;
            settle();
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator const was = *this;
            ++*this;
            return was;
        }
        [[nodiscard]] bool operator==(iterator const& other) const noexcept { return block_ == other.block_ && at_ == other.at_; }

    private:
        friend metadata_view;
        explicit iterator(detail::metadata_block const* innermost) noexcept : innermost_{innermost}, block_{innermost} { settle(); }
        /// To the first entry from here on that nothing further in hides.
        void settle() noexcept {
            for (; block_ != nullptr; block_ = block_->outer, at_ = 0) {
                for (; at_ != block_->count; ++at_) {
                    if (look(block_->entries[at_].key, innermost_, block_) == nullptr) return;
                }
            }
        }
        detail::metadata_block const* innermost_ = nullptr;
        detail::metadata_block const* block_ = nullptr;
        std::size_t at_ = 0;
    };

    metadata_view() noexcept = default;
    explicit metadata_view(detail::metadata_block const* innermost) noexcept : innermost_{innermost} {}

    [[nodiscard]] std::optional<std::string_view> find(std::string_view key) const noexcept {
        metadata_entry const* const found = look(key, innermost_, nullptr);
        return found != nullptr ? std::optional<std::string_view>{found->value} : std::nullopt;
    }
    [[nodiscard]] bool empty() const noexcept { return begin() == end(); }
    [[nodiscard]] iterator begin() const noexcept { return iterator{innermost_}; }
    [[nodiscard]] iterator end() const noexcept { return {}; }

private:
    /// In the blocks from `from` up to but without `to`.
    [[nodiscard]] static metadata_entry const* look(std::string_view key, detail::metadata_block const* from,
                                                    detail::metadata_block const* to) noexcept {
        for (; from != to; from = from->outer) {
            for (std::size_t i = 0; i != from->count; ++i) {
                if (detail::same_key(from->entries[i].key, key)) return &from->entries[i];
            }
        }
        return nullptr;
    }
    detail::metadata_block const* innermost_ = nullptr;
};

}  // namespace antiphon
