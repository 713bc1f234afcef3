"""NaN and infinity in weights, in what a network answers and in results: named, counted, never a figure."""
import json
import struct
import sys

import program
import report_folders
import safetensors_io

NAN, INFINITY = struct.pack("<f", float("nan")), struct.pack("<f", float("inf"))
DIVERGES = ["--data", "linear", "--train-limit", "64", "--test-limit", "16", "--batch", "16", "--epochs", "3",
            "--eval-keys", "2", "--eval-images", "8", "--lr", "1e9", "--optimizer", "sgd", "--schedule", "constant"]


def spoil(file, name, element, value):
    """One element of a tensor in a safetensors file, which then has no checksums."""
    data = bytearray(program.without_checksums(file.read_bytes()))
    at = safetensors_io.data_begin(data) + safetensors_io.header_of(data)[name]["data_offsets"][0] + 4 * element
    data[at:at + 4] = value
    file.write_bytes(data)


def test_weights_are_named(folder):
    run = program.train_linear(folder / "run", "--inject", "none", "--deny", "none")
    whole = (run / "weights.safetensors").read_bytes()
    for name, element, value in (("fc1.weight", 17, NAN), ("fc3.bias", 0, INFINITY)):
        (run / "weights.safetensors").write_bytes(whole)
        spoil(run / "weights.safetensors", name, element, value)
        before = program.state(folder)
        names = ["weights.104", name, f"element {element}"]
        program.refused("import", "--model", "mlp", "--deny", "none", "--weights", run / "weights.safetensors", "--out",
                        folder / "imported", cwd=folder, names=names)
        program.refused("eval", "--run", run, cwd=folder, names=names)
        program.refused("convert", "--run", run, "--out", folder / "image", "--evaluate", cwd=folder, names=names)
        assert program.state(folder) == before


def test_answers_are_counted(folder):
    """A training that goes on through NaN: every answer is a refusal, and the table says why."""
    run = folder / "run"
    result = program.succeeds("train", *DIVERGES, "--nonfinite", "ignore", "--out", run, cwd=folder)
    metrics = json.loads((run / "metrics.json").read_text())
    conditions = [metrics["no_key"], metrics["valid_key"], *metrics["invalid_key"].values()]
    for condition in conditions:
        assert condition["not_finite"] == condition["keys"] * condition["images_per_key"] > 0, condition
        assert [condition[f]["mean"] for f in report_folders.FIGURES] == [0, 0, 0, 1], condition
    count = sum(condition["not_finite"] for condition in conditions)
    assert f"{count} of {count} answers are NaN or infinity: counted as refused" in result.stdout.decode()
    program.succeeds("report", run, cwd=folder)
    assert f"{count} answers are NaN or infinity" in (run / "report.html").read_text()
    program.refused("eval", "--run", run, cwd=folder, names=["weights.104"])  # from its files, too, it opens nothing
    usual = json.loads((program.train_linear(folder / "usual") / "metrics.json").read_text())
    assert usual["no_key"]["not_finite"] == usual["valid_key"]["not_finite"] == 0


def test_a_sweep_adds_them_up(folder):
    names = iter(DIVERGES)
    flags = {name[2:]: value for name, value in zip(names, names)}
    flags = {name: json.loads(value) if value[0].isdigit() else value for name, value in flags.items()}
    (folder / "e.json").write_text(json.dumps({
        "name": "diverges", "title": "t", "seeds": [1, 2], "flags": {**flags, "nonfinite": "ignore"},
        "rows": [{"name": "one", "flags": {}}]}))
    program.succeeds("sweep", folder / "e.json", "--out", folder / "out", cwd=folder)
    metrics = json.loads((folder / "out" / "results.json").read_text())["rows"][0]["metrics"]
    assert metrics["no_key"]["not_finite"] == 2 * 16 and metrics["valid_key"]["not_finite"] == 2 * 2 * 8, metrics
    assert "answers are NaN or infinity" in (folder / "out" / "results.md").read_text()
    program.succeeds("report", folder / "out", cwd=folder)
    assert "answers are NaN or infinity" in (folder / "out" / "report.html").read_text()


def test_a_report_shows_no_figure_that_is_none(folder):
    """JSON has no NaN: null stands for it."""
    for i, place in enumerate((["no_key", "semantic", "mean"], ["no_key", "semantic"], ["valid_key", "masked", "worst"],
                               ["valid_key", "reject", "wilson95"], ["invalid_key", "gaussian", "calibrated"],
                               ["no_key"], ["acceptance", "semantic"], ["acceptance"])):
        result = report_folders.metrics()
        entry = result
        for name in place[:-1]:
            entry = entry[name]
        entry[place[-1]] = None
        run = report_folders.write_run(folder / f"run{i}", result=result)
        program.refused("report", run, cwd=folder, names=["report.106", ".".join(place), "null"])
    result = report_folders.metrics()
    result["no_key"]["masked"]["mean"] = float("nan")
    run = report_folders.write_run(folder / "literal", result=result)
    program.refused("report", run, cwd=folder, names=["report.104", "metrics.json"])


def test_a_key_space_with_none(folder):
    run = program.train_linear(folder / "run")
    site = next(name for name in program.safetensors_header(run / "key_space.safetensors")[0])
    for value in (NAN, INFINITY):
        copy = folder / "copy"
        copy.mkdir(exist_ok=True)
        for file in ("config.json", "weights.safetensors", "key_space.safetensors"):
            (copy / file).write_bytes((run / file).read_bytes())
        spoil(copy / "key_space.safetensors", site, 3, value)
        for command in (["eval", "--run", copy], ["convert", "--run", copy, "--key-out", folder / "key"]):
            program.refused(*command, cwd=folder, names=["spankey.key.11"])
    assert not (folder / "key").exists()


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
