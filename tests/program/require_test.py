"""--require: an evaluation's figures against what the gate has to keep; status 3 where it does not."""
import json
import sys

import program


def lines_of(result):
    return result.stdout.decode().splitlines(), result.stderr.decode().splitlines()


def evaluated(run, text, *flags):
    return program.start("eval", "--run", run, "--require", text, *flags, cwd=run.parent)


def test_every_name(folder):
    """Each name is the figure of metrics.json that the page says; both directions; the worst of several conditions."""
    run = program.train_linear(folder / "run", "--families", "gaussian,angle@22.5")
    metrics = json.loads((run / "metrics.json").read_text())
    none, valid, wrong = metrics["no_key"], metrics["valid_key"], metrics["invalid_key"]
    families = list(wrong.values())
    for figure in ("semantic", "masked", "calibrated", "reject"):
        worst = min if figure == "reject" else max
        for name, value in ((f"none.{figure}", none[figure]["mean"]), (f"valid.{figure}", valid[figure]["mean"]),
                            (f"valid.{figure}.worst", valid[figure]["worst"]),
                            (f"gaussian.{figure}", wrong["gaussian"][figure]["mean"]),
                            (f"angle@22.5.{figure}", wrong["angle@22.5"][figure]["mean"]),
                            (f"wrong.{figure}", worst(f[figure]["mean"] for f in families)),
                            (f"wrong.{figure}.worst", worst(f[figure]["worst"] for f in families)),
                            (figure, worst(f[figure]["mean"] for f in [none, *families]))):
            for op, kept in (("<=", True), (">=", True), ("<", False), (">", False)):
                result = evaluated(run, f"{name}{op}{value!r}")
                out, err = lines_of(result)
                assert result.returncode == (0 if kept else 3), (name, op, value, result)
                line, = [x for x in out + err if x.startswith(("kept: ", "not kept: "))]
                assert (line in out) == kept and f"{name}{op}" in line and f"{value:.4f}" in line, line
    assert evaluated(run, f" valid >= {valid['semantic']['mean']!r} ,masked<=1").returncode == 0
    result = evaluated(run, "masked<=1,valid<=1,semantic<0,none.reject>1")
    out, err = lines_of(result)
    assert result.returncode == 3 and len(err) == 2 and sum(line.startswith("kept: ") for line in out) == 2, result


def test_refused_before_any_work(folder):
    run = program.train_linear(folder / "run")
    before = program.state(folder)
    for text in ("", " ", "masked", "masked<=", "masked<=x", "masked<=nan", "masked<=1.5", "masked<=-1", "masked=.2", "masked==.2",
                 "mask<=.2", "none<=.2", "wrong<=.2", "all.masked<=.2", "valid.worst>=.1", "masked<=.2,", ",masked<=.2",
                 "masked<=.2 valid>=.9", "orthogonal.masked<=.2", "angle@20.masked<=.2", ".masked<=.2", "masked.<=.2"):
        for command in (["eval", "--run", run, "--require", text],
                        ["train", *program.TINY, "--data", "linear", "--out", folder / "new", "--require", text]):
            program.refused(*command, cwd=folder, names=["flag.", "--require"])
    assert program.state(folder) == before
    plain = program.train_linear(folder / "plain", "--inject", "none")
    for text in ("valid>=0", "wrong.masked<=1", "gaussian.reject>=0"):
        program.refused("eval", "--run", plain, "--require", text, cwd=folder, names=["flag.141", "no keys"])
    assert evaluated(plain, "none.semantic>=0,masked<=1").returncode == 0


def test_train_and_resume(folder):
    """Training's own evaluation is checked too; the run is finished either way, and a second look says the same."""
    for text, status in (("masked<=1", 0), ("masked<0,valid>=0", 3)):
        run = folder / f"run {status}"
        result = program.start("train", *program.TINY, "--data", "linear", "--out", run, "--require", text, cwd=folder)
        assert result.returncode == status and (result.stderr == b"") == (status == 0), result
        assert set(program.contents(run)) == program.FILES
        again = program.start("train", "--resume", run, "--require", text, cwd=folder)
        assert again.returncode == status and again.stderr == result.stderr, again


def test_sweep(folder):
    """Every cell runs; one that does not keep it is the sweep's status, also when all are there already."""
    flags = {"data": "linear", "epochs": 1, "train-limit": 24, "test-limit": 16, "batch": 8, "eval-keys": 2, "eval-images": 8}
    (folder / "what.json").write_text(json.dumps({"name": "two", "seeds": [1], "flags": flags, "rows": [
        {"name": "a"}, {"name": "b", "flags": {"inject": "none"}}]}))
    for text, status in (("none.masked<0", 3), ("none.masked<=1", 0)):
        for _ in range(2):
            result = program.start("sweep", "what.json", "--out", f"out {status}", "--require", text, cwd=folder)
            assert result.returncode == status, result
            assert len(result.stderr.splitlines()) == (2 if status else 0), result
        assert (folder / f"out {status}" / "results.json").exists()
    program.refused("sweep", "what.json", "--out", "none", "--require", "valid>=0", cwd=folder, names=["flag.141", "no keys"])
    assert not (folder / "none").exists()


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
