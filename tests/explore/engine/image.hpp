// SPDX-License-Identifier: BSL-1.0
#pragma once
// The program's variables with static storage, so that every execution starts from the same ones.

#include <cstddef>
#include <vector>

namespace explore {

class image {
public:
    void remember();
    void restore() const;
    [[nodiscard]] char const* begin() const { return begin_; }
    [[nodiscard]] char const* end() const { return begin_ + saved_.size(); }

private:
    char* begin_ = nullptr;
    std::vector<char> saved_;
};

}  // namespace explore
