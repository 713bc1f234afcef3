"""Writes what infer.hpp reaches as one header, for projects that want a file rather than a library.

usage: amalgamate.py INCLUDE_DIRECTORY OUT_FILE       normally build/.../spankey_infer.hpp
Every header of the library once, in the order of the includes; the standard library's includes stay where they are.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*"(spankey/[^"]+)"\s*$')


def lines_of(header, root, seen):
    """The header's lines, with the library's own headers in place of their includes."""
    if header in seen:
        return
    seen.add(header)
    yield f"// ---- {header}"
    for line in (root / header).read_text(encoding="utf-8").splitlines():
        found = INCLUDE.match(line)
        if found:
            yield from lines_of(found.group(1), root, seen)
        elif line != "#pragma once":
            yield line


def main():
    root, out = map(pathlib.Path, sys.argv[1:])
    version = re.search(r'SPANKEY_VERSION_STRING "([^"]+)"', (root / "spankey/core/version.hpp").read_text()).group(1)
    head = [f"// SpanKey {version}: gated inference in one header (C++20, no dependency). Made by cmake/amalgamate.py.",
            "// Licence: Apache-2.0.", "#pragma once"]
    text = "\n".join([*head, *lines_of("spankey/infer.hpp", root, set())]) + "\n"
    out.write_text(re.sub(r"\n{3,}", "\n\n", text), encoding="utf-8")


if __name__ == "__main__":
    main()
