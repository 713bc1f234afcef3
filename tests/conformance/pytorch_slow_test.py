"""One training step against PyTorch float64, in fp32 and bf16, on every instruction set that this processor has.

usage: pytorch_slow_test.py [PROGRAM] [--count N] [--bf16-count N] [--seed S]
Skipped where Python has no torch (Debian: python3-torch).
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
    print("SKIPPED conformance against PyTorch: Python has no torch (Debian: python3-torch)")
    sys.exit(SKIPPED)

import generate_cases
import step_runs


def takes(run, number):
    """The reference backend is slow, and the mlp's cases have every deny mode."""
    if run == "reference backend":
        return number < 6 or generate_cases.TURNS[number % len(generate_cases.TURNS)] == "mlp"
    if run == "reference backend, bf16 case":
        return number < 3
    return run not in ("avx2", "portable") or number < 9 or number % 4 == 0


def has_bf16():
    """Whether the processor multiplies in bf16. Where it does not, nine cases take PyTorch more than two minutes."""
    try:
        flags = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("SPANKEY_BIN", ".")) / "spankey_conformance")
    parser.add_argument("--count", type=int, default=153)
    parser.add_argument("--bf16-count", type=int, default=36 if has_bf16() else 18, help="18 where PyTorch has to emulate bf16")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    counts = {"fp32": arguments.count, "bf16": arguments.bf16_count}

    def cases_of(precision):
        return generate_cases.cases(counts[precision], arguments.seed, precision)

    return step_runs.run_all(arguments.program.resolve(), cases_of, takes)


if __name__ == "__main__":
    torch.set_num_threads(1)  # the cases do not depend on the machine's cores
    sys.exit(main())
