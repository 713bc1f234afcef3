"""Training steps on a GPU here and in PyTorch in turn (A B A B ...): the ratio of the medians per row, and the target.

usage: compare_pytorch.py PROGRAM [--python PYTHON] [--repeats R] [--batch N] [--steps S] [--quick]
       PROGRAM is spankey_bench_cuda_step. Rows: bf16 and fp32 (no TF32), without a deny loss and in mode B. PyTorch runs
       with torch.compile and without; the faster one counts. --quick: only the rows that have a target. Exit status 1 where a bf16 ratio is below 1.2.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

PEER = pathlib.Path(__file__).with_name("pytorch_step.py")
TARGET = 1.2
ROWS = [("training bf16", "bf16", 1, TARGET), ("training bf16, deny mode B", "bf16", 2, TARGET),
        ("training bf16, mode B, wrong+no", "bf16", 3, None), ("training fp32", "fp32", 1, None)]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"FAILED {' '.join(map(str, command))}\n{done.stderr[-2000:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", type=pathlib.Path)
    arguments.add_argument("--python", default=sys.executable)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--batch", type=int, default=512)
    arguments.add_argument("--steps", type=int, default=50)
    arguments.add_argument("--quick", action="store_true")
    a = arguments.parse_args()
    below = False
    print("| | SpanKey | PyTorch | torch.compile | ratio to the faster | target |\n|---|---|---|---|---|---|")
    for name, precision, groups, target in ROWS:
        if a.quick and target is None:
            continue
        common = ["--precision", precision, "--groups", str(groups), "--batch", str(a.batch), "--steps", str(a.steps)]
        sides = {"ours": [a.program], "eager": [a.python, PEER], "compiled": [a.python, PEER, "--compile"]}
        rates = {side: [] for side in sides}
        for _ in range(a.repeats):
            for side, command in sides.items():
                found = run([*map(str, command), *common])
                if found:
                    rates[side].append(found["images_per_second"])
        medians = {side: statistics.median(found) if found else 0.0 for side, found in rates.items()}
        faster = max(medians["eager"], medians["compiled"])
        ratio = medians["ours"] / faster if faster else float("nan")
        below |= target is not None and not ratio >= target
        print(f"| {name}, batch {a.batch} | {medians['ours']:.0f} images/s | {medians['eager']:.0f} | "
              f"{medians['compiled']:.0f} | {ratio:.2f} | {target or ''} |", flush=True)
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
