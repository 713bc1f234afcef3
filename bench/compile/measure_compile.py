"""Wall time and peak memory of the compiler, beside the budget: a program that trains ResNet-18, from headers alone and
with spankey::compiled, and one that includes infer.hpp alone.

usage: measure_compile.py [--compiler C++] [--repeats R] [--write]
Flags: -std=c++20 -O2, nothing else; linked with oneTBB and OpenBLAS. Memory is that of the largest process.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import readme_block  # noqa: E402

PACKAGES = ["-ltbb", "-lopenblas"]
# source, whether spankey::compiled is linked, what more the command needs, seconds allowed, MB allowed (None: no budget)
PROGRAMS = [("train_resnet18.cpp", False, PACKAGES, 20, 1500), ("train_resnet18.cpp", True, PACKAGES, 12, 1500),
            ("only_infer.cpp", False, [], 6, None)]


def build(command, source):
    """Seconds, and MB of the largest process that the build started."""
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"{source}: the compiler failed")
    return seconds, usage.ru_maxrss * 1024 / 1e6


def build_library(compiler, folder):
    """spankey::compiled as its users have it: compiled before, and not timed."""
    for source in sorted((readme_block.ROOT / "src" / "compiled").glob("*.cpp")):
        subprocess.run([compiler, "-std=c++20", "-O2", "-DSPANKEY_COMPILED", "-I", readme_block.ROOT / "include", "-c", source,
                        "-o", f"{folder}/{source.stem}.o"], check=True)
    return sorted(str(path) for path in pathlib.Path(folder).glob("*.o"))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--compiler", default=os.environ.get("CXX", "g++"))
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--write", action="store_true")
    a = arguments.parse_args()
    version = subprocess.run([a.compiler, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = [f"{readme_block.setting()}; {version.splitlines()[0]}, -O2, median of {a.repeats}.", "",
             "| program | seconds | budget | MB | budget | met |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        objects = build_library(a.compiler, folder)
        for source, linked, more, most_seconds, most_memory in PROGRAMS:
            command = [a.compiler, "-std=c++20", "-O2", "-I", readme_block.ROOT / "include", HERE / source,
                       "-o", folder + "/program", *(["-DSPANKEY_COMPILED", *objects] if linked else []), *more]
            runs = [build(command, source) for _ in range(a.repeats)]
            seconds, memory = (statistics.median(run[i] for run in runs) for i in (0, 1))
            met = seconds <= most_seconds and (most_memory is None or memory <= most_memory)
            name = source + (", with spankey::compiled" if linked else "")
            lines.append(f"| {name} | {seconds:.1f} | {most_seconds} | {memory:.0f} | {most_memory or '-'} | "
                         f"{'yes' if met else '**no**'} |")
    text = "\n".join(lines)
    print(text)
    if a.write:
        readme_block.write_block("compile", text)


if __name__ == "__main__":
    main()
