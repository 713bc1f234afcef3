"""Files of experiments with something wrong: one line that names the place, before a folder exists or anything runs."""
import json
import pathlib
import sys

import program
import sweep_folder
from sweep_folder import EXPERIMENT


def without(name):
    return {key: value for key, value in EXPERIMENT.items() if key != name}


def rows(*rows):
    return {**EXPERIMENT, "rows": list(rows)}


def flags(**given):
    """A first row that may be as it is, and a second with these flags."""
    return rows({"name": "good"},
                {"name": "bad one", "flags": {name.replace("_", "-"): value for name, value in given.items()}})


WRONG = [  # experiment, and what the line has to hold
    ("", ["experiment.101", "line 1, column 1", "not JSON"]),
    ("{\n  \"name\": \"x\",\n  \"seeds\" [3]\n}", ["experiment.101", "line 3, column 11", "expected ':'"]),
    ("[]", ["experiment.101"]),
    ("null", ["experiment.101"]),
    (json.dumps(EXPERIMENT) + "}", ["experiment.101"]),
    (without("name"), ["experiment.102", "'name'"]),
    (without("seeds"), ["experiment.102", "'seeds'"]),
    (rows({"flags": {}}), ["experiment.102", "row 1", "'name'"]),
    (rows({"nam": "x"}), ["experiment.102", "row 1", "'name'", "but 'nam'"]),
    ({**EXPERIMENT, "name": 5}, ["experiment.103", "'name'", "number", "string"]),
    ({**EXPERIMENT, "title": None}, ["experiment.103", "'title'", "null", "string"]),
    ({**EXPERIMENT, "source": []}, ["experiment.103", "'source'", "array"]),
    ({**EXPERIMENT, "seeds": 3}, ["experiment.103", "'seeds'", "array"]),
    ({**EXPERIMENT, "flags": []}, ["experiment.103", "'flags'", "object"]),
    ({**EXPERIMENT, "rows": {}}, ["experiment.103", "'rows'", "object", "array"]),
    (rows("m 4"), ["experiment.103", "row 1", "string", "object"]),
    (rows({"name": "good"}, {"name": None}), ["experiment.103", "row 2", "'name'", "null"]),
    (rows({"name": "x", "flags": "gamma"}), ["experiment.103", "row 1", "'flags'"]),
    (rows({"name": "x", "published": 0.5}), ["experiment.103", "row 1", "'published'"]),
    ({**EXPERIMENT, "grid": []}, ["experiment.103", "'grid'", "array"]),
    ({**EXPERIMENT, "grid": {"gamma": 0.5}}, ["experiment.104", "grid", "'gamma'", "list"]),
    ({**EXPERIMENT, "grid": {"lr": [0.5], "gamma": []}}, ["experiment.104", "'gamma'"]),
    (flags(seed=5), ["experiment.105", "'bad one'", "seed"]),
    ({**EXPERIMENT, "flags": {"seed": 1}}, ["experiment.105", "seed"]),
    ({**EXPERIMENT, "grid": {"seed": [1, 2]}}, ["experiment.105", "seed"]),
    ({**EXPERIMENT, "seeds": []}, ["experiment.106", "at least one"]),
    ({**EXPERIMENT, "seeds": [1, -1]}, ["experiment.106", "-1"]),
    ({**EXPERIMENT, "seeds": [1.5]}, ["experiment.106", "1.5"]),
    ({**EXPERIMENT, "seeds": ["1"]}, ["experiment.106", '"1"']),
    ({**EXPERIMENT, "rows": [], "grid": {}}, ["experiment.107", "rows", "grid"]),
    (without("rows") | {"grid": {}}, ["experiment.107"]),
    (rows({"name": ""}), ["experiment.108", "row 1", "letters"]),
    (rows({"name": "good"}, {"name": "--- ?"}), ["experiment.108", "row 2", "--- ?"]),
    (rows({"name": "two\nlines"}), ["experiment.108", "row 1", "two\\nlines", "one line"]),
    (rows({"name": "m 4"}, {"name": "M-4"}), ["experiment.109", "m-4-seed3"]),
    ({**EXPERIMENT, "seeds": [3, 8, 3]}, ["experiment.109", "strong-key-seed3"]),
    (rows({"name": "deny B, lr 0.01"}), ["experiment.109", "deny-b-lr-0.01-seed3"]),
    (rows({"name": "x", "published": {"valid_key": "0.99"}}), ["experiment.110", "row 1", "valid_key", "0 to 1"]),
    (rows({"name": "x", "published": {"valid_key": 99.2}}), ["experiment.110", "row 1", "99.2"]),
    (rows({"name": "x", "published": {"no_key": -0.1}}), ["experiment.110", "-0.1"]),
    (rows({"name": "x", "published": {"invalid": 0.1}}), ["experiment.110", "'invalid'", "invalid_key"]),
    (rows({"name": "x", "published": {"no_key": None}}), ["experiment.110", "no_key", "null"]),
    # More cells than anybody can mean, by a file of a few lines; names longer than a file's.
    ({**EXPERIMENT, "seeds": list(range(2000))}, ["experiment.113", "4096", "2000 seeds"]),
    ({**EXPERIMENT, "grid": {"gamma": list(range(1, 101)), "lr": list(range(1, 101))}},
     ["experiment.113", "4096", "'lr'"]),
    ({**EXPERIMENT, "grid": {"deny": ["B" * 201]}}, ["experiment.104", "'deny'", "200 characters"]),
    (json.dumps(EXPERIMENT)[:-1] + ', "seeds": [1]}', ["json.101", "seeds", "twice"]),
    ("[" * 40 + "]" * 40, ["json.102", "32 levels"]),
    # What the run itself would refuse, with the row that asks for it.
    (flags(sites=[0, 3]), ["experiment.111", "'bad one'", "flag.114", "--sites", "small_cnn"]),
    (flags(sites=[2, 2]), ["experiment.111", "'bad one'", "flag.102", "twice"]),
    (flags(subspace_dim=785, sites=[0]), ["experiment.111", "'bad one'", "flag.105", "785"]),
    (flags(inject="none", deny="B"), ["experiment.111", "'bad one'", "flag.103", "--deny"]),
    (flags(per_site_basis=True), ["experiment.111", "'bad one'", "flag.104"]),
    (flags(families="gaussian,other_site"), ["experiment.111", "'bad one'", "key.118"]),
    (flags(invalid_mixture="zero:0"), ["experiment.111", "'bad one'", "key.121"]),
    ({**EXPERIMENT, "grid": {"coefficients": ["unit_cube", "gaussian"], "families": ["negated"]}},
     ["experiment.111", "'coefficients gaussian, families negated'", "key.119", "negated"]),
    # A flag that no run has, or a value that no flag takes.
    (flags(colour="red"), ["config.108", "'bad one'", "'colour'"]),
    (flags(threads=2), ["config.108", "'bad one'", "'threads'"]),
    (flags(data_root="."), ["config.108", "'bad one'", "'data-root'"]),
    (flags(key_seed=1), ["config.108", "'bad one'", "'key-seed'"]),
    (flags(spankey="0.1.0"), ["config.108", "'bad one'", "'spankey'"]),
    (flags(data=5), ["config.103", "'bad one'", "'data'", "number"]),
    (flags(gamma="0.5"), ["config.103", "'bad one'", "'gamma'", "string"]),
    (flags(sites="0,2"), ["config.103", "'bad one'", "'sites'", "string"]),
    (flags(epochs=2.5), ["config.106", "'bad one'", "--epochs", "2.5"]),
    (flags(deny="D"), ["config.106", "'bad one'", "--deny", "D"]),
    (flags(data="imagenet"), ["config.106", "'bad one'", "--data", "imagenet"]),
    ({**EXPERIMENT, "grid": {"gamma": [0.5, -1.0]}}, ["config.106", "'gamma -1.0'", "--gamma"]),
    # Misspelled members would make another experiment than was meant.
    ({**EXPERIMENT, "seed": 1}, ["experiment.112", "'seed'", "did you mean seeds?"]),
    (without("seeds") | {"seed": [1]}, ["experiment.112", "'seed'", "did you mean seeds?"]),
    (flags(gama=1), ["config.108", "'bad one'", "'gama'", "did you mean gamma?"]),
    (flags(subspace_dm=4), ["config.108", "did you mean subspace-dim?"]),
    (flags(deny="b"), ["config.106", "did you mean B?"]),
    (rows({"name": "x", "published": {"valid": 0.5}}), ["experiment.110", "'valid'", "did you mean valid_key?"]),
    (rows({"name": "x", "flag": {"gamma": 4.0}}), ["experiment.112", "row 1", "'flag'", "did you mean flags?"]),
]


def test_wrong_experiments(folder):
    for experiment, names in WRONG:
        file = sweep_folder.written(folder, experiment)
        before = program.state(folder)
        try:
            program.refused(*sweep_folder.command(file, folder / "out"), cwd=folder, names=names)
        except AssertionError as problem:
            raise AssertionError(f"expected {names}: {problem}") from problem
        assert program.state(folder) == before, names


def test_shipped_experiments_are_sound(folder):
    (folder / "taken").write_bytes(b"")
    shipped = pathlib.Path(__file__).parents[2] / "examples" / "experiments"
    files = sorted(set(shipped.glob("*.json")) - set(shipped.glob("kotg_*.json")))  # those are of another command
    assert len(files) > 10, files
    for file in files:  # read and checked whole before the folder is looked at
        program.refused("sweep", file, "--out", folder, cwd=folder, names=["sweep.102"])


def test_every_error_of_experiments_is_provoked(_):
    ids = {name for _, names in WRONG for name in names if name.startswith("experiment.")}
    assert ids == {f"experiment.{number}" for number in range(101, 114)}


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
