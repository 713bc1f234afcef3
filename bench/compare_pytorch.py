"""Runs networks here and in PyTorch in turn (A B A B ...); prints the ratios of the medians and the targets.

usage: compare_pytorch.py [FOLDER] [--python PYTHON]... [--repeats R] [--only PATTERN]... [--avx2] [--table NAME]... [--write]
       FOLDER has the programs that are measured; PYTHON is one that has torch (default:
       this one; a second one gets a table of its own); PATTERN is a row's name as --list prints it, * for any; --avx2 holds both sides to AVX2;
       NAME is compare_pytorch, which is what runs unless told, or growth: batch 8 to 512, 1 to n threads and 1 to 3 groups; --write puts the
       tables into README.md, in the section of this processor and the kernels that ran, and draws a figure beside growth.
Both sides run on the same cores. Rows that this machine cannot run, for want of bf16 arithmetic or of the benchmark, are
named and left out.
"""
import argparse
import fnmatch
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass

import growth_svg
import readme_block

PEER = readme_block.README.with_name("pytorch_peer.py")
PROGRAMS = readme_block.ROOT / "build/bench/bin"
RESNET, TRANSFORMER = "spankey_bench_step_resnet18", "spankey_bench_step_transformer"
GENERATION = "spankey_bench_infer_generation"


@dataclass(frozen=True)
class Ours:
    benchmark: str
    threads: int
    program: str = RESNET


@dataclass(frozen=True)
class Theirs:
    arguments: str
    threads: int


@dataclass(frozen=True)
class Row:
    """`kind` is a key of KINDS. `target` against PyTorch 1, `target_2` against PyTorch 2 (rows against a peer)."""
    name: str
    kind: str
    left: Ours
    right: object
    target: float = None
    target_2: float = None


@dataclass(frozen=True)
class Kind:
    """value: what a column shows of a run; result: of a pair of runs; at_least: how the target is read."""
    unit: str
    value: object
    result: object
    at_least: bool
    shown: str = "{:.2f}"


def rate(run):
    return run["per_second"]


def quotient(value):
    return lambda left, right: value(left) / value(right)


def milliseconds(run):
    return 1000 / rate(run)


def memory(run):
    return run["peak_rss_mib"]


def share(keys, step):
    """What keys take by themselves, of the step."""
    return 100 * rate(step) / rate(keys)


KINDS = {
    "rate": Kind("images/s", rate, quotient(rate), True),
    "token-rate": Kind("tokens/s", rate, quotient(rate), True),
    "latency": Kind("ms", milliseconds, quotient(milliseconds), False),
    "memory": Kind("MiB", memory, quotient(memory), False),
    "share": Kind("images/s", rate, share, False, "{:.1f} %"),
    "token-share": Kind("tokens/s", rate, share, False, "{:.1f} %"),
}
AVX2 = {"SPANKEY_ISA": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}


def target_rows(threads):
    rows = []
    # (against PyTorch 1, against PyTorch 2)
    for precision, training, inference, latency, used in (("fp32", (2.0, 1.7), (1.8, 1.8), (0.35, 0.35), (0.58, 0.58)),
                                                          ("bf16", (1.8, 2.2), (1.5, 2.0), (0.4, 0.5), (0.58, 0.58))):

        def ours(name, **more):
            return Ours(f"{name.format(precision)}/real_time", **{"threads": threads, **more})

        def theirs(arguments):
            return Theirs(f"{arguments} --precision {precision}", threads)

        train, fast, peer = ours("train/{}"), ours("train/{}/fast"), theirs("train --steps 4")
        rows += [
            Row(f"train-{precision}", "rate", train, peer, *training),
            Row(f"train-B-{precision}", "rate", ours("train/{}/B"), theirs("train --groups 2 --steps 3"), *training),
            Row(f"train-fast-{precision}", "rate", fast, theirs("fast --batch 500 --steps 3"), 2.0, 2.0),
            Row(f"infer-{precision}", "rate", ours("infer/{}/128"), theirs("infer --steps 6"), *inference),
            Row(f"latency-{precision}", "latency", ours("infer/{}/1"), theirs("infer --batch 1 --steps 40"), *latency),
            Row(f"memory-{precision}", "memory", train, peer, *used),
            Row(f"keys-{precision}", "share", ours("keys/{}/resnet18"), train, 3),
            Row(f"keys-fast-{precision}", "share", ours("keys/{}/fast"), fast, 3),
        ]
        if threads > 1:
            rows.append(Row(f"{threads}-threads-against-1-{precision}", "rate", train, ours("train/{}", threads=1),
                            0.9 * threads))
    return rows


def transformer_rows(threads):
    rows = []
    for precision in ("fp32", "bf16"):

        def ours(name):
            return Ours(f"{name.format(precision)}/real_time", threads, TRANSFORMER)

        # What a rate counts; the batch and its steps in PyTorch; target of the rate, and of keys where they are measured.
        for name, kind, peer, target, keys in (("vit", "", "vit --steps 2", 1.5, 3),
                                               ("gpt", "token-", "gpt --batch 12 --steps 2", 1.5, 3),
                                               ("gpt-nano", "token-", "gpt-nano --batch 12 --steps 40", 3.0, None),
                                               ("gpt2", "token-", "gpt2 --batch 4 --steps 4", None, None)):
            step = ours(f"train/{{}}/{name}")
            theirs = Theirs(f"{peer} --precision {precision}", threads)
            rows += [Row(f"train-{name}-{precision}", f"{kind}rate", step, theirs, target, target),
                     Row(f"memory-{name}-{precision}", "memory", step, theirs, 0.6, 0.6)]
            if keys is not None:
                rows.append(Row(f"keys-{name}-{precision}", f"{kind}share", ours(f"keys/{{}}/{name}"), step, keys))
    for weights in ("fp32", "bf16", "int8"):
        token, reading = (Ours(f"{name}/{weights}/real_time", threads, GENERATION) for name in ("generate", "read"))
        if weights != "int8":  # of which PyTorch has no network as this one
            rows.append(Row(f"generate-{weights}", "token-rate", token,
                            Theirs(f"generate --steps 100 --precision {weights}", threads), 1.0, 1.0))
        rows.append(Row(f"generate-{weights}-against-reading", "token-rate", token, reading, 0.85))
    return rows


def growth_rows(threads):
    thread_counts = [t for t in (1, 2, 4, 8, 16, 32, 64) if t < threads] + [threads]
    rows = []
    for precision in ("fp32", "bf16"):
        for what, values in (("batch", (8, 32, 128, 512)), ("threads", thread_counts), ("groups", (1, 2, 3))):
            for value in values:
                rows.append(Row(f"{what}-{value}-{precision}", "rate",
                                Ours(f"sweep/{what}/{value}/{precision}/real_time", threads),
                                Theirs(f"train --steps 3 --{what} {value} --precision {precision}",
                                       value if what == "threads" else threads)))
    return rows


def call(command, threads=None):
    cores = sorted(os.sched_getaffinity(0))[:threads]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, cores)).stdout


def measure(run, programs, python):
    if isinstance(run, Ours):
        text = call([f"{programs}/{run.program}", f"--benchmark_filter=^{run.benchmark}$", "--benchmark_format=json", "--benchmark_min_time=4"],
                    run.threads)
        found = json.loads(text)["benchmarks"][0]
        if found.get("error_occurred"):
            raise SystemExit(f"{run.benchmark}: {found['error_message']}")
        return found
    return json.loads(call([python, str(PEER), *run.arguments.split(), "--threads", str(run.threads)], run.threads))


def measure_pairs(rows, programs, python, repeats):
    """{(left, right): [(left's result, right's result), ...]}: both sides in turn."""
    pairs = {}
    for row in rows:
        if (row.left, row.right) in pairs:
            continue
        print(f"measuring {row.name}", file=sys.stderr, flush=True)
        pairs[row.left, row.right] = [(measure(row.left, programs, python), measure(row.right, programs, python))
                                      for _ in range(repeats)]
    return pairs


def row_text(row, runs, target):
    kind = KINDS[row.kind]
    left, right = ({"per_second": statistics.median(rate(pair[side]) for pair in runs),
                    "peak_rss_mib": statistics.median(memory(pair[side]) for pair in runs)} for side in (0, 1))
    result, single = kind.result(left, right), [kind.result(*pair) for pair in runs]
    spread = f" ({kind.shown.format(min(single))} to {kind.shown.format(max(single))})" if len(single) > 1 else ""
    wanted, met = "-", "-"
    if target is not None:
        wanted = (">= " if kind.at_least else "<= ") + kind.shown.format(target)
        met = "yes" if (result >= target if kind.at_least else result <= target) else "**no**"
    return (f"| {row.name} | {kind.value(left):.1f} | {kind.value(right):.1f} | {kind.unit} | "
            f"**{kind.shown.format(result)}**{spread} | {wanted} | {met} |")


def table(rows, pairs, against, peer_is_new=False):
    lines = [f"| case | SpanKey | {against} | unit | ratio of medians (pairs) | target | met |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        target = row.target_2 if peer_is_new else row.target
        lines.append(row_text(row, pairs[row.left, row.right], target))
    return "\n".join(lines)


def report(rows, a):
    """The tables of `rows`: one for each peer, and one for what is compared within the project; and {peer: pairs}."""
    held = ", both sides held to AVX2" if a.avx2 else ""
    texts = [f"{readme_block.setting()}{held}; {a.threads} threads unless said otherwise, medians of {a.repeats} interleaved "
             "runs."]
    with_peer = [row for row in rows if isinstance(row.right, Theirs)]
    alone = [row for row in rows if isinstance(row.right, Ours)]
    by_peer = {}
    for python in a.python if with_peer else []:
        pairs = measure_pairs(with_peer, a.programs, python, a.repeats)
        ours, theirs = next(iter(pairs.values()))[0]
        by_peer[theirs["label"].split(" with ")[0]] = pairs
        new = not theirs["label"].startswith("PyTorch 1.")
        texts += [f"Kernels: {ours['label']}. Peer: {theirs['label']}.", table(with_peer, pairs, "PyTorch", new)]
    if alone:
        pairs = measure_pairs(alone, a.programs, None, a.repeats)
        texts += ["Within SpanKey: keys by themselves against the step (the share that they take), all threads against one, a written "
                  "token against reading as many bytes as there are weights.",
                  table(alone, pairs, "SpanKey: the step, on 1 thread, or reading")]
    return "\n\n".join(texts), by_peer


def growth_panels(rows, by_peer):
    """What growth_svg.draw draws: of every sweep and precision the median rates of both sides."""
    panels = {}
    for peer, pairs in by_peer.items():
        for row in rows:
            sweep, value, precision = row.name.split("-")
            sides = panels.setdefault((sweep, precision), {})
            for side, name in enumerate(("SpanKey", peer)):
                rates = [rate(pair[side]) for pair in pairs[row.left, row.right]]
                sides.setdefault(name, {})[int(value)] = statistics.median(rates)
    return panels


def kernels_of(programs):
    """The family of kernels that runs here, by its name in the library."""
    one = call([f"{programs}/{RESNET}", "--benchmark_filter=^keys/fp32/resnet18", "--benchmark_format=json", "--benchmark_min_time=0"])
    return json.loads(one)["benchmarks"][0]["label"].split(",")[0]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("programs", nargs="?", metavar="FOLDER", default=str(PROGRAMS))
    arguments.add_argument("--python", action="append")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    arguments.add_argument("--only", action="append", metavar="PATTERN")
    arguments.add_argument("--avx2", action="store_true")
    arguments.add_argument("--table", action="append", choices=("compare_pytorch", "growth"))
    arguments.add_argument("--list", action="store_true")
    arguments.add_argument("--write", action="store_true")
    a = arguments.parse_args()
    a.python = a.python or [sys.executable]
    if a.write and a.only:
        arguments.error("--write replaces whole tables: not with --only")

    sets = {"compare_pytorch": target_rows(a.threads) + transformer_rows(a.threads), "growth": growth_rows(a.threads)}
    sets = {name: rows for name, rows in sets.items() if name in (a.table or ["compare_pytorch"])}
    if a.list:
        print("\n".join(row.name for rows in sets.values() for row in rows))
        return
    if a.avx2:
        os.environ.update(AVX2)
    built = {name for program in (RESNET, TRANSFORMER, GENERATION)
             for name in call([f"{a.programs}/{program}", "--benchmark_list_tests"]).split()}
    kernels = kernels_of(a.programs)
    without = () if "bf16" in kernels else ("bf16",)
    for name, rows in sets.items():
        rows = [row for row in rows if not a.only or any(fnmatch.fnmatch(row.name, p) for p in a.only)]
        usable = [row for row in rows if not row.name.endswith(without) and
                  all(run.benchmark in built for run in (row.left, row.right) if isinstance(run, Ours))]
        if not usable:
            continue
        text, by_peer = report(usable, a)
        if usable != rows:
            text += "\n\nNot run here: " + ", ".join(row.name for row in rows if row not in usable) + "."
        print(text + "\n")
        if a.write and name == "growth":
            figure = readme_block.README.with_name(readme_block.figure_of(kernels))
            figure.write_text(growth_svg.draw(growth_panels(usable, by_peer)), encoding="utf-8")
            text += f"\n\n![images/s over batch, threads and groups]({figure.name})"
        if a.write:
            readme_block.write_section(name, readme_block.section_of(kernels), text)


if __name__ == "__main__":
    main()
