"""eval on a run folder with something missing or wrong: status 2, one line that names the file, nothing changed."""
import json
import shutil
import sys

import data_files
import program

CONFIG = [
    # an entry of config.json, a value that cannot be, and what the line has to hold
    ("batch", 0, ["--batch", "from 2"]),
    ("batch", -8, ["--batch", "from 2"]),
    ("batch", 2.5, ["--batch", "2.5"]),
    ("batch", "8", ["batch", "wrong type"]),
    ("sites", [0, 9], ["--sites", "9"]),
    ("sites", [], ["--sites", "at least one"]),
    ("sites", [0, 1], ["weights.safetensors", "sites=0,2", "sites=0,1"]),
    ("sites", [0, 4], ["--sites", "4", "small_cnn"]),
    ("sites", None, ["sites", "wrong type"]),
    ("inject", "sub", ["--inject", "sub"]),
    ("inject", "none", ["--deny", "none"]),
    ("regime", "strict", ["--regime", "strict"]),
    ("deny", "D", ["--deny", "D"]),
    ("deny", "none", ["weights.safetensors", "fc.weight", "(10, 1568)", "(11, 1568)"]),
    ("deny", "B_aux", ["weights.safetensors", "fc"]),
    ("model", "vgg", ["--model", "vgg"]),
    ("model", "small_resnet", ["weights.safetensors", "conv1.weight", "(32, 1, 3, 3)"]),
    ("model", "resnet18", ["weights.safetensors", "conv1.weight", "(64, 1, 3, 3)"]),
    ("model", "mlp", ["--data", "mnist"]),
    ("optimizer", "lion", ["--optimizer", "lion"]),
    ("milestones", ["half"], ["milestones", "wrong type"]),
    ("milestones", [-1], ["--milestones", "from 0"]),
    ("offset", "0.5", ["offset", "wrong type"]),
    ("spread", 0, ["--spread", "from 1e-09"]),
    ("gap", -1, ["--gap", "from 0"]),
    ("per-site-key", 1, ["per-site-key", "wrong type"]),
    ("per-site-basis", True, ["--per-site-basis", "--per-site-key"]),
    ("subspace-dim", 785, ["--subspace-dim", "785", "site 0"]),
    ("invalid", "angle@", ["flag.116", "angle@"]),
    ("invalid-mixture", "zero:-1", ["key.121", "-1"]),
    ("families", "gaussian;zero", ["key.104", "gaussian;zero"]),
    ("families", ["gaussian"], ["families", "wrong type"]),
    ("families", "other_site", ["key.118", "other_site"]),
    ("gamma", None, ["gamma", "wrong type"]),
    ("eval-keys", 0, ["--eval-keys", "from 1"]),
    ("eval-images", -1, ["--eval-images", "from 1"]),
    ("seed", -1, ["--seed", "from 0"]),
    ("nonfinite", "hope", ["--nonfinite", "hope"]),
    ("nonfinite", None, ["nonfinite", "wrong type"]),
    ("test-limit", -1, ["--test-limit", "from 0"]),
    ("invalid", "wrong", ["key.104", "wrong"]),
    ("data", "cifar-10", ["--data", "cifar-10", "cifar10"]),
    ("data", "linear", ["--data", "linear", "small_cnn"]),
    ("data", "cifar10", ["data.111", "found mnist/", "data_batch_1.bin"]),
    ("data", "fashion-mnist", ["data.141", "found mnist/", "fashion-mnist/"]),
]


def broken(folder, run, names):
    before = program.state(run) if run.exists() else {}
    program.refused("eval", "--run", run, "--data-root", folder / "root", cwd=folder, names=names)
    assert (program.state(run) if run.exists() else {}) == before


def test_broken_runs(folder):
    broken(folder, folder / "nowhere", ["nowhere/config.json"])
    run = folder / "run"
    data_files.write_idx(folder / "root" / "mnist")
    program.train_tiny(run, "--data", "mnist", "--data-root", folder / "root", "--sites", "0,2")
    good = program.contents(run)

    def restore():
        shutil.rmtree(run)
        run.mkdir()
        for name, data in good.items():
            (run / name).write_bytes(data)

    for name in ("config.json", "weights.safetensors", "key_space.safetensors"):
        (run / name).unlink()
        broken(folder, run, [name])
        (run / name).mkdir()
        broken(folder, run, [name])
        restore()
        for length in (0, 7, 500, len(good[name]) - 1):
            if name == "config.json" and length == len(good[name]) - 1:
                continue  # only the last line's end is gone
            (run / name).write_bytes(good[name][:length])
            broken(folder, run, [name])
        if name != "config.json":
            (run / name).write_bytes(good[name] + b"\0")
            broken(folder, run, [name])
        restore()

    (run / "weights.safetensors").write_bytes(good["key_space.safetensors"])
    broken(folder, run, ["weights.safetensors"])
    restore()
    (run / "key_space.safetensors").write_bytes(good["weights.safetensors"])
    broken(folder, run, ["key_space.safetensors"])
    # A basis for a site that the model does not have, and one for another site than the run's.
    for number in (b"9", b"1"):
        (run / "key_space.safetensors").write_bytes(program.without_checksums(good["key_space.safetensors"])
            .replace(b'"basis.2"', b'"basis.' + number + b'"').replace(b'"0,2"', b'"0,' + number + b'"'))
        broken(folder, run, ["key_space.safetensors", "sites"])
    restore()

    config = json.loads(good["config.json"])
    for text in ("", "[]", "{", "null", '{"batch": 8}', "\x00"):
        (run / "config.json").write_text(text)
        broken(folder, run, ["config.json"])
    for name, value, names in CONFIG:
        (run / "config.json").write_text(json.dumps({**config, name: value}))
        broken(folder, run, names)
    for name in config:
        if name in ("spankey", "nonfinite"):  # what the program writes; what older versions did not have
            continue
        (run / "config.json").write_text(json.dumps({key: value for key, value in config.items() if key != name}))
        broken(folder, run, ["config.json", name])


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
