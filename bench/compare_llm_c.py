"""A training step of GPT-2 here and in llm.c's train_gpt2.c in turn (A B A B ...): prints tokens/s of both and the ratio of the medians.

usage: compare_llm_c.py LLM_C [PROGRAM] [--repeats R]
       LLM_C is a checkout of github.com/karpathy/llm.c; PROGRAM is spankey_bench_step_transformer.
Both train 124 million parameters in fp32, 4 windows of 64 tokens, AdamW, on the same cores. llm.c is compiled by its Makefile's
flags, -Ofast -march=native with OpenMP, and reads random weights and tokens that are drawn here; its steps are those that it
prints, without the first two.
"""
import argparse
import array
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import tempfile

PROGRAM = pathlib.Path(__file__).parents[1] / "build/bench/bin/spankey_bench_step_transformer"
TOKENS = 4 * 64
VOCABULARY, PADDED, CONTEXT, LAYERS, HEADS, CHANNELS = 50257, 50304, 1024, 12, 12, 768


def header(*numbers):
    return array.array("i", list(numbers) + [0] * (256 - len(numbers))).tobytes()


def write_inputs(folder):
    """The files that train_gpt2.c opens: weights near N(0, .02), scales of norms 1, and tokens."""
    draw = random.Random(1)
    block = array.array("f", [draw.gauss(0, 0.02) for _ in range(CHANNELS * 64)])
    ones, zeros = array.array("f", [1.0] * CHANNELS), array.array("f", [0.0] * CHANNELS)

    def matrix(rows):
        return block.tobytes() * (rows // 64) + block[:rows % 64 * CHANNELS].tobytes()

    def norm(layers):
        return ones.tobytes() * layers + zeros.tobytes() * layers

    with open(folder / "gpt2_124M.bin", "wb") as out:
        out.write(header(20240326, 3, CONTEXT, VOCABULARY, LAYERS, HEADS, CHANNELS, PADDED))
        out.write(matrix(PADDED) + matrix(CONTEXT) + norm(LAYERS))
        out.write(matrix(3 * CHANNELS * LAYERS) + zeros.tobytes() * 3 * LAYERS)
        out.write(matrix(CHANNELS * LAYERS) + zeros.tobytes() * LAYERS + norm(LAYERS))
        out.write(matrix(4 * CHANNELS * LAYERS) + zeros.tobytes() * 4 * LAYERS)
        out.write(matrix(4 * CHANNELS * LAYERS) + zeros.tobytes() * LAYERS + norm(1))
    texts = folder / "dev/data/tinyshakespeare"
    texts.mkdir(parents=True)
    for name in ("train", "val"):
        count = 100 * TOKENS
        tokens = array.array("H", [draw.randrange(257) for _ in range(count)])
        (texts / f"tiny_shakespeare_{name}.bin").write_bytes(header(20240520, 1, count) + tokens.tobytes())


def compiled(source, folder):
    program = folder / "train_gpt2"
    subprocess.run(["cc", "-Ofast", "-fno-finite-math-only", "-march=native", "-fopenmp", "-DOMP", "-Wno-unused-result", "-I", source,
                    source / "train_gpt2.c", "-o", program, "-lm"], check=True)
    return program


def theirs(program, folder, threads):
    """Tokens/s of the median step; stopped after ten."""
    times = []
    with subprocess.Popen([program], cwd=folder, stdout=subprocess.PIPE, text=True, errors="replace",
                          env={**os.environ, "OMP_NUM_THREADS": str(threads)}) as run:
        for line in run.stdout:
            found = re.match(r"step \d+: train loss (\S+) \(took (\S+) ms\)", line)
            if found:
                times.append(float(found[2]) / 1000)
                if not float(found[1]) < 100:
                    raise SystemExit(f"llm.c: the loss is {found[1]}")
            if len(times) == 10:
                run.kill()
    if len(times) < 10:
        raise SystemExit(f"llm.c ended after {len(times)} steps")
    return TOKENS / statistics.median(times[2:])


def ours(program):
    answer = subprocess.run([program, "--benchmark_filter=^train/fp32/gpt2/", "--benchmark_format=json"], check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    run = json.loads(answer.stdout)["benchmarks"][0]
    return run["per_second"], run["label"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("source", type=pathlib.Path, metavar="LLM_C")
    arguments.add_argument("program", nargs="?", type=pathlib.Path, default=PROGRAM)
    arguments.add_argument("--repeats", type=int, default=3)
    a = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_inputs(folder)
        peer = compiled(a.source.resolve(), folder)
        pairs = []
        for _ in range(a.repeats):
            rate, label = ours(a.program.resolve())
            pairs.append((rate, theirs(peer, folder, len(os.sched_getaffinity(0)))))
            print(f"{label}: {pairs[-1][0]:.0f} tokens/s, llm.c {pairs[-1][1]:.0f}", flush=True)
    here, there = (statistics.median(side) for side in zip(*pairs))
    ratios = [one / other for one, other in pairs]
    print(f"ratio of medians {here / there:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
