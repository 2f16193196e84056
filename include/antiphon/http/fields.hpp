// SPDX-License-Identifier: BSL-1.0
#pragma once
// Header fields: names without case, in order, and nothing in them that could end a line.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "antiphon/core/result.hpp"
#include "antiphon/http/characters.hpp"
#include "antiphon/http/fault.hpp"

namespace antiphon::http {

/// **Errors**: `fault::missing` for an empty name, `fault::bad_name` where it is no token. **Source**: RFC 9110, 5.1.
[[nodiscard]] inline result<void> check_field_name(std::string_view name) {
    if (name.empty()) return at_fault(fault::missing, 0);
    for (std::size_t i = 0; i < name.size(); ++i)
        if (!is_token_character(name[i])) return at_fault(is_control(name[i]) ? fault::control_character : fault::bad_name, i);
    return {};
}
/// **Errors**: `fault::control_character`; a tab is none here, a line break is. **Source**: RFC 9110, 5.5.
[[nodiscard]] inline result<void> check_field_value(std::string_view value) {
    for (std::size_t i = 0; i < value.size(); ++i)
        if (is_control(value[i]) && value[i] != '\t') return at_fault(fault::control_character, i);
    return {};
}

/// One field, for as long as the `fields` it came from is not changed.
struct field {
    std::string_view name;
    std::string_view value;
    [[nodiscard]] bool operator==(field const&) const = default;
};

/// The fields of a message, in their order. A name may occur several times.
/// **Threads**: a value. **Errors**: what is not a token, or could smuggle in a line, is refused with a fault and its position
/// (in the name, or in the value), and changes nothing. **Cost**: two allocations for all of them; look-ups are linear.
class fields {
public:
    class iterator;

    fields() = default;
    /// **Errors**: throws `request_error` for what `add` refuses.
    fields(std::initializer_list<field> list) {
        for (field const& each : list)
            if (result<void> const added = add(each.name, each.value); !added) added.error().raise();
    }

    /// One more field. Blanks around the value are no part of it.
    result<void> add(std::string_view name, std::string_view value) {
        if (result<void> checked = check(name, value); !checked) return checked;
        entries_.push_back(store(name, trimmed(value)));
        return {};
    }
    /// The only one of that name: it takes the place of the first, the others go.
    result<void> set(std::string_view name, std::string_view value) {
        if (result<void> checked = check(name, value); !checked) return checked;
        std::size_t const at = find(name);
        if (at == entries_.size()) {
            entries_.push_back(store(name, trimmed(value)));
        } else {
            entries_[at] = store(name, trimmed(value));
            erase_from(at + 1, name);
        }
        return {};
    }
    /// A line `Name: value`, its line break left out or not. **Errors**: positions are those in the line.
    result<void> add_line(std::string_view line) {
        if (line.ends_with('\n')) line.remove_suffix(1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        std::size_t const colon = line.find(':');
        if (colon == std::string_view::npos) return at_fault(fault::missing, line.size());
        if (result<void> checked = check_field_name(line.substr(0, colon)); !checked) return checked;
        if (result<void> checked = check_field_value(line.substr(colon + 1)); !checked)
            return at_fault(fault::control_character, colon + 1 + fault_of(checked.error())->position);
        entries_.push_back(store(line.substr(0, colon), trimmed(line.substr(colon + 1))));
        return {};
    }
    /// How many went.
    std::size_t erase(std::string_view name) { return erase_from(0, name); }
    void clear() noexcept {
        text_.clear();
        entries_.clear();
    }

    /// The value of the first one of that name.
    [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept {
        std::size_t const at = find(name);
        return at == entries_.size() ? std::nullopt : std::optional{value_of(entries_[at])};
    }
    [[nodiscard]] bool contains(std::string_view name) const noexcept { return find(name) != entries_.size(); }
    /// All values of that name as one list. **Source**: RFC 9110, 5.3.
    [[nodiscard]] std::string joined(std::string_view name) const {
        std::string out;
        bool first = true;
        for (entry const& each : entries_) {
            if (!equal_without_case(name_of(each), name)) continue;
            if (!std::exchange(first, false)) out += ", ";
            out += value_of(each);
        }
        return out;
    }
    [[nodiscard]] std::size_t count(std::string_view name) const noexcept {
        std::size_t found = 0;
        for (entry const& each : entries_)
            found += equal_without_case(name_of(each), name) ? 1U : 0U;
        return found;
    }

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
    [[nodiscard]] field operator[](std::size_t i) const noexcept { return {name_of(entries_[i]), value_of(entries_[i])}; }
    [[nodiscard]] iterator begin() const noexcept;
    [[nodiscard]] iterator end() const noexcept;

    /// Equal fields in the same order; names without case.
    [[nodiscard]] bool operator==(fields const& other) const noexcept {
        if (size() != other.size()) return false;
        for (std::size_t i = 0; i < size(); ++i)
            if (!equal_without_case((*this)[i].name, other[i].name) || (*this)[i].value != other[i].value) return false;
        return true;
    }

private:
    struct entry {
        std::size_t begin;
        std::size_t name;
        std::size_t value;
    };

    [[nodiscard]] static result<void> check(std::string_view name, std::string_view value) {
        result<void> checked = check_field_name(name);
        return checked ? check_field_value(value) : checked;
    }
    [[nodiscard]] bool lies_here(std::string_view part) const noexcept {
        std::less<> const before;  // of pointers into different objects, too
        return !before(part.data(), text_.data()) && !before(text_.data() + text_.size(), part.data());
    }
    [[nodiscard]] entry store(std::string_view name, std::string_view value) {
        std::size_t const begin = text_.size();
        if (lies_here(name) || lies_here(value)) {
            std::string both{name};
            text_.append(both.append(value));
        } else {
            text_.append(name).append(value);
        }
        return {begin, name.size(), value.size()};
    }
    [[nodiscard]] std::string_view name_of(entry const& e) const noexcept { return std::string_view{text_}.substr(e.begin, e.name); }
    [[nodiscard]] std::string_view value_of(entry const& e) const noexcept {
        return std::string_view{text_}.substr(e.begin + e.name, e.value);
    }
    [[nodiscard]] std::size_t find(std::string_view name) const noexcept {
        std::size_t at = 0;
        while (at < entries_.size() && !equal_without_case(name_of(entries_[at]), name))
            ++at;
        return at;
    }
    std::size_t erase_from(std::size_t first, std::string_view name) {
        std::string const sought{name};  // it may be one of those that go
        return std::erase_if(
            entries_, [&](entry const& each) { return &each >= entries_.data() + first && equal_without_case(name_of(each), sought); });
    }

    std::string text_;  // what was replaced or erased stays until the end
    std::vector<entry> entries_;
};

/// Goes through fields in their order.
class fields::iterator {
public:
    using value_type = field;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;

    iterator() = default;
    [[nodiscard]] field operator*() const noexcept { return (*of_)[at_]; }
    iterator& operator++() noexcept {
        ++at_;
        return *this;
    }
    iterator operator++(int) noexcept {
        iterator before = *this;
        ++at_;
        return before;
    }
    [[nodiscard]] bool operator==(iterator const&) const = default;

private:
    friend class fields;
    iterator(fields const* of, std::size_t at) noexcept : of_{of}, at_{at} {}
    fields const* of_ = nullptr;
    std::size_t at_ = 0;
};

inline fields::iterator fields::begin() const noexcept { return {this, 0}; }
inline fields::iterator fields::end() const noexcept { return {this, size()}; }

static_assert(std::input_iterator<fields::iterator>);

}  // namespace antiphon::http
