"""Writes what infer.hpp reaches as one header, for projects that want a file rather than a library.

Every header of the library once, in the order of the includes; the standard library's includes stay where they are.
"""
import argparse
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*"(spankey/[^"]+)"\s*$')


# Once, around all of it: not again around a header that has them, too.
GUARDS = {"spankey/core/macros_off.hpp", "spankey/core/macros_on.hpp"}


def lines_of(header, root, seen, inside=""):
    """The header's lines, with the library's own headers in place of their includes."""
    if header in seen or (header in GUARDS and inside != "spankey/infer.hpp"):
        return
    seen.add(header)
    yield f"// ---- {header}"
    for line in (root / header).read_text(encoding="utf-8").splitlines():
        found = INCLUDE.match(line)
        if found:
            yield from lines_of(found.group(1), root, seen, header)
        elif line != "#pragma once":
            yield line


def include_directory():
    """The headers beside this file: in the source tree, or where `cmake --install` put them."""
    here = pathlib.Path(__file__).resolve().parent
    places = [here.parent / "include", here.parents[1] / "include"]
    return next((place for place in places if (place / "spankey/infer.hpp").is_file()), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("include", nargs="?", type=pathlib.Path, default=include_directory(),
                        help="folder that holds spankey/ (default: %(default)s)")
    parser.add_argument("out", type=pathlib.Path, help="the header to write, as spankey_infer.hpp")
    given = parser.parse_args()
    if given.include is None or not (given.include / "spankey/infer.hpp").is_file():
        parser.error(f"expected spankey/infer.hpp in the include folder, found none in {given.include}")
    version = re.search(r'SPANKEY_VERSION_STRING "([^"]+)"',
                        (given.include / "spankey/core/version.hpp").read_text(encoding="utf-8")).group(1)
    head = [f"// SpanKey {version}: gated inference in one header (C++20, no dependency). Made by amalgamate.py.",
            "// Licence: Apache-2.0.", "#pragma once"]
    text = "\n".join([*head, *lines_of("spankey/infer.hpp", given.include, set())]) + "\n"
    try:
        given.out.write_text(re.sub(r"\n{3,}", "\n\n", text), encoding="utf-8")
    except OSError as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()
