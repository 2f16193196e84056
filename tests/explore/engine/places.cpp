// SPDX-License-Identifier: BSL-1.0
// Addresses as people read them, by addr2line where it is installed.
#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>

#include "world.hpp"

namespace explore {

namespace {

std::string ask(void const* where) {
    char program[512];
    ssize_t const length = ::readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) return {};
    program[length] = '\0';
    char command[700];
    // One less: the return address may belong to the next line already.
    std::snprintf(command, sizeof command, "addr2line -i -e '%s' %p 2>/dev/null", program,
                  static_cast<void const*>(static_cast<char const*>(where) - 1));
    std::FILE* const pipe = ::popen(command, "r");
    if (pipe == nullptr) return {};
    // What was inlined into one another, innermost first, without the standard library.
    std::string chosen, last;
    unsigned count = 0;
    char line[1024];
    while (std::fgets(line, sizeof line, pipe) != nullptr) {
        std::string text = line;
        while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
            text.pop_back();
        if (auto const extra = text.find(" (disc"); extra != std::string::npos) text.resize(extra);
        for (char const* folder : {"/include/antiphon/", "/tests/explore/"})
            if (auto const at = text.find(folder); at != std::string::npos) text = text.substr(at + std::string(folder).size());
        if (text.rfind("/usr/", 0) != 0 && text.rfind("??", 0) != 0 && count++ < 5) chosen += (chosen.empty() ? "" : " < ") + text;
        last = text;
    }
    ::pclose(pipe);
    if (chosen.empty()) chosen = last;
    return chosen;
}

}  // namespace

std::string place_of(void const* where) {
    static std::map<void const*, std::string>& known = *new std::map<void const*, std::string>;
    auto const found = known.find(where);
    if (found != known.end()) return found->second;
    std::string text = where != nullptr ? ask(where) : std::string{};
    if (text.empty()) {
        char number[32];
        std::snprintf(number, sizeof number, "%p", where);
        text = number;
    }
    return known[where] = text;
}

}  // namespace explore
