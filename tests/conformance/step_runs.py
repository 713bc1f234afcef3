"""Cases through the program, on every instruction set that this processor has."""
import math
import os
import tempfile

import compare
import generate_cases

# How the program runs: precision of its cases, options, environment, cap on every tensor's limit.
# The reference backend runs in double: what it computes is as exact as the result file.
RUNS = {
    "best instruction set": ("fp32", (), {}, math.inf),
    "avx2": ("fp32", (), {"SPANKEY_ISA": "avx2"}, math.inf),
    "portable": ("fp32", (), {"SPANKEY_ISA": "portable"}, math.inf),
    "reference backend": ("fp32", ("--backend", "reference"), {}, 2e-6),
    "reference backend, bf16 case": ("bf16", ("--backend", "reference"), {}, 2e-6),
}
RUNS.update({f"bf16 {isa}": ("bf16", (), {"SPANKEY_ISA": isa}, math.inf)
             for isa in ("portable", "avx2", "avx512", "avx512_bf16", "amx_bf16")})


def run_all(program, cases_of, takes):
    """Cases, generated, run, compared and removed one by one. `cases_of(precision)` generates them; `takes(run,
    number)`: the run takes case `number`. Prints what was found. -> exit status"""
    reports = {run: compare.Report() for run in RUNS}
    with tempfile.TemporaryDirectory() as folder:
        for precision in ("fp32", "bf16"):
            for number, case in enumerate(cases_of(precision)):
                paths = generate_cases.write_case(folder, *case)
                for run in [r for r in reports if RUNS[r][0] == precision and takes(r, number)]:
                    _, options, environment, cap = RUNS[run]
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
