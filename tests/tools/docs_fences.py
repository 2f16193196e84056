#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Turns every ```cpp fence of Markdown files into a program: docs_fences.py OUT FILE...

A fence with `int main` is a whole program. Anything else is what one would write inside main: it is wrapped, with antiphon,
`namespace ap` and the chrono literals at hand; its `#include` lines move to the top. Comments directly before a fence prepare it:

  <!-- setup: statements -->   go before the fence, inside main        <!-- compile-only -->  is not run
  <!-- global: declarations --> go before main                          <!-- continues -->     the previous fence of the page comes first
  <!-- file-scope -->          the fence itself goes before main            <!-- needs: curl json --> these opt-in libraries

Written to OUT: one .cpp a fence, and `fences.txt` with a line `name;source;run|compile;libraries` each, these with commas between them, or `-`.
Unchanged files stay untouched.
"""
import pathlib
import re
import sys

FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^ *```[ ]*$", re.S | re.M)
COMMENT = re.compile(r"<!--(.*?)-->\s*\Z", re.S)
KNOWN = ("setup:", "global:", "needs:", "compile-only", "continues", "file-scope")
PRELUDE = """#include <antiphon/antiphon.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
"""


class Fence:
    def __init__(self, body, line):
        self.body, self.line = body, line
        self.setup, self.declarations, self.flags, self.needs = "", "", set(), []


def directives_before(text, end, start):
    """The directive comments that stand directly before position `end`, first to last."""
    found = []
    while True:
        match = COMMENT.search(text, start, end)
        while match and COMMENT.search(text, match.start() + 4, end):  # the last comment, not the first one that reaches the end
            match = COMMENT.search(text, match.start() + 4, end)
        if not match or not match.group(1).strip().startswith(KNOWN):
            return found[::-1]
        found.append(match.group(1).strip())
        end = match.start()


def fences_of(text):
    start = 0
    for match in FENCE.finditer(text):
        if match["info"].split()[:1] == ["cpp"]:
            width = len(match["indent"])
            body = "".join(l[width:] if not l[:width].strip() else l for l in match["body"].splitlines(keepends=True))
            fence = Fence(body, text.count("\n", 0, match.start("body")) + 1)
            for directive in directives_before(text, match.start(), start):
                if directive.startswith("setup:"):
                    fence.setup += directive[len("setup:") :].strip() + "\n"
                elif directive.startswith("global:"):
                    fence.declarations += directive[len("global:") :].strip() + "\n"
                elif directive.startswith("needs:"):
                    fence.needs += directive[len("needs:") :].split()
                else:
                    fence.flags.add(directive)
            yield fence
        start = match.end()


def program(parts, page):
    """One translation unit from a fence and those that it continues."""
    if "int main" in parts[-1].body:
        return f'// SPDX-License-Identifier: BSL-1.0\n#line {parts[-1].line} "{page}"\n{parts[-1].body}'
    includes, declarations, statements = [], "", ""

    def keep(text, line=None):
        kept = []
        for l in text.splitlines():
            if re.match(r"\s*#\s*include", l):
                includes.append(l.strip())
                l = ""
            kept.append(l)
        mark = f'#line {line} "{page}"\n' if line else ""
        return mark + "\n".join(kept) + "\n"

    for part in parts:
        declarations += keep(part.declarations) if part.declarations else ""
        statements += keep(part.setup) if part.setup else ""
        if "file-scope" in part.flags:
            declarations += keep(part.body, part.line)
        else:
            statements += keep(part.body, part.line)
    return "\n".join(["// SPDX-License-Identifier: BSL-1.0", PRELUDE + "\n".join(includes), "namespace ap = antiphon;",
                      "using namespace std::chrono_literals;", declarations, "int main() {", statements, "}", ""])


def write(path, text):
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def main():
    out, pages = pathlib.Path(sys.argv[1]), [pathlib.Path(p) for p in sys.argv[2:]]
    out.mkdir(parents=True, exist_ok=True)
    listing = []
    for page in pages:
        stem = re.sub(r"\W+", "_", page.stem if page.is_absolute() else page.with_suffix("").as_posix())
        parts = []
        for fence in fences_of(page.read_text(encoding="utf-8")):
            parts = parts + [fence] if "continues" in fence.flags and parts else [fence]
            name = f"{stem}_line_{fence.line}"
            write(out / f"{name}.cpp", program(parts, page.as_posix()))
            needs = ",".join(dict.fromkeys(library for part in parts for library in part.needs))
            listing.append(f"{name};{(out / name).as_posix()}.cpp;{'compile' if 'compile-only' in fence.flags else 'run'};{needs or '-'}")
    write(out / "fences.txt", "".join(line + "\n" for line in listing))


if __name__ == "__main__":
    main()
