"""examples/experiments/gate_table.py on a sweep of two designs: its first table holds what results.json says."""
import json
import pathlib
import subprocess
import sys

import program
import sweep_folder

SCRIPT = pathlib.Path(__file__).parents[2] / "examples" / "experiments" / "gate_table.py"
OUTSIDE = ("gaussian", "orthogonal", "norm_matched", "permuted", "sign_flipped", "other_space", "zero", "constant@1")


def share(figure):
    return f"{figure['mean']:.3f}".removeprefix("0")


def test_designs_by_their_worst_family(folder):
    flags = {"data": "linear", "train-limit": 40, "test-limit": 20, "batch": 8, "epochs": 2, "eval-keys": 3,
             "eval-images": 10, "families": "all"}
    experiment = {"name": "gates", "seeds": [1], "flags": flags,
                  "rows": [{"name": "sealed"}, {"name": "no deny", "flags": {"deny": "none"}}]}
    sweep_folder.run(sweep_folder.written(folder, experiment), folder / "out")
    file = folder / "out" / "results.json"
    printed = subprocess.run([sys.executable, SCRIPT, file], capture_output=True, text=True, check=True).stdout
    tables = printed.strip().split("\n\n")
    assert len(tables) == 4, printed
    for row, line in zip(json.loads(file.read_text())["rows"], tables[0].splitlines()[2:], strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        metrics, invalid = row["metrics"], row["metrics"]["invalid_key"]
        worst = [f"{max(invalid[family][f]['mean'] for family in OUTSIDE):.3f}".removeprefix("0")
                 for f in ("semantic", "masked", "calibrated")]
        assert cells[0] == row["name"] and cells[1] == share(metrics["valid_key"]["semantic"]), line
        assert cells[2].split("/") == [share(metrics["no_key"][f]) for f in ("semantic", "masked", "calibrated")], line
        assert cells[3].split("/") == worst, line
    for row, line in zip(json.loads(file.read_text())["rows"], tables[3].splitlines()[2:], strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        refused = [share(row["metrics"][condition]["reject"]) for condition in ("valid_key", "no_key")]
        assert cells[:3] == [row["name"], *refused], line


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
