"""Each convolution of ResNet-18 at batch 128: GFLOP/s of its three passes and their share of the machine's peak.

usage: measure_conv2d.py [PROGRAM] [--repeats R] [--write]
       PROGRAM is spankey_bench_kernel_conv2d, which verifies every pass before it times it; a figure is the median of
       R repetitions; --write puts the tables into bench/README.md.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import readme_block  # noqa: E402

PROGRAM = readme_block.ROOT / "build/bench/bin/spankey_bench_kernel_conv2d"
PASSES = ("forward", "backward_data", "backward_weights")
PRECISIONS = ("fp32", "bf16")


def measure(program, repeats):
    """Context of the run, and {(pass, precision, shape, method): counters}."""
    command = [program, "--benchmark_format=json", f"--benchmark_repetitions={repeats}", "--benchmark_min_time=0.2",
               "--benchmark_enable_random_interleaving=true", "--benchmark_report_aggregates_only=true"]
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    cells = {}
    for run in answer["benchmarks"]:
        if run.get("error_occurred"):
            raise SystemExit(f"{run['name']}: {run['error_message']}")
        if run["aggregate_name"] != "median":
            continue
        which, precision, channels, image, window, method = run["run_name"].split("/")[:6]
        cells[which, precision, f"{channels}, {image}, {window}", method] = run
    return answer["context"], cells


def size_of(shape):
    """Channels, then the larger kernel first: the order of the network."""
    before, after, kernel = re.match(r"(\d+)->(\d+), .*, k(\d+)s\d+$", shape).groups()
    return int(before), int(after), -int(kernel)


def cell(run):
    if run is None:
        return ""
    share = f" ({100 * run['share_of_peak']:.0f} %)" if "share_of_peak" in run else ""
    return f"{run['FLOP/s'] / 1e9:.0f}{share}"


def table(context, cells, precision):
    shapes = sorted({shape for _, kind, shape, _ in cells if kind == precision}, key=size_of)
    peaks = [run["peak_FLOP/s"] for key, run in cells.items() if key[1] == precision and "peak_FLOP/s" in run]
    peak = f"{peaks[0] / 1e9:.0f} GFLOP/s" if peaks else "not known"
    peer = precision == "fp32"
    lines = [f"{precision}, kernels {context['kernels']}, {context['threads']} threads; the machine's peak: {peak}.", "",
             "| in->out, image, kernel and stride | forward | data gradient | weight gradient |"
             + (" im2col + BLAS, forward |" if peer else ""), "|---|---|---|---|" + ("---|" if peer else "")]
    for shape in shapes:
        row = [cell(cells.get((which, precision, shape, "direct"))) for which in PASSES]
        row += [cell(cells.get(("forward", precision, shape, "im2col_blas")))] if peer else []
        lines.append(f"| {shape} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", nargs="?", default=PROGRAM)
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--write", action="store_true")
    a = arguments.parse_args()
    context, cells = measure(a.program, a.repeats)
    text = f"{readme_block.setting()}.\n\n" + "\n\n".join(table(context, cells, p) for p in PRECISIONS)
    print(text)
    if a.write:
        readme_block.write_section("conv2d", readme_block.section_of(context["kernels"]), text)


if __name__ == "__main__":
    main()
