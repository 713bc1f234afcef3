"""One training step against PyTorch float64, on every instruction set of the CPU backend that this processor has.

usage: pytorch_slow_test.py [PROGRAM] [--count N] [--seed S]
Cases are generated, run, compared and removed one by one. Skipped where Python has no torch (Debian: python3-torch).
"""
import argparse
import os
import pathlib
import sys
import tempfile

SKIPPED = 77
# How the program runs: options, environment, the limit of every tensor, and the share of the cases.
# The reference backend runs in double: what it computes is as exact as the result file.
RUNS = {
    "best instruction set": ((), {}, 1.0, lambda number: True),
    "avx2": ((), {"SPANKEY_ISA": "avx2"}, 1.0, lambda number: number < 7 or number % 3 == 0),
    "portable": ((), {"SPANKEY_ISA": "portable"}, 1.0, lambda number: number < 7 or number % 3 == 0),
    "reference backend": (("--backend", "reference"), {}, 2e-6, lambda number: number < 6),
}

try:
    import torch
except ImportError:
    print("SKIPPED conformance against PyTorch: Python has no torch (Debian: python3-torch)")
    sys.exit(SKIPPED)

import compare
import generate_cases


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("SPANKEY_BIN", ".")) / "spankey_conformance")
    parser.add_argument("--count", type=int, default=56)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    program = arguments.program.resolve()

    reports = {run: compare.Report(cap) for run, (_, _, cap, _) in RUNS.items()}
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(generate_cases.cases(arguments.count, arguments.seed)):
            paths = generate_cases.write_case(folder, *case)
            for run, report in list(reports.items()):
                options, environment, cap, chosen = RUNS[run]
                if not chosen(number):
                    continue
                worst, complaints = compare.run_case(program, *paths, options, {**os.environ, **environment}, cap)
                if any("[spankey.backend.101]" in text for text in complaints):
                    print(f"SKIPPED {run}: not on this processor")
                    del reports[run]
                else:
                    report.add(f"{case[0]} ({run})", worst, complaints)
            for path in paths:
                path.unlink()
    for run, report in reports.items():
        print(run)
        report.print()
    return 1 if any(report.failed or not report.cases for report in reports.values()) else 0


if __name__ == "__main__":
    torch.set_num_threads(min(4, os.cpu_count() or 1))
    sys.exit(main())
