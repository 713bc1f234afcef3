"""Wall time and peak memory of the compiler, beside the budget: a program that trains ResNet-18, and one
that includes infer.hpp alone.

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

# source, what more the command needs, seconds allowed, MB allowed (None: no budget)
PROGRAMS = [("train_resnet18.cpp", ["-ltbb", "-lopenblas"], 20, 1500), ("only_infer.cpp", [], 6, None)]


def build(command, source):
    """Seconds, and MB of the largest process that the build started."""
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"{source}: the compiler failed")
    return seconds, usage.ru_maxrss * 1024 / 1e6


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
        for source, more, most_seconds, most_memory in PROGRAMS:
            command = [a.compiler, "-std=c++20", "-O2", "-I", readme_block.ROOT / "include", HERE / source,
                       "-o", folder + "/program", *more]
            runs = [build(command, source) for _ in range(a.repeats)]
            seconds, memory = (statistics.median(run[i] for run in runs) for i in (0, 1))
            met = seconds <= most_seconds and (most_memory is None or memory <= most_memory)
            lines.append(f"| {source} | {seconds:.1f} | {most_seconds} | {memory:.0f} | {most_memory or '-'} | "
                         f"{'yes' if met else '**no**'} |")
    text = "\n".join(lines)
    print(text)
    if a.write:
        readme_block.write_block("compile", text)


if __name__ == "__main__":
    main()
