"""A sweep runs every cell of an experiment once, like train does, and goes on where it stopped."""
import json
import shutil
import sys

import data_files
import program
import sweep_folder
from sweep_folder import CELLS, EXPERIMENT, GRID, RESULTS

ABANDONED = ".spankey-1-0.tmp"


def test_cells(folder):
    file, out = sweep_folder.written(folder), folder / "out" / "digits"
    result = sweep_folder.run(file, out)
    assert {p.name for p in out.iterdir()} == {"experiment.json", "cells", *RESULTS}
    assert (out / "experiment.json").read_bytes() == file.read_bytes()
    assert {p.name for p in (out / "cells").iterdir()} == set(sweep_folder.cell_names())
    rows = [EXPERIMENT["rows"][0]["flags"], EXPERIMENT["rows"][1]["flags"], *GRID.values()]
    for cell, flags in zip(CELLS, rows, strict=True):
        for seed in EXPERIMENT["seeds"]:
            run = out / "cells" / f"{cell}-seed{seed}"
            assert {p.name for p in run.iterdir()} == program.FILES, run
            config = json.loads((run / "config.json").read_text())
            for flag, value in {**EXPERIMENT["flags"], **flags, "seed": seed}.items():
                assert config[flag] == value, (cell, flag, config[flag])
    text = result.stdout.decode()
    for number in range(1, 13):
        assert f"cell {number}/12: " in text, number
    assert "12 of 12 cells finished" in text

    check_cell_is_a_run(folder, out)
    check_second_call(file, out)


def check_cell_is_a_run(folder, out):
    """train with a cell's flags writes the same files."""
    cell = out / "cells" / "strong-key-seed8"
    flags = {**EXPERIMENT["flags"], "gamma": 1.0, "sites": 0, "families": "gaussian,zero", "seed": 8}
    program.succeeds("train", *(text for flag, value in flags.items() for text in ("--" + flag, value)), "--data-root",
                     folder / "root", "--out", folder / "alone", cwd=folder)
    assert sweep_folder.outcome(folder / "alone") == sweep_folder.outcome(cell)


def check_second_call(file, out):
    before, cells = program.contents(out), program.state(out / "cells")
    result = sweep_folder.run(file, out)
    assert b"cell 1/12" not in result.stdout and b"12 of 12 cells finished" in result.stdout, result.stdout
    assert program.state(out / "cells") == cells
    assert program.contents(out) == before
    # Lost results are collected again from the cells.
    for name in RESULTS:
        (out / name).unlink()
    sweep_folder.run(file, out)
    assert program.state(out / "cells") == cells and program.contents(out) == before
    # One lost cell is run again, and only that.
    shutil.rmtree(out / "cells" / "as-published-seed3")
    result = sweep_folder.run(file, out)
    assert result.stdout.count(b"\ncell ") + result.stdout.startswith(b"cell ") == 1, result.stdout
    assert sweep_folder.outcome(out) == {name: sweep_folder.without_clock(data.decode())
                                         if name.endswith("log.jsonl") else data for name, data in before.items()}


def test_a_cell_that_fails_leaves_the_results_of_those_before_it(folder):
    experiment = {**EXPERIMENT, "rows": [{"name": "digits"}, {"name": "clothes", "flags": {"data": "fashion-mnist"}}],
                  "grid": {}}
    file, out = sweep_folder.written(folder, experiment), folder / "out"
    program.refused(*sweep_folder.command(file, out), cwd=folder, names=["data.141", "fashion-mnist"])
    results = json.loads((out / "results.json").read_text())
    assert [(row["finished"], "metrics" in row) for row in results["rows"]] == [(2, True), (0, False)]
    assert "| clothes | not finished |" in (out / "results.md").read_text()
    assert "clothes" not in (out / "results.csv").read_text()
    before = program.state(out / "cells")
    data_files.write_idx(folder / "root" / "fashion-mnist")
    sweep_folder.run(file, out)
    results = json.loads((out / "results.json").read_text())
    assert [row["finished"] for row in results["rows"]] == [2, 2]
    after = program.state(out / "cells")
    assert {name: after[name] for name in before} == before


def test_leftovers_of_a_killed_process_are_removed(folder):
    """A file that was being written when the process died: where nothing was before, in a cell, in a finished sweep."""
    experiment = {**EXPERIMENT, "seeds": [1], "grid": {}}
    file, clean, out = sweep_folder.written(folder, experiment), folder / "clean", folder / "out"
    sweep_folder.run(file, clean)
    first, second = (out / "cells" / f"{row}-seed1" for row in CELLS[:2])
    for started in (out, first):
        started.mkdir(parents=True)
        (started / ABANDONED).write_text("half")
        if started == out:
            sweep_folder.run(file, out)
            shutil.rmtree(first)
    second_before = program.state(second)
    (out / ABANDONED).write_text("half")
    sweep_folder.run(file, out)
    assert sweep_folder.outcome(out) == sweep_folder.outcome(clean)
    assert program.state(second) == second_before
    # With the configuration in place, and nothing else that is whole.
    for name in program.FILES - {"config.json"}:
        (first / name).unlink()
    (first / ABANDONED).write_text("half")
    (first / "log.jsonl").write_text('{"epoch": 0, "st')
    (first / "weights.safetensors").write_text("of a state that nobody knows")
    sweep_folder.run(file, out)
    assert sweep_folder.outcome(out) == sweep_folder.outcome(clean)
    # Killed between its last file and the removal of its state.
    (first / "checkpoint-000000000009.safetensors").write_text("of the last epoch")
    (out / ABANDONED).write_text("half")
    sweep_folder.run(file, out)
    assert sweep_folder.outcome(out) == sweep_folder.outcome(clean)


def test_files_that_are_not_of_a_killed_process_stay(folder):
    experiment = {**EXPERIMENT, "seeds": [1], "grid": {}, "rows": [{"name": "one"}]}
    file, out = sweep_folder.written(folder, experiment), folder / "out"
    sweep_folder.run(file, out)
    mine = [out / "notes.tmp", out / ".spankey-notes", out / "cells" / "one-seed1" / "report.html",
            out / "cells" / "mine"]
    for path in mine:
        path.write_text("mine")
    sweep_folder.run(file, out)
    assert all(path.read_text() == "mine" for path in mine)


def test_other_folders_are_refused(folder):
    file, out = sweep_folder.written(folder, {**EXPERIMENT, "seeds": [1], "grid": {}}), folder / "out"
    sweep_folder.run(file, out)

    def refused(file, out, names):
        program.refused(*sweep_folder.command(file, out), cwd=folder, names=names)

    other = sweep_folder.written(folder, {**EXPERIMENT, "seeds": [2], "grid": {}}, "other.json")
    before = program.state(folder)
    refused(other, out, ["sweep.102", str(out), "another experiment"])
    foreign = out / "cells" / "strong-key-seed1"
    (foreign / ".spankey-1-0.tmp").write_bytes(b"somebody's")
    before = program.state(folder)
    refused(file, foreign, ["sweep.102", "no sweep"])
    refused(folder / "none.json", folder / "new", ["sweep.101", "none.json"])
    refused(folder / "root", folder / "new", ["sweep.101", str(folder / "root")])
    refused(file, file, ["sweep.103", str(file)])
    refused(file, file / "new", ["sweep.103", str(file / "new")])
    assert program.state(folder) == before

    (out / "experiment.json").unlink()
    (out / "experiment.json").mkdir()
    refused(file, out, ["sweep.102", "experiment.json"])


def test_a_cell_of_another_configuration_is_refused(folder):
    file, out = sweep_folder.written(folder, {**EXPERIMENT, "seeds": [1], "grid": {}}), folder / "out"
    sweep_folder.run(file, out)
    cell = out / "cells" / "strong-key-seed1"
    (cell / "metrics.json").unlink()
    config = json.loads((cell / "config.json").read_text())
    (cell / "config.json").write_text(json.dumps({**config, "gamma": 2.0}, indent=2) + "\n")
    before = program.state(cell)
    program.refused(*sweep_folder.command(file, out), cwd=folder,
                    names=["flag.110", "strong-key-seed1", "configuration"])
    assert program.state(cell) == before


def test_report_of_a_sweep(folder):
    file, out = sweep_folder.written(folder, {**EXPERIMENT, "seeds": [1], "grid": {}}), folder / "out"
    sweep_folder.run(file, out)
    program.succeeds("report", out, cwd=folder)
    page = (out / "report.html").read_text()
    for words in ("Drawn digits", "Strong key", "as published", ".9876"):
        assert words in page, words


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
