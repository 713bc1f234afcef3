"""Runs spankey_conformance over generated cases and measures, per tensor, ||got - want|| / ||want||.

usage: compare.py PROGRAM CASE_DIR [--program-args "--backend reference"] [--limit 2e-6]
Limits of fp32: 1e-4 for logits (of the classes and of rejection), losses and running statistics, 1e-2 for gradients,
updated parameters and evaluation logits; gradients may be further off by the doubt that the wanted file names. Limits of
bf16, where the wanted file says how far PyTorch's autocast(bfloat16) is: 1.25 times that, plus 1e-2, with its largest
error over several runs. A gradient that is smaller than the wanted file says is measured as if it had that size.
Answers of sessions and of the evaluation pass: 1e-4, and 3e-3 for bf16 and int8, of which a weight between two numbers may be
rounded to the other one. How many cases leave the strict limits in logits.valid or a gradient is reported: those without
the doubt in fp32, by autocast's plain run in bf16. --limit caps them all. Exit status 1 if a tensor is over its limit,
missing or not expected.
"""
import argparse
import math
import pathlib
import shlex
import subprocess
import sys
import tempfile

import numpy

import safetensors_io

# class of tensors -> limit; a tensor belongs to the first class that its name begins with
LIMITS = {"logits.": 1e-4, "aux.": 1e-4, "loss.": 1e-4, "next.buffer.": 1e-4, "grad.param.": 1e-2, "grad.key.": 1e-2,
          "next.param.": 1e-2, "eval.logits.": 1e-2, "eval.": 1e-4, "session.fp32.": 1e-4, "session.bf16.": 3e-3,
          "session.int8.": 3e-3}
# Where the wanted tensor is zero, the root mean square of its elements may be this large.
ZERO_LIMIT = 1e-6
# A bf16 result may be this much further from float64 than autocast's.
AUTOCAST_FACTOR, AUTOCAST_MARGIN = 1.25, 1e-2
STRICT = "strict"


def class_of(name):
    return next((prefix for prefix in LIMITS if name.startswith(prefix)), None)


def limits_of(name, allowances):
    """(limit, strict limit) of a tensor, by the allowances of its case (generate_cases.py)."""
    group = class_of(name)
    if "doubt" in allowances:
        return LIMITS[group] + (float(allowances["doubt"]) if group.startswith("grad.") else 0), LIMITS[group]
    if not allowances:
        return LIMITS[group], LIMITS[group]
    worst, plain = map(float, allowances.get(name, "0 0").split())
    return AUTOCAST_FACTOR * worst + AUTOCAST_MARGIN, AUTOCAST_FACTOR * plain + AUTOCAST_MARGIN


def measure(got, want, small=0.0):
    """||got - want|| / ||want||, the root mean square of want being at least `small`; where it is zero, 0 or infinity."""
    got, want = (numpy.frombuffer(t[2], dtype=numpy.float32).astype(numpy.float64) for t in (got, want))
    if not numpy.isfinite(got).all():
        return float("inf")
    difference, norm = numpy.linalg.norm(got - want), max(numpy.linalg.norm(want), small * want.size ** 0.5)
    if norm == 0:
        return 0.0 if difference <= ZERO_LIMIT * want.size ** 0.5 else float("inf")
    return difference / norm


def compare_files(got_path, want_path, cap=math.inf):
    """-> ({class: (worst error / limit, error, limit, tensor)}, [complaints]); class STRICT holds the worst
    error by the strict limit."""
    got, (want, allowances) = safetensors_io.read(got_path)[0], safetensors_io.read(want_path)
    complaints = [f"{name}: missing" for name in want.keys() - got.keys()]
    complaints += [f"{name}: not expected" for name in got.keys() - want.keys()]
    worst = {}
    for name in sorted(want.keys() & got.keys()):
        if got[name][:2] != want[name][:2]:
            complaints.append(f"{name}: expected {want[name][:2]}, found {got[name][:2]}")
            continue
        small = float(allowances.get("small", 0)) if name.startswith("grad.") else 0.0
        error, group = measure(got[name], want[name], small), class_of(name)
        limit, strict = limits_of(name, allowances)
        limit = min(limit, cap)
        worst[group] = max(worst.get(group, (-1.0,)), (error / limit, error, limit, name))
        if allowances and name.startswith(("logits.valid", "grad.")):
            worst[STRICT] = max(worst.get(STRICT, (-1.0,)), (error / strict, error, strict, name))
        if not error <= limit:
            complaints.append(f"{name}: error {error:.2e}, limit {limit:.1e}")
    return worst, complaints


def run_case(program, case_path, want_path, arguments=(), environment=None, cap=math.inf):
    """Runs the program; as compare_files. A run that fails is a complaint."""
    with tempfile.TemporaryDirectory(dir=case_path.parent) as folder:
        result = pathlib.Path(folder) / "result.safetensors"
        run = subprocess.run([program, *arguments, case_path, result], stderr=subprocess.PIPE, text=True,
                             env=environment, timeout=600)
        if run.returncode != 0:
            return {}, [f"exit status {run.returncode}: {run.stderr.strip()}"]
        return compare_files(result, want_path, cap)


class Report:
    """Worst error of every class over all cases, and what was wrong."""

    def __init__(self):
        self.cases, self.failed, self.over_strict, self.worst = 0, 0, 0, {}

    def add(self, name, worst, complaints):
        self.cases += 1
        self.over_strict += STRICT in worst and worst[STRICT][0] > 1
        for group, (*numbers, tensor) in worst.items():
            self.worst[group] = max(self.worst.get(group, (-1.0,)), (*numbers, f"{name}: {tensor}"))
        if complaints:
            self.failed += 1
            print(f"FAILED {name}")
            for complaint in complaints[:20]:
                print(f"  {complaint}")
            print("  worst:", ", ".join(f"{group} {error:.1e}" for group, (_, error, *_) in worst.items()), flush=True)

    def print(self):
        for group, (ratio, error, limit, where) in sorted(self.worst.items()):
            print(f"  {group:13} {error:8.1e}  limit {limit:.1e}, {ratio:5.3f} of it  ({where})")
        if STRICT in self.worst:
            print(f"{self.over_strict} cases leave the strict limits")
        print(f"{self.cases - self.failed} of {self.cases} cases passed", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("case_dir", type=pathlib.Path)
    parser.add_argument("--program-args", default="", help="options for the program, as one text")
    parser.add_argument("--limit", type=float, default=math.inf, help="no tensor may be further off than this")
    arguments = parser.parse_args()
    report = Report()
    for case in sorted(arguments.case_dir.glob("*.case.safetensors")):
        want = case.with_name(case.name.replace(".case.", ".want."))
        report.add(case.name, *run_case(
            arguments.program, case, want, shlex.split(arguments.program_args), cap=arguments.limit))
    report.print()
    return 1 if report.failed or not report.cases else 0


if __name__ == "__main__":
    sys.exit(main())
