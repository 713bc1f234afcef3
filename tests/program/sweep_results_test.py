"""results.json, .csv and .md of a sweep: every row and figure, means and intervals recomputed from the cells' files."""
import csv
import json
import math
import sys

import program
import sweep_folder
from sweep_folder import CELLS, EXPERIMENT, GRID

FIGURES = ("semantic", "masked", "calibrated", "reject")


def student_t(freedom):
    """The 97.5 % quantile: Simpson's rule for the share between 0 and t, bisected."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)

    def share(t, parts=2000):
        density = [(1 + (t * i / parts) ** 2 / freedom) ** (-(freedom + 1) / 2) for i in range(parts + 1)]
        return scale * t / parts / 3 * (density[0] + density[-1] + 4 * sum(density[1:-1:2]) + 2 * sum(density[2:-1:2]))

    low, high = 1.5, 13.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if share(middle) < 0.475 else (low, middle)
    return low


def logit(share):
    return math.log(share / (1 - share))


def check_spread(entry, values, rel_tol=2e-4, are_shares=True):
    n = len(values)
    mean = math.fsum(values) / n
    assert entry["values"] == values, (entry, values)
    assert math.isclose(entry["mean"], mean, rel_tol=1e-12, abs_tol=1e-15), (entry, values)
    if n == 1:
        assert set(entry) == {"mean", "values"}, entry
        return
    half = student_t(n - 1) * math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1) / n)
    assert set(entry) == {"mean", "values", "low", "high"}
    low, high = entry["low"], entry["high"]
    if not are_shares:
        assert math.isclose(high - mean, half, rel_tol=rel_tol, abs_tol=1e-15), (n, entry, half)
        assert math.isclose(mean - low, half, rel_tol=rel_tol, abs_tol=1e-15), (n, entry, half)
        return
    # Symmetric on the scale of log(p / (1 - p)), and so never beyond 0 and 1.
    assert 0 <= low <= mean <= high <= 1, entry
    if half == 0 or mean in (0, 1):
        assert low == mean == high, entry
        return
    width = half / (mean * (1 - mean))
    for bound, way in ((low, -1), (high, 1)):
        if 1e-9 < bound < 1 - 1e-9:
            assert math.isclose(way * (logit(bound) - logit(mean)), width, rel_tol=rel_tol, abs_tol=1e-12), (n, entry)
        else:
            assert width > 9, (n, entry)


def conditions(metrics):
    """no_key, valid_key and every family of invalid keys, in the order of the files."""
    yield "no_key", metrics["no_key"]
    yield "valid_key", metrics["valid_key"]
    for family, entry in metrics["invalid_key"].items():
        yield "invalid_key." + family, entry


def cells_of(out, row, seeds):
    return [json.loads((out / "cells" / f"{row}-seed{seed}" / "metrics.json").read_text()) for seed in seeds]


def table_of(markdown):
    return [[cell.strip() for cell in line[1:-1].replace("\\|", "\0").split("|")]
            for line in markdown.splitlines() if line.startswith("|")]


def test_results_of_a_sweep(folder):
    file, out = sweep_folder.written(folder), folder / "out"
    sweep_folder.run(file, out)
    results = json.loads((out / "results.json").read_text())
    assert {name: results[name] for name in ("name", "title", "source", "seeds")} == {
        name: EXPERIMENT[name] for name in ("name", "title", "source", "seeds")}
    flags = {**{row["name"]: row["flags"] for row in EXPERIMENT["rows"]}, **GRID}
    assert {row["name"]: row["flags"] for row in results["rows"]} == flags
    assert [row["name"] for row in results["rows"]] == list(flags)
    assert [row.get("published") for row in results["rows"]] == [EXPERIMENT["rows"][0]["published"], *[None] * 5]

    for row, name in zip(results["rows"], CELLS, strict=True):
        cells = cells_of(out, name, EXPERIMENT["seeds"])
        assert row["cells"] == [f"{name}-seed{seed}" for seed in EXPERIMENT["seeds"]] and row["finished"] == 2
        rows_conditions = dict(conditions(row["metrics"]))
        assert set(rows_conditions) == set(dict(conditions(cells[0])))
        for condition, entry in rows_conditions.items():
            assert set(entry) == set(FIGURES)
            for figure in FIGURES:
                check_spread(entry[figure], [dict(conditions(cell))[condition][figure]["mean"] for cell in cells])
        absorption = [cell["absorption"] for cell in cells]
        assert ("absorption" in row["metrics"]) == (None not in absorption)
        if None not in absorption:
            check_spread(row["metrics"]["absorption"], absorption, are_shares=False)
    check_csv(out, results)
    check_markdown(out, results)


def check_csv(out, results):
    lines = list(csv.reader((out / "results.csv").read_text(encoding="utf-8").splitlines()))
    assert lines[0] == ["row", "seed", "condition", *FIGURES]
    expected = [[row["name"], str(seed), condition, *(entry[figure]["mean"] for figure in FIGURES)]
                for row, name in zip(results["rows"], CELLS) for seed in results["seeds"]
                for condition, entry in conditions(cells_of(out, name, [seed])[0])]
    assert [[*line[:3], *map(float, line[3:])] for line in lines[1:]] == expected


def check_markdown(out, results):
    markdown = (out / "results.md").read_text(encoding="utf-8")
    assert "# Drawn digits\n" in markdown and "Published figures: made up, table 1." in markdown
    table = table_of(markdown)
    assert table[0] == ["row", "condition", "seeds", "semantic", "published", "masked", "calibrated", "reject"]
    expected = []
    for row in results["rows"]:
        for condition, entry in conditions(row["metrics"]):
            text = [f"{entry[f]['mean']:.4f} ({entry[f]['low']:.4f} to {entry[f]['high']:.4f})" for f in FIGURES]
            published = ""
            if row["name"] == "Strong key":  # what was published for invalid keys are Gaussian ones
                published = {"no_key": "0.0625", "valid_key": "0.9876", "invalid_key.gaussian": "0.1357",
                             "invalid_key.zero": ""}[condition]
            expected.append([row["name"], condition, "2", text[0], published, *text[1:]])
    assert table[2:] == expected
    assert ["Strong key", "invalid_key.zero"] in [line[:2] for line in table]


def test_intervals(folder):
    """Of 1 to 40 seeds, in a sweep whose cells are all there already."""
    for n in (1, 2, 3, 4, 5, 11, 30, 31, 32, 40):
        seeds = list(range(n))
        file = sweep_folder.written(folder, {**EXPERIMENT, "rows": [{"name": "row"}], "grid": {}, "seeds": seeds})
        out = folder / f"{n} seeds"
        value = lambda seed, condition, figure: (seed * 37 % 41 + len(condition + figure)) / 64
        sweep_folder.fill(out, "row", seeds, value)
        (out / "experiment.json").write_bytes(file.read_bytes())
        sweep_folder.run(file, out)
        row, = json.loads((out / "results.json").read_text())["rows"]
        for condition, entry in conditions(row["metrics"]):
            for figure in FIGURES:
                check_spread(entry[figure], [value(seed, condition.split(".")[-1], figure) for seed in seeds])
    assert abs(student_t(1) - 12.7062) < 1e-3 and abs(student_t(30) - 2.0423) < 1e-4  # of printed tables


def test_names_that_tables_could_trip_over(folder):
    names = ['say "m 4", twice', "m | n", "größer", "-- A.b --"]
    rows = [{"name": name} for name in names]
    file = sweep_folder.written(folder, {**EXPERIMENT, "rows": rows, "grid": {}, "seeds": [7]})
    out = folder / "out"
    for cell in ("say-m-4-twice", "m-n", "gr-er", "a.b"):
        sweep_folder.fill(out, cell, [7], lambda *_: 0.5)
    (out / "experiment.json").write_bytes(file.read_bytes())
    result = sweep_folder.run(file, out)
    assert b"4 of 4 cells finished" in result.stdout and result.stdout.count(b"cell 1/") == 0
    lines = list(csv.reader((out / "results.csv").read_text(encoding="utf-8").splitlines()))
    assert {line[0] for line in lines[1:]} == set(names)
    table = table_of((out / "results.md").read_text(encoding="utf-8"))
    assert {line[0].replace("\0", "|") for line in table[2:]} == set(names)


def test_metrics_of_no_finished_run(folder):
    experiment = {**EXPERIMENT, "rows": [{"name": "row"}], "grid": {}, "seeds": [1, 2]}
    file, out = sweep_folder.written(folder, experiment), folder / "out"
    sweep_folder.fill(out, "row", [1, 2], lambda *_: 0.5)
    (out / "experiment.json").write_bytes(file.read_bytes())
    sweep_folder.run(file, out)
    before = {name: (out / name).read_bytes() for name in sweep_folder.RESULTS}
    second = out / "cells" / "row-seed2" / "metrics.json"
    good = json.loads(second.read_text())
    wrong = ["", "[]", "null", "{", "{}", json.dumps(good)[:-1]]
    wrong += [json.dumps({**good, "valid_key": value}) for value in (None, 1, {}, {**good["no_key"], "masked": 0.5})]
    wrong += [json.dumps({**good, "no_key": {**good["no_key"], "reject": {"mean": "half"}}}),
              json.dumps({**good, "invalid_key": 0.5})]
    for text in wrong:
        second.write_text(text)
        what = "not JSON" if text in ("", "{", json.dumps(good)[:-1]) else "finished run"
        program.refused(*sweep_folder.command(file, out), cwd=folder, names=["sweep.104", str(second), what])
    other = {**good, "invalid_key": {**good["invalid_key"], "zero": good["no_key"]}}
    for text in (other, {name: good[name] for name in ("no_key", "valid_key")}):
        second.write_text(json.dumps(text))
        program.refused(*sweep_folder.command(file, out), cwd=folder, names=["sweep.105", str(second), "families"])
    assert {name: (out / name).read_bytes() for name in sweep_folder.RESULTS} == before


def test_a_cell_at_chance_has_no_absorption_index(folder):
    """null in its metrics.json; the mean of the others would be of other runs than the row's other figures."""
    experiment = {**EXPERIMENT, "rows": [{"name": "row"}], "grid": {}, "seeds": [1, 2]}
    file, out = sweep_folder.written(folder, experiment), folder / "out"
    sweep_folder.fill(out, "row", [1, 2], lambda *_: 0.5)
    (out / "experiment.json").write_bytes(file.read_bytes())
    for indices in ((0.25, 0.75), (0.25, None), (None, None)):
        for seed, index in zip((1, 2), indices):
            metrics = out / "cells" / f"row-seed{seed}" / "metrics.json"
            metrics.write_text(json.dumps({**json.loads(metrics.read_text()), "absorption": index}))
        sweep_folder.run(file, out)
        row, = json.loads((out / "results.json").read_text())["rows"]
        assert ("absorption" in row["metrics"]) == (None not in indices), indices
        if None not in indices:
            check_spread(row["metrics"]["absorption"], list(indices), are_shares=False)


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
