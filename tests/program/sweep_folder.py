"""What the tests of the sweep share: a small experiment on drawn digits, and running it."""
import json
import pathlib

import data_files
import program

EXPERIMENT = {
    "name": "digits", "title": "Drawn digits", "source": "made up, table 1", "seeds": [3, 8],
    "flags": {"data": "mnist", "epochs": 3, "batch": 8, "train-limit": 24, "test-limit": 16, "eval-keys": 2,
              "eval-images": 8, "subspace-dim": 4},
    "rows": [{"name": "Strong key", "flags": {"gamma": 1.0, "sites": [0], "families": "gaussian,zero"},
              "published": {"no_key": 0.0625, "valid_key": 0.9876, "invalid_key": 0.1357}},
             {"name": "as published", "flags": {"regime": "reference"}}],
    "grid": {"deny": ["B", "none"], "lr": [0.001, 0.01]},
}
GRID = {f"deny {deny}, lr {rate}": {"deny": deny, "lr": rate} for deny in ("B", "none") for rate in (0.001, 0.01)}
CELLS = ["strong-key", "as-published", "deny-b-lr-0.001", "deny-b-lr-0.01", "deny-none-lr-0.001", "deny-none-lr-0.01"]
RESULTS = ("results.json", "results.csv", "results.md")


def written(folder, experiment=EXPERIMENT, name="experiment.json"):
    """The experiment's file, and its data beside it."""
    if not (folder / "root").exists():
        data_files.write_idx(folder / "root" / "mnist")
    (folder / name).write_text(experiment if isinstance(experiment, str) else json.dumps(experiment))
    return folder / name


def command(file, out, *more):
    return ["sweep", file, "--out", out, "--data-root", file.parent / "root", *more]


def run(file, out, *more):
    return program.succeeds(*command(file, out, *more), cwd=file.parent)


def cell_names(experiment=EXPERIMENT, rows=None):
    return [f"{row}-seed{seed}" for row in rows or CELLS for seed in experiment["seeds"]]


def without_clock(log):
    """The lines of a log.jsonl without what time it took."""
    lines = [json.loads(line) for line in log.splitlines()]
    return [{name: value for name, value in line.items() if name not in ("seconds", "images_per_second")}
            for line in lines]


def outcome(out):
    """Every file of a sweep by its name; of logs what does not depend on the clock."""
    return {name: without_clock(data.decode()) if pathlib.Path(name).name == "log.jsonl" else data
            for name, data in program.contents(out).items()}


def fill(out, row, seeds, value_of, families=("gaussian",)):
    """Made-up metrics.json of a row's cells, so that nothing is left to train: value_of(seed, condition, figure)."""
    for seed in seeds:
        condition = lambda name: {figure: {"mean": value_of(seed, name, figure)}
                                  for figure in ("semantic", "masked", "calibrated", "reject")}
        metrics = {"no_key": condition("no_key"), "valid_key": condition("valid_key"),
                   "invalid_key": {family: condition(family) for family in families}}
        cell = out / "cells" / f"{row}-seed{seed}"
        cell.mkdir(parents=True)
        (cell / "metrics.json").write_text(json.dumps(metrics))
