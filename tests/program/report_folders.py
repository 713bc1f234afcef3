"""Made-up folders of a run and of a sweep, in the files' formats, with numbers that no two places share."""
import itertools
import json
import math

FIGURES = ("semantic", "masked", "calibrated", "reject")
FAMILIES = ("gaussian", "orthogonal", "leaked_average")
CONFIG = {"spankey": "0.1.0", "data": "/data/cifar-10-batches-bin", "model": "resnet18", "inject": "mul", "gamma": 2.0,
          "sites": [0, 2, 3, 4], "subspace-dim": 32, "deny": "B", "deny-weight": 0.1, "deny-on": "wrong", "epochs": 3,
          "batch": 128, "lr": 0.1, "milestones": [0.5, 0.75], "per-site-key": True, "invalid": "gaussian", "seed": 1}


def shares():
    """Different shares with four different digits each, without end."""
    for i in itertools.count(1):
        yield (i * 0.6180339887 + 0.01) % 0.98 + 0.01


def condition(draw, keys):
    figures = {name: {"mean": next(draw), "worst": next(draw), "wilson95": sorted([next(draw), next(draw)])}
               for name in FIGURES}
    return {"keys": keys, "images_per_key": 500 + keys, "distinct_images": 10000 - keys, **figures}


def metrics():
    draw = shares()
    angles = list(range(0, 91, 5))
    return {"no_key": condition(draw, 1), "valid_key": {**condition(draw, 101), "weak": next(draw)},
            "invalid_key": {family: condition(draw, 200 + i) for i, family in enumerate(FAMILIES)},
            "absorption": next(draw),
            "acceptance": {"angle": angles, **{name: [next(draw) for _ in angles] for name in FIGURES}}}


def log(epochs=3, steps=500):
    lines = []
    for epoch in range(epochs):
        for step in range(steps):
            at = (epoch * steps + step) / (epochs * steps)
            loss = 2.5 * math.exp(-3 * at) + 0.1 * math.sin(step)
            lines.append({"epoch": epoch, "step": step, "loss": loss + 0.2, "ce": loss + 0.15,
                          "deny": math.exp(-9 * at), "lr": 0.1 * (1 - at), "accuracy": at, "gradient_norm": 3 - at,
                          "images_per_second": 70.5})
        lines.append({"epoch_end": epoch, "loss": 2.25 - 0.5 * epoch, "ce": 2.125 - 0.5 * epoch, "deny": 0.5 ** epoch,
                      "lr": 0.0625, "accuracy": 0.3 * epoch + 0.0625, "seconds": 700.5 + epoch,
                      "images_per_second": 71.5 + epoch})
    return lines


def write_run(folder, config=None, lines=None, result=None):
    """A finished run; `lines` or `result` False: without its log or its metrics."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG if config is None else config))
    if lines is not False:
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines or log()))
    if result is not False:
        (folder / "metrics.json").write_text(json.dumps(result or metrics()))
    return folder


def spread(draw, seeds):
    values = [next(draw) for _ in range(seeds)]
    mean = sum(values) / seeds
    return {"mean": mean, "values": values, **({"low": mean / 3, "high": (2 + mean) / 3} if seeds > 1 else {})}


ROWS = {  # name: flags, published semantic accuracies
    "m 4": ({"subspace-dim": 4}, {"no_key": 0.9484, "valid_key": 0.9924, "invalid_key": 0.0}),
    "m 8": ({}, {"no_key": 0.155, "valid_key": 0.992, "invalid_key": 0.0}),
    "m 16": ({"subspace-dim": 16}, {"valid_key": 0.9925}),
    "gamma 1": ({"gamma": 1.0}, None),
    "site 0": ({"sites": "0"}, {"no_key": 0.1819, "valid_key": 0.9912, "invalid_key": 0.001}),
    "two changes": ({"subspace-dim": 32, "gamma": 4}, None),
}


def sweep(seeds=(1, 2, 3)):
    draw = shares()
    rows = []
    for name, (flags, published) in ROWS.items():
        figures = lambda: {figure: spread(draw, len(seeds)) for figure in FIGURES}
        rows.append({"name": name, "flags": flags, "finished": len(seeds),
                     "cells": [f"{name.replace(' ', '-')}-seed{seed}" for seed in seeds],
                     "metrics": {"no_key": figures(), "valid_key": figures(),
                                 "invalid_key": {family: figures() for family in FAMILIES[:2]},
                                 "absorption": spread(draw, len(seeds))}})
        if published:
            rows[-1]["published"] = published
    return {"name": "mnist_mode_b", "title": "MNIST, small_cnn, mode B", "source": "arXiv 2604.12254, table 3",
            "seeds": list(seeds), "rows": rows}


def write_sweep(folder, results=None, cells=True):
    """A finished sweep; the first cell of every row has its config.json where `cells`."""
    results = results or sweep()
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "experiment.json").write_text(json.dumps({"name": "mnist_mode_b"}))
    for row in results["rows"] if cells else []:
        cell = folder / "cells" / row["cells"][0]
        cell.mkdir(parents=True)
        flags = {**row["flags"], **({"sites": [0]} if "sites" in row["flags"] else {})}
        (cell / "config.json").write_text(json.dumps({**CONFIG, "gamma": 0.5, "sites": [0, 2], "subspace-dim": 8,
                                                      "seed": len(cell.name), **flags}))
    return folder
