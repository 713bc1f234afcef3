"""A sweep that is killed at random moments, again and again, ends with the files of one that was left alone."""
import json
import os
import random
import shutil
import subprocess
import sys
import time

import data_files
import program
import sweep_folder

KILLS = 10
EXPERIMENT = {
    "name": "killed", "title": "Killed at random moments", "seeds": [1, 2],
    "flags": {"data": "mnist", "epochs": 5, "batch": 16, "eval-keys": 8, "eval-images": 64, "subspace-dim": 4,
              "schedule": "cosine"},
    "rows": [{"name": "published", "flags": {"regime": "reference", "optimizer": "sgd", "lr": 0.01}},
             {"name": "sealed", "flags": {"families": "all", "weight-decay": 0.01, "optimizer": "adamw"}}],
    "grid": {"precision": ["bf16"], "deny": ["AC"]},
}


def stage(out):
    """Where a killed sweep was: between cells, in a cell's first epoch, in a later one, or in its evaluation."""
    cells = sorted((out / "cells").iterdir()) if (out / "cells").exists() else []
    unfinished = [cell for cell in cells if not (cell / "metrics.json").exists()]
    if not unfinished:
        return "between cells"
    cell, = unfinished
    checkpoints = program.checkpoints_of(cell)
    if not checkpoints:
        return "first epoch"
    _, metadata = program.safetensors_header(checkpoints[-1])
    return "evaluation" if int(metadata["epoch"]) == EXPERIMENT["flags"]["epochs"] else "later epoch"


def killed_after(command, seconds, folder):
    """Starts the sweep and kills it; False where it ended before."""
    with subprocess.Popen([program.PROGRAM, *map(str, command)], cwd=folder, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            assert process.wait(seconds) == 0, process.stderr.read()
            return False
        except subprocess.TimeoutExpired:
            process.kill()
            return True


def test_killed_ten_times(folder):
    seed = int(os.environ.get("SPANKEY_KILL_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"SPANKEY_KILL_SEED={seed}")
    rng = random.Random(seed)
    data_files.write_idx(folder / "root" / "mnist", train=2000, test=256)
    file = sweep_folder.written(folder, EXPERIMENT)
    begin = time.monotonic()
    sweep_folder.run(file, folder / "alone")
    whole = time.monotonic() - begin

    # Long waits reach every part of the sweep, short ones kill what has just come back.
    out, stages, rounds = folder / "killed", [], 0
    while len(stages) < KILLS:
        wait = rng.uniform(0, whole / 5) if rng.random() < 0.7 else rng.uniform(0, 0.2)
        if killed_after(sweep_folder.command(file, out), wait, folder):
            stages.append(stage(out))
            continue
        # It ended on its own, as the machine is faster by now: once more from the start.
        check_outcome(folder, out)
        shutil.rmtree(out)
        rounds += 1
        assert rounds < KILLS, stages
    print(f"the sweep takes {whole:.1f} s; killed in: {', '.join(stages)}")
    assert sum(where in ("first epoch", "later epoch") for where in stages) >= KILLS // 2, stages
    sweep_folder.run(file, out, "--threads", 1)
    check_outcome(folder, out)


def check_outcome(folder, out):
    alone, killed = sweep_folder.outcome(folder / "alone"), sweep_folder.outcome(out)
    assert set(alone) == set(killed), set(alone) ^ set(killed)
    for name in alone:
        assert killed[name] == alone[name], name
    results = json.loads(killed["results.json"])
    assert [row["finished"] for row in results["rows"]] == [2, 2, 2]


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
