"""--eval-every: figures of the gate on the test images while it trains, in the log, on the terminal and in the report."""
import json
import signal
import sys

import interrupted
import program

FIGURES = {"semantic", "masked", "calibrated", "reject"}


def gates_of(run):
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if "gate_epoch" in line]


def means(conditions):
    """The conditions of a metrics.json, their means alone."""
    mean = lambda condition: {figure: {"mean": condition[figure]["mean"]} for figure in FIGURES}
    return {"no_key": mean(conditions["no_key"]), "valid_key": mean(conditions["valid_key"]),
            "invalid_key": {name: mean(entry) for name, entry in conditions["invalid_key"].items()}}


def test_curve(folder):
    often, seldom, never = folder / "often", folder / "seldom", folder / "never"
    flags = ["--families", "gaussian,zero"]
    result = program.train_tiny(often, "--data", "linear", *flags, "--eval-every", 1, epochs=4)
    program.train_tiny(seldom, "--data", "linear", *flags, "--eval-every", 3, epochs=4)
    program.train_tiny(never, "--data", "linear", *flags, epochs=4)
    assert [line["gate_epoch"] for line in gates_of(often)] == [0, 1, 2, 3]
    assert gates_of(seldom) == gates_of(often)[2:3] and gates_of(never) == []
    # With at most ten keys it is the run's own evaluation; and it changes nothing of what is trained.
    metrics = json.loads((often / "metrics.json").read_text())
    last = gates_of(often)[-1]
    assert last.pop("gate_epoch") == 3 and last == means(metrics), (last, metrics)
    assert program.contents(often)["weights.safetensors"] == program.contents(never)["weights.safetensors"]
    assert (often / "metrics.json").read_bytes() == (never / "metrics.json").read_bytes()
    assert result.stdout.count(b"  test images: no key ") == 4 and b"; wrong key " in result.stdout
    # A run without the flag has the config.json of a program that did not know it.
    assert "eval-every" not in json.loads((never / "config.json").read_text())
    assert json.loads((seldom / "config.json").read_text())["eval-every"] == 3
    program.evaluated_again(often)


def test_a_run_goes_on_with_its_curve(folder):
    expected = interrupted.whole_run(folder / "whole", "--eval-every", 2)
    run = folder / "run"
    for lines in (100, 90, 120):  # 38 steps an epoch
        status, _ = interrupted.stopped_after(run, lines, signal.SIGTERM, begin=["--eval-every", 2])
        assert status in (0, 143)
    program.succeeds("train", "--resume", run, cwd=folder)
    interrupted.check_same(interrupted.outcome(run), expected)
    assert [line["gate_epoch"] for line in gates_of(run)] == [1, 3, 5, 7, 9, 11]


def test_report(folder):
    run = folder / "run"
    program.train_tiny(run, "--data", "linear", "--eval-every", 1, epochs=3)
    program.succeeds("report", run, cwd=folder)
    page = (run / "report.html").read_text()
    assert "The gate while it trained" in page
    assert "semantic on the test images by epoch; no key at last" in page and "valid key at last" in page
    plain = folder / "plain"
    program.train_tiny(plain, "--data", "linear", epochs=1)
    program.succeeds("report", plain, cwd=folder)
    assert "The gate while it trained" not in (plain / "report.html").read_text()


def test_without_a_gate(folder):
    run = folder / "run"
    program.train_tiny(run, "--data", "linear", "--inject", "none", "--deny", "none", "--eval-every", 1, epochs=2)
    assert [set(line) for line in gates_of(run)] == [{"gate_epoch", "no_key"}] * 2
    program.succeeds("report", run, cwd=folder)


def test_refused(folder):
    for value in ("-1", "1.5", "often"):
        program.refused("train", "--eval-every", value, cwd=folder, names=["--eval-every", value, "whole number from 0"])


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
