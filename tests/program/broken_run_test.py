"""eval on a run folder with something missing or wrong: status 2, one line that names the file, nothing changed."""
import json
import shutil
import sys

import program

CONFIG = [
    # an entry of config.json, a value that cannot be, and what the line has to hold
    ("batch", 0, ["--batch", "from 2"]),
    ("batch", -8, ["--batch", "from 2"]),
    ("batch", 2.5, ["--batch", "2.5"]),
    ("batch", "8", ["batch", "wrong type"]),
    ("sites", [0, 9], ["--sites", "9"]),
    ("sites", [], ["--sites", "at least one"]),
    ("sites", [0, 2, 3], ["key_space.safetensors", "sites"]),
    ("sites", None, ["sites", "wrong type"]),
    ("inject", "sub", ["--inject", "sub"]),
    ("inject", "none", ["--deny", "none"]),
    ("deny", "C", ["--deny", "C"]),
    ("deny", "none", ["weights.safetensors", "fc"]),
    ("model", "vgg", ["--model", "vgg"]),
    ("gamma", None, ["gamma", "wrong type"]),
    ("eval-keys", 0, ["--eval-keys", "from 1"]),
    ("eval-images", -1, ["--eval-images", "from 1"]),
    ("seed", -1, ["--seed", "from 0"]),
    ("test-limit", -1, ["--test-limit", "from 0"]),
    ("invalid", "zero", ["--invalid", "zero"]),
    ("data", "/nonexistent", ["/nonexistent/test_batch.bin"]),
]


def broken(folder, run, names):
    before = program.state(run) if run.exists() else {}
    program.refused("eval", "--run", run, cwd=folder, names=names)
    assert (program.state(run) if run.exists() else {}) == before


def test_broken_runs(folder):
    broken(folder, folder / "nowhere", ["nowhere/config.json"])
    run = folder / "run"
    program.train_tiny(run)
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
    # A basis for a site that the model does not have.
    (run / "key_space.safetensors").write_bytes(
        good["key_space.safetensors"].replace(b'"basis.4"', b'"basis.9"').replace(b'"0,2,3,4"', b'"0,2,3,9"'))
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
        if name == "spankey":
            continue
        (run / "config.json").write_text(json.dumps({key: value for key, value in config.items() if key != name}))
        broken(folder, run, ["config.json", name])


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
