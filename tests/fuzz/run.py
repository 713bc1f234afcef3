"""Runs the harnesses of build.sh for a while each and prints what they did, as the table of docs/hostile_files.md.

usage: run.py [--seconds 600] [--at-once 2] [--out build/fuzz] [NAME...]
The corpus grows in OUT/work/NAME; what ends a harness is left in OUT/found/NAME, and the exit status is then 1.
--keep: also the smallest set of inputs with the same coverage, as OUT/kept/NAME.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# detect_stack_use_after_return stays off as in the tests' presets; what is larger than 128 MiB is a finding.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "detect_stack_use_after_return=0:allocator_may_return_null=1",
               "UBSAN_OPTIONS": "print_stacktrace=1"}


def fuzz(name, options):
    out = options.out.resolve()
    work, found = out / "work" / name, out / "found" / name
    for folder in (work, found):
        folder.mkdir(parents=True, exist_ok=True)
    command = [out / f"{name}_fuzz", f"-max_total_time={options.seconds}", "-timeout=25", "-malloc_limit_mb=128",
               "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={found}/", work, HERE / "corpus" / name]
    if (out / f"{name}_fuzz.dict").exists():
        command.insert(1, f"-dict={out / f'{name}_fuzz.dict'}")
    log = out / f"{name}.log"
    with open(log, "wb") as file:
        status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=ENVIRONMENT, check=False).returncode
    text = log.read_text(errors="replace")
    last = ([(0, 0, 0)] + re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", text))[-1]
    runs = ([0] + re.findall(r"stat::number_of_executed_units: +(\d+)", text))[-1]
    findings = len(list(found.iterdir()))
    if options.keep:
        kept = out / "kept" / name
        kept.mkdir(parents=True, exist_ok=True)
        subprocess.run([command[0], "-merge=1", kept, work, HERE / "corpus" / name], env=ENVIRONMENT, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return f"| {name} | {options.seconds} | {int(runs):,} | {last[0]} | {last[1]} | {last[2]} | {findings} |", status


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/fuzz"))
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    names = options.names or sorted(p.name.removesuffix("_fuzz.cpp") for p in HERE.glob("*_fuzz.cpp"))
    print("| harness | seconds | executions | edges | features | inputs kept | findings |\n|---|---|---|---|---|---|---|")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        for line, status in pool.map(lambda name: fuzz(name, options), names):
            print(line, flush=True)
            failed += status != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
