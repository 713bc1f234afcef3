"""One training step against PyTorch float64, in fp32 and bf16, on every instruction set that this processor has.

usage: pytorch_slow_test.py [PROGRAM] [--count N] [--bf16-count N] [--seed S]
Cases are generated, run, compared and removed one by one. Skipped where Python has no torch (Debian: python3-torch).
"""
import argparse
import math
import os
import pathlib
import sys
import tempfile

SKIPPED = 77
# How the program runs: precision of its cases, options, environment, cap on every tensor's limit, share of the cases.
# The reference backend runs in double: what it computes is as exact as the result file. It is slow, and the mlp's cases
# have every deny mode.


def on_reference(number):
    return number < 6 or generate_cases.TURNS[number % len(generate_cases.TURNS)] == "mlp"


RUNS = {
    "best instruction set": ("fp32", (), {}, math.inf, lambda number: True),
    "avx2": ("fp32", (), {"SPANKEY_ISA": "avx2"}, math.inf, lambda number: number < 9 or number % 4 == 0),
    "portable": ("fp32", (), {"SPANKEY_ISA": "portable"}, math.inf, lambda number: number < 9 or number % 4 == 0),
    "reference backend": ("fp32", ("--backend", "reference"), {}, 2e-6, on_reference),
    "reference backend, bf16 case": ("bf16", ("--backend", "reference"), {}, 2e-6, lambda number: number < 3),
}
RUNS.update({f"bf16 {isa}": ("bf16", (), {"SPANKEY_ISA": isa}, math.inf, lambda number: True)
             for isa in ("portable", "avx2", "avx512", "avx512_bf16", "amx_bf16")})

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # its waiting threads would take the cores that the program needs
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
    parser.add_argument("--count", type=int, default=153)
    parser.add_argument("--bf16-count", type=int, default=36)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    program = arguments.program.resolve()

    reports = {run: compare.Report() for run in RUNS}
    with tempfile.TemporaryDirectory() as folder:
        for precision, count in (("fp32", arguments.count), ("bf16", arguments.bf16_count)):
            for number, case in enumerate(generate_cases.cases(count, arguments.seed, precision)):
                paths = generate_cases.write_case(folder, *case)
                for run in [r for r in reports if RUNS[r][0] == precision and RUNS[r][-1](number)]:
                    _, options, environment, cap, _ = RUNS[run]
                    worst, complaints = compare.run_case(program, *paths, options, {**os.environ, **environment}, cap)
                    if any("[spankey.backend.101]" in text for text in complaints):
                        print(f"SKIPPED {run}: not on this processor")
                        del reports[run]
                    else:
                        reports[run].add(f"{case[0]} ({run})", worst, complaints)
                for path in paths:
                    path.unlink()
    for run, report in reports.items():
        print(run)
        report.print()
    return 1 if any(report.failed or not report.cases for report in reports.values()) else 0


if __name__ == "__main__":
    torch.set_num_threads(1)  # the cases do not depend on the machine's cores
    sys.exit(main())
