"""Runs the keyed ResNet-18 here and in PyTorch in turn (A B A B ...) and prints the ratios of the medians.

usage: compare_pytorch.py BENCH_PROGRAM [--repeats R] [--threads T] [--python PYTHON]
       BENCH_PROGRAM is spankey_bench_step_resnet18; PYTHON is one that has torch (default: this one).
"""
import argparse
import json
import pathlib
import platform
import statistics
import subprocess
import sys

PEER = pathlib.Path(__file__).with_name("pytorch_peer.py")
# benchmark name, case of the peer, steps of the peer
CASES = [("train/fp32/real_time", "train", 4), ("train/fp32/B/real_time", "train-B", 3),
         ("infer/fp32/128/real_time", "infer", 6), ("infer/fp32/1/real_time", "latency", 40)]


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def run(command, environment=None):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout)


def ours(program, name, threads):
    found = run(["taskset", "-c", f"0-{threads - 1}", program, f"--benchmark_filter=^{name}$", "--benchmark_format=json",
                 "--benchmark_min_time=4"])["benchmarks"][0]
    return {"peer": found["label"], **found}


def theirs(python, case, steps, threads):
    return run([python, str(PEER), case, "--steps", str(steps), "--threads", str(threads)])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--python", default=sys.executable)
    a = arguments.parse_args()
    rows = []
    for name, case, steps in CASES:
        pairs = [(ours(a.program, name, a.threads), theirs(a.python, case, steps, a.threads))
                 for _ in range(a.repeats)]
        speed = [statistics.median(p[i]["images_per_second"] for p in pairs) for i in (0, 1)]
        memory = [statistics.median(p[i]["peak_rss_mib"] for p in pairs) for i in (0, 1)]
        ratios = [p[0]["images_per_second"] / p[1]["images_per_second"] for p in pairs]
        rows.append(f"| {case} | {speed[0]:.1f} | {speed[1]:.1f} | **{speed[0] / speed[1]:.2f}** "
                    f"({min(ratios):.2f}-{max(ratios):.2f}) | {memory[0]:.0f} / {memory[1]:.0f} |")
        kinds = (pairs[0][0]["peer"], pairs[0][1]["peer"])
    print(f"{processor()}, {a.threads} threads; spankey {kinds[0]} against {kinds[1]}, {a.repeats} interleaved runs\n")
    print("| case | spankey images/s | PyTorch images/s | ratio of medians (pairs) | peak MiB |\n|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
