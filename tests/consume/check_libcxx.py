"""Headers of the library with clang and libc++, whose floating point has no from_chars and to_chars before version 20.

usage: check_libcxx.py SOURCES INCLUDE;INCLUDE      status 77 where there is no clang or no libc++ of at least version 16. 15 s.
"""
import glob
import shutil
import subprocess
import sys

HEADERS = ("train.hpp", "infer.hpp", "infer/make_image.hpp")


def compiles(command, text):
    return subprocess.run([*command, "-"], input=text, text=True, capture_output=True, timeout=300, check=False)


def main():
    sources, listed = sys.argv[1:]
    includes = {folder for folder in listed.split(";") if folder not in (sources, "/usr/include")}
    compilers = filter(None, map(shutil.which, ["clang++", *(f"clang++-{version}" for version in range(22, 13, -1))]))
    folders = sorted(glob.glob("/usr/lib/llvm-*/include/c++/v1"), reverse=True)
    ways = [["-stdlib=libc++"], *(["-nostdinc++", "-isystem", folder] for folder in folders)]
    new_enough = "#include <ciso646>\n#if _LIBCPP_VERSION < 16000\n#error\n#endif\n"
    for compiler in compilers:
        for way in ways:
            command = [compiler, "-std=c++20", "-fsyntax-only", "-x", "c++", *way, f"-I{sources}",
                       *(f"-isystem{folder}" for folder in includes)]
            if compiles(command, new_enough).returncode != 0:
                continue
            for header in HEADERS:
                found = compiles(command, f'#include "spankey/{header}"\n')
                assert found.returncode == 0, f"{' '.join(command)}: {header}\n{found.stderr[:4000]}"
            print(f"{len(HEADERS)} headers with {' '.join(way)}")
            return 0
    print("skipped: no clang with libc++ 16 or newer")
    return 77


if __name__ == "__main__":
    sys.exit(main())
