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
    // Of what was inlined into one another, the innermost that is not the standard library's.
    std::string chosen, last;
    char line[1024];
    while (std::fgets(line, sizeof line, pipe) != nullptr) {
        std::string text = line;
        while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
            text.pop_back();
        if (auto const extra = text.find(" (disc"); extra != std::string::npos) text.resize(extra);
        if (chosen.empty() && text.rfind("/usr/", 0) != 0 && text.rfind("??", 0) != 0) chosen = text;
        last = text;
    }
    ::pclose(pipe);
    if (chosen.empty()) chosen = last;
    for (char const* folder : {"/include/antiphon/", "/tests/"})
        if (auto const at = chosen.find(folder); at != std::string::npos) chosen = chosen.substr(at + 1);
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
