"""Folders that earlier versions wrote are read for ever: tests/fixtures/VERSION. (Images and weights: infer/fixtures_test.cpp.)

Kernels of other processors round otherwise, so figures of an evaluation may differ by one image in a hundred.
"""
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import program

VERSIONS = sorted((pathlib.Path(__file__).resolve().parents[1] / "fixtures").iterdir())
FIGURES = ("semantic", "masked", "calibrated", "reject")


def copied(version, name, folder):
    copy = folder / version.name / name
    shutil.copytree(version / name, copy)
    return copy


def test_a_run_is_evaluated_as_it_was(folder):
    for version in VERSIONS:
        run = copied(version, "run", folder)
        before = json.loads((run / "metrics.json").read_text())
        program.succeeds("eval", "--run", run, cwd=folder)
        after = json.loads((run / "metrics.json").read_text())
        assert set(after["invalid_key"]) == set(before["invalid_key"]) == {"gaussian", "zero", "angle@20"}
        for name in ("no_key", "valid_key"):
            for figure in FIGURES:
                assert abs(after[name][figure]["mean"] - before[name][figure]["mean"]) <= 0.01, (version, name, figure)
        assert before["valid_key"]["semantic"]["mean"] > 0.6


def test_a_run_is_converted(folder):
    for version in VERSIONS:
        run = copied(version, "run", folder)
        program.succeeds("convert", "--run", run, "--out", folder / "net.image", cwd=folder)
        assert (folder / "net.image").stat().st_size > 14_000


def test_a_stopped_run_goes_on_or_says_why_not(folder):
    for version in VERSIONS:
        run = copied(version, "stopped", folder)
        log = run / "log.jsonl"
        had = log.stat().st_size
        process = subprocess.Popen([program.PROGRAM, "train", "--resume", run, "--threads", "1"], cwd=folder,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while process.poll() is None and log.stat().st_size < had + 4000:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
        # 143: it was at work; else another version may say that a checkpoint is for the one that wrote it.
        assert process.returncode == 143 or b"checkpoint.104" in said, (process.returncode, said)


def test_pages_of_runs_and_sweeps(folder):
    for version in VERSIONS:
        for name in ("run", "sweep"):
            program.succeeds("report", copied(version, name, folder), "--out", folder / "page.html", cwd=folder)
            page = (folder / "page.html").read_text()
            assert "<svg" in page and "nan" not in page.lower().split("</style>")[1]


def test_a_sweep_goes_on(folder):
    for version in VERSIONS:
        sweep = copied(version, "sweep", folder)
        result = program.succeeds("sweep", sweep / "experiment.json", "--out", sweep, "--threads", 1, cwd=folder)
        assert b"4 of 4" in result.stdout
        for row, before in zip(json.loads((sweep / "results.json").read_text())["rows"],
                               json.loads((version / "sweep" / "results.json").read_text())["rows"]):
            assert row["flags"] == before["flags"] and row["finished"] == 2


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
