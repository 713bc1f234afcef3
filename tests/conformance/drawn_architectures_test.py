"""Networks that were drawn once from the library's vocabulary (architectures/), against PyTorch in float64: training steps
in fp32 and bf16, and sessions of every type of weights.

usage: drawn_architectures_test.py [PROGRAM] [--rounds N] [--seed S] [--new N]
A round is a case of every network, in either precision. --new draws so many more networks, of a seed that is printed
(--seed: of this one); SPANKEY_LONG in the environment: 48. Without new ones 20 s of one core. Needs torch (Debian:
python3-torch), else skipped.
"""
import argparse
import math
import os
import pathlib
import random
import re
import sys
import tempfile

SKIPPED = 77
HERE = pathlib.Path(__file__).resolve().parent
STEP_RUNS = {
    "best instruction set": ("fp32", (), {}, math.inf),
    "avx2": ("fp32", (), {"SPANKEY_ISA": "avx2"}, math.inf),
    "portable": ("fp32", (), {"SPANKEY_ISA": "portable"}, math.inf),
    "reference backend": ("fp32", ("--backend", "reference"), {}, 2e-6),
}
STEP_RUNS.update({f"bf16 {isa}": ("bf16", (), {"SPANKEY_ISA": isa}, math.inf)
                  for isa in ("portable", "avx2", "avx512", "avx512_bf16", "amx_bf16")})

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # its waiting threads would take the cores that the program needs
try:
    import torch
except ImportError:
    print("SKIPPED drawn networks against PyTorch: Python has no torch (Debian: python3-torch)")
    sys.exit(SKIPPED)

import compare
import draw_architectures
import generate_cases


def missing_vocabulary(texts):
    """What no line of the committed networks has."""
    lines = "\n".join(texts)
    patterns = [rf"kernel={k}\b" for k in range(1, 8)] + [rf"conv2d .* stride={s}\b" for s in range(1, 5)]
    patterns += [r"kernel=4 stride=4 pad=none", r"kernel=16 stride=16", r"^tokens \w+$", r"^tokens \w+ class_token", "^project",
                 r"^attention \w+ 1\b", r"^attention \w+ [2-9]$", "^attention .* causal$", r"^token \w+ 0$", r"^token \w+ [1-9]"]
    patterns += [r"pad=same", r"pad=none", r"groups=", r"bias$", r"conv2d \w+ (\d+) .*groups=\1", r"max_pool2d .*kernel=3",
                 "mean_pool2d", "layer_norm", "batch_norm2d .*epsilon", "batch_norm2d .*momentum", "batch_norm2d .*unscaled",
                 "batch_norm2d .*shifted", "layer_norm .*unscaled", "^relu", "^gelu ", "^gelu_tanh", "^silu", "^dropout", "^linear", r"^join$",
                 "^join relu", "^skip", r"^residual \w+\n(.+\n)*residual", r"^site \d+$", r"^site \d+ channel",
                 r"^site \d+ token", r"^residual \w+\nsite", r"^skip \w+\nsite", r"conv2d .*\njoin"]
    return [p for p in patterns if not re.search(p, lines, re.MULTILINE)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("SPANKEY_BIN", ".")) / "spankey_conformance")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--new", type=int, default=48 if "SPANKEY_LONG" in os.environ else 0)
    arguments = parser.parse_args()
    program = arguments.program.resolve()
    texts = [path.read_text() for path in sorted((HERE / "architectures").glob("*.txt"))]
    missing = missing_vocabulary(texts)
    failed = len(texts) < 12 or bool(missing)
    print(f"{len(texts)} networks", *[f"none has {p}" for p in missing], sep="\n")
    seed = arguments.seed
    if arguments.new:
        seed = random.SystemRandom().randrange(2 ** 31) if seed is None else seed
        print(f"and {arguments.new} new ones of seed {seed}", flush=True)
        texts += draw_architectures.architectures(arguments.new, seed)

    reports = {run: compare.Report() for run in [*STEP_RUNS, "sessions"]}
    with tempfile.TemporaryDirectory() as folder:
        def run(name, run_name, paths, options, environment=None, cap=math.inf):
            worst, complaints = compare.run_case(program, *paths, options, {**os.environ, **(environment or {})}, cap)
            if any("[spankey.backend.101]" in text for text in complaints):
                print(f"SKIPPED {run_name}: not on this processor")
                del reports[run_name]
            else:
                reports[run_name].add(f"{name} ({run_name})", worst, complaints)

        for precision in ("fp32", "bf16"):
            for case in generate_cases.drawn_cases(texts, arguments.rounds, 1 if seed is None else seed, precision):
                name, tensors, metadata, *_ = case
                paths = generate_cases.write_case(folder, *case)
                for run_name in [r for r in STEP_RUNS if STEP_RUNS[r][0] == precision and r in reports]:
                    _, options, environment, cap = STEP_RUNS[run_name]
                    run(name, run_name, paths, options, environment, cap)
                if precision == "fp32":
                    answers = generate_cases.expected_answers(tensors, metadata)
                    paths = generate_cases.write_case(folder, name, tensors, metadata, answers, {})
                    run(name, "sessions", paths, ("--compute", "sessions"))
                for path in paths:
                    path.unlink()
    for run_name, report in reports.items():
        print(run_name)
        report.print()
        # Which input of a ReLU rounds across zero is chance: of networks that nobody has seen, a few are over in bf16.
        allowed = report.cases // 10 if arguments.new and run_name.startswith("bf16") else 0
        failed |= report.failed > allowed or not report.cases
    return 1 if failed else 0


if __name__ == "__main__":
    torch.set_num_threads(1)  # the cases do not depend on the machine's cores
    sys.exit(main())
