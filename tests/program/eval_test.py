"""eval of a finished run: other questions, every family of invalid keys, and the angles of the acceptance curve."""
import json
import re
import sys

import data_files
import program

FIGURES = ("semantic", "masked", "calibrated", "reject")
PARTS = {"partial", "partial_gaussian"}  # of two sites
NAMES = {"gaussian", "orthogonal", "norm_matched", "permuted", "sign_flipped", "other_space", "zero", "constant@1"}
OFFSET = {"negated", "scaled@2", "zero_mean"}  # of coefficients that have an offset
ANGLES = {f"angle@{degrees}" for degrees in range(5, 91, 5)}


def asked(run, out, *flags):
    program.succeeds("eval", "--run", run, "--out", out, *flags, cwd=out.parent)
    return json.loads(out.read_text())


def check_condition(entry, keys, images_per_key, distinct):
    assert (entry["keys"], entry["images_per_key"], entry["distinct_images"]) == (keys, images_per_key, distinct)
    for figure in FIGURES:
        low, high = entry[figure]["wilson95"]
        assert 0 <= low <= entry[figure]["mean"] <= high <= 1, entry
        assert 0 <= entry[figure]["worst"] <= 1
        if keys == 1:
            assert entry[figure]["worst"] == entry[figure]["mean"]


def test_conditions(folder):
    run = program.train_linear(folder / "run", "--families", "gaussian,angle@20")
    metrics = json.loads((run / "metrics.json").read_text())
    check_condition(metrics["no_key"], 1, 16, 16)
    check_condition(metrics["valid_key"], 2, 8, 16)
    valid = metrics["valid_key"]
    assert valid["weak"] == (0.5 if valid["semantic"]["worst"] < 0.9 * valid["semantic"]["mean"] else 0), valid
    assert "weak" not in metrics["no_key"] and "weak" not in metrics["invalid_key"]["gaussian"]
    assert set(metrics["invalid_key"]) == {"gaussian", "angle@20"}
    for family in metrics["invalid_key"].values():
        check_condition(family, 2, 8, 16)
    assert "acceptance" not in metrics  # one angle is no curve


def test_the_table_is_aligned_and_explained(folder):
    run = program.train_linear(folder / "run", "--families", "gaussian,angle@22.5")
    printed = program.succeeds("eval", "--run", run, "--eval-images", 12, cwd=folder).stdout.decode()
    table, legend = printed.strip("\n").split("\n\n")[:2]
    names, columns, *rows, weak = table.splitlines()
    assert re.fullmatch(r"weak valid keys \(semantic below 0.9 of the mean\): [0-2] of 2", weak), weak
    ends = [match.end() for match in re.finditer("mean|worst|keys", columns)]
    for row in rows:
        cells = [match.end() for match in re.finditer(r"(?<= )(\d\.\d{4}|-|\d+(?= x))", row)]
        assert cells[:8] == ends[:8], (columns, row)
        assert len(cells) == 9 and cells[8] == ends[8], (columns, row)
    assert [row[:18].strip() for row in rows] == ["no key", "valid key", "gaussian", "angle@22.5"], rows
    assert [names.index(figure) + 6 for figure in FIGURES] == ends[:8:2], (names, columns)
    assert [line.split()[0] for line in legend.splitlines()[:4]] == list(FIGURES), legend
    assert all(len(line) <= 100 for line in legend.splitlines()), legend


def test_other_questions_go_to_another_file(folder):
    run = program.train_linear(folder / "run")
    before = program.state(run)
    metrics = asked(run, folder / "other.json", "--eval-keys", 3, "--eval-images", 4, "--test-limit", 12, "--families",
                    "orthogonal,angle@22.5")
    check_condition(metrics["no_key"], 1, 12, 12)
    check_condition(metrics["valid_key"], 3, 4, 12)
    assert set(metrics["invalid_key"]) == {"orthogonal", "angle@22.5"} and "absorption" not in metrics
    for family in metrics["invalid_key"].values():
        check_condition(family, 3, 4, 12)
    assert program.state(run) == before
    # The same question, asked of the files with one thread, has the same answer.
    asked(run, folder / "same.json", "--threads", 1)
    assert (folder / "same.json").read_bytes() == (run / "metrics.json").read_bytes()


def test_only_the_runs_own_question_is_answered_in_its_metrics(folder):
    """Another one has a file named after it; each is written as often as it is asked."""
    run = program.train_linear(folder / "run")
    before = program.contents(run)
    for flags, name in ((["--families", "zero,angle@20"], "metrics-families-zero-angle@20.json"),
                        (["--test-limit", 12], "metrics-test-limit-12.json"),
                        (["--eval-keys", 3, "--eval-images", 4], "metrics-eval-keys-3-eval-images-4.json")):
        for _ in range(2):
            result = program.succeeds("eval", "--run", run, *flags, cwd=folder)
            assert f"wrote {run}/{name}\n" in result.stdout.decode()
        after = program.contents(run)
        assert {n: v for n, v in after.items() if n in before} == before and set(after) - set(before) == {name}
        (run / name).unlink()
    # A report shows the run's own figures, or those of a file that is named.
    program.succeeds("eval", "--run", run, "--families", "zero,permuted", cwd=folder)
    for flags, families in (([], ["gaussian"]), (["--metrics", run / "metrics-families-zero-permuted.json"], ["zero", "permuted"])):
        program.succeeds("report", run, "--out", folder / "page.html", *flags, cwd=folder)
        page = (folder / "page.html").read_text()
        assert [name for name in ("gaussian", "zero", "permuted") if f">{name}</text>" in page] == families, flags
    program.refused("report", run, "--out", folder / "none.html", "--metrics", folder / "none.json", cwd=folder, names=["none.json"])
    (run / "metrics-families-zero-permuted.json").unlink()
    many = ",".join(f"angle@{degrees}" for degrees in range(1, 60))
    program.refused("eval", "--run", run, "--families", many, cwd=folder, names=["flag.142", "--out"])
    # The same question as flags, or none: the run's own file.
    (run / "metrics.json").unlink()
    program.succeeds("eval", "--run", run, "--families", "gaussian", "--test-limit", 16, cwd=folder)
    assert program.contents(run) == before


def test_all_families(folder):
    for name, flags, families in (
            ("sound", [], NAMES | OFFSET | ANGLES),
            ("own bases", ["--sites", "0,1", "--per-site-key", "--per-site-basis"],
             NAMES | OFFSET | ANGLES | PARTS | {"other_site"}),
            ("shared basis", ["--sites", "0,1", "--per-site-key"], NAMES | OFFSET | ANGLES | PARTS),
            ("no offset", ["--regime", "reference", "--coefficients", "gaussian"], NAMES | ANGLES),
            ("one coefficient", ["--subspace-dim", 1], (NAMES | OFFSET | ANGLES) - {"zero_mean"}),
            ("whole space", ["--regime", "reference", "--subspace-dim", 20], (NAMES | OFFSET) - {"orthogonal"})):
        run = program.train_linear(folder / name, *flags)
        metrics = asked(run, folder / "all.json", "--families", "all")
        assert set(metrics["invalid_key"]) == families, (name, families ^ set(metrics["invalid_key"]))
        for family in metrics["invalid_key"].values():
            check_condition(family, 2, 8, 16)
        alone = json.loads((run / "metrics.json").read_text())["invalid_key"]
        assert metrics["invalid_key"]["gaussian"] == alone["gaussian"]
        check_curve(metrics, curve=name != "whole space")


def check_curve(metrics, curve):
    assert ("acceptance" in metrics) == curve
    if not curve:
        return
    acceptance = metrics["acceptance"]
    assert acceptance["angle"] == list(range(0, 91, 5)) and set(acceptance) == {"angle", *FIGURES}
    for figure in FIGURES:
        keys = [metrics["valid_key"], *(metrics["invalid_key"][f"angle@{a:g}"] for a in acceptance["angle"][1:])]
        assert acceptance[figure] == [key[figure]["mean"] for key in keys]


def test_families_of_the_training_run(folder):
    """A run that asks for all evaluates all; so does eval of it, byte for byte."""
    data_files.write_idx(folder / "root" / "mnist")
    run = folder / "run"
    program.train_tiny(run, "--data", "mnist", "--data-root", folder / "root", "--families", "all", "--per-site-key",
                       "--per-site-basis")
    assert json.loads((run / "config.json").read_text())["families"] == "all"
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics["invalid_key"]) == NAMES | OFFSET | ANGLES | PARTS | {"other_site"}
    program.evaluated_again(run, "--data-root", folder / "root")


def test_absorption(folder):
    """1 - (valid - invalid) / (valid - 1/C), and null where valid keys do no better than chance."""
    seen = set()
    for seed in range(40):
        metrics = json.loads((program.train_linear(folder / str(seed), "--seed", seed) / "metrics.json").read_text())
        valid, invalid = (key["semantic"]["mean"] for key in (metrics["valid_key"], metrics["invalid_key"]["gaussian"]))
        if valid > 0.2:
            assert abs(metrics["absorption"] - (1 - (valid - invalid) / (valid - 0.2))) < 1e-12, metrics
        else:
            assert metrics["absorption"] is None, metrics
        seen.add(valid > 0.2)
        if len(seen) == 2:
            return
    assert False, f"all of these networks are above chance: {seen}"


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
