"""Conformance on a GPU: cases against PyTorch in float64, computed by spankey_conformance --device cuda.

usage: conformance_on_device.py PROGRAM [--count N] [--bf16-count N] [--seed S]
Needs a Python with torch (its processor computes what is wanted) and numpy. Exit status 77 without a GPU or torch.
"""
import argparse
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "conformance"))
try:
    import torch
except ImportError:
    print("skipped: Python has no torch")
    sys.exit(77)

import compare
import generate_cases


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", type=pathlib.Path)
    arguments.add_argument("--count", type=int, default=44)
    arguments.add_argument("--bf16-count", type=int, default=44)
    arguments.add_argument("--seed", type=int, default=1)
    a = arguments.parse_args()
    torch.set_num_threads(1)  # the cases do not depend on the machine's cores
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for precision, count in (("fp32", a.count), ("bf16", a.bf16_count)):
            report = compare.Report()
            for case in generate_cases.cases(count, a.seed, precision):
                paths = generate_cases.write_case(folder, *case)
                worst, complaints = compare.run_case(a.program.resolve(), *paths, ("--device", "cuda"), dict(os.environ))
                if any("[spankey.cuda.101]" in text for text in complaints):
                    print(f"skipped: {complaints[0]}")
                    return 77
                report.add(f"{case[0]} ({precision})", worst, complaints)
                for path in paths:
                    path.unlink()
            print(f"cuda {precision}")
            report.print()
            failed |= bool(report.failed) or not report.cases
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
