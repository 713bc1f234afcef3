"""One training step of the transformers against PyTorch float64, in fp32 and bf16, on every instruction set that this
processor has.

usage: transformers_slow_test.py [PROGRAM] [--seed S]
43 cases: 50 s of one core. Skipped where Python has no torch (Debian: python3-torch).
"""
import argparse
import os
import pathlib
import sys

SKIPPED = 77
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # its waiting threads would take the cores that the program needs
try:
    import torch
except ImportError:
    print("SKIPPED conformance of transformers against PyTorch: Python has no torch (Debian: python3-torch)")
    sys.exit(SKIPPED)

import step_runs
import transformer_cases


def takes(run, number):
    """The reference backend is slow."""
    return run in ("best instruction set", "portable") or run.startswith("bf16") or number < 8


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("SPANKEY_BIN", ".")) / "spankey_conformance")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    def cases_of(precision):
        return transformer_cases.transformer_cases(precision, arguments.seed)

    return step_runs.run_all(arguments.program.resolve(), cases_of, takes)


if __name__ == "__main__":
    torch.set_num_threads(1)  # the cases do not depend on the machine's cores
    sys.exit(main())
