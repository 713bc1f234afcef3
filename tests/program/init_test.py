"""train --init: the weights, the keys and the data of another run; heads that differ by their refusal; resuming without it."""
import json
import shutil
import signal
import struct
import sys

import data_files
import interrupted
import program

STILL = ["--optimizer", "sgd", "--lr", 0, "--schedule", "constant"]  # what the weights begin with is what they end with


def tensors(run):
    return program.tensor_bytes(run / "weights.safetensors")


def trained(folder, name, *flags, status=0):
    result = program.start("train", *program.TINY, *flags, "--out", folder / name, cwd=folder)
    assert result.returncode == status and result.stderr == b"", result
    return folder / name, result.stdout.decode()


def test_a_run_goes_on_as_what_it_was(folder):
    """Model, data, weights and keys are the run's, without their flags; its own are in config.json."""
    first = program.train_linear(folder / "first", "--seed", 4, "--key-seed", 77)
    run, text = trained(folder, "run", "--init", first, *STILL)
    assert tensors(run) == tensors(first)
    keys = [(folder / name / "key_space.safetensors").read_bytes() for name in ("run", "first")]
    assert keys[0] == keys[1] and (run / "key_space.safetensors").stat().st_mode & 0o777 == 0o600
    assert "init: the weights of " in text and "init: the keys of " in text
    config = json.loads((run / "config.json").read_text())
    assert (config["model"], config["data"], config["init"]) == ("mlp", "linear", str(first))
    assert "init" not in json.loads((first / "config.json").read_text())
    # The same weights, keys and questions: the same answers, but for the seed of the test samples.
    same, _ = trained(folder, "same", "--init", first, *STILL, "--seed", 4)
    assert (same / "metrics.json").read_bytes() == (first / "metrics.json").read_bytes()
    moved, _ = trained(folder, "moved", "--init", first)
    assert tensors(moved) != tensors(first)
    # A file has weights and no more.
    bare, text = trained(folder, "bare", "--init", first / "weights.safetensors", "--data", "linear", *STILL)
    assert tensors(bare) == tensors(first) and "keys of" not in text
    assert (bare / "key_space.safetensors").read_bytes() != keys[0]


def test_new_keys_where_they_are_asked_for(folder):
    first = program.train_linear(folder / "first")
    for name, flags, said in (("seed", ["--key-seed", 5], ""), ("law", ["--spread", 0.1], "init: new keys"),
                              ("site", ["--sites", "1"], "init: new keys")):
        run, text = trained(folder, name, "--init", first, *flags, *STILL)
        assert (run / "key_space.safetensors").read_bytes() != (first / "key_space.safetensors").read_bytes()
        assert tensors(run) == tensors(first) and said in text


def test_heads(folder):
    """A network without a gate gets one: its classes stay, the reject class is new; and the way back."""
    plain = program.train_linear(folder / "plain", "--inject", "none")
    gated, text = trained(folder, "gated", "--init", plain, *STILL)
    assert "init: fc3.weight: (5, 32) in the file, (6, 32) here" in text, text
    was, now = tensors(plain), tensors(gated)
    for name in was:
        rows = now[name][:len(was[name])] if name.startswith("fc3") else now[name]
        assert rows == was[name], name
    assert any(now["fc3.weight"][len(was["fc3.weight"]):])
    beside, text = trained(folder, "beside", "--init", plain, "--deny", "B_aux", *STILL)
    assert "fc_aux.weight is not in the file" in text and tensors(beside)["fc3.weight"] == was["fc3.weight"]
    back, text = trained(folder, "back", "--init", beside, "--inject", "none", *STILL)
    assert tensors(back) == was and "left out: fc_aux.bias, fc_aux.weight" in text
    cut, _ = trained(folder, "cut", "--init", gated, "--inject", "none", *STILL)
    assert tensors(cut) == was


def test_resuming_needs_nothing_of_it(folder):
    """Stopped anywhere, what --init named being gone: the bytes of a run that was not stopped."""
    first = program.train_linear(folder / "first", "--seed", 9)
    expected = interrupted.whole_run(folder / "whole", "--init", first)
    kept = folder / "kept"
    shutil.copytree(first, kept)
    for number, lines in enumerate((1, 60)):
        run = folder / f"run {number}"
        status, _ = interrupted.stopped_after(run, lines, signal.SIGTERM, "--checkpoint-seconds", "1e9",
                                              begin=["--init", first])
        assert status == 143
        shutil.rmtree(first)
        program.succeeds("train", "--resume", run, "--threads", 1, cwd=folder)
        interrupted.check_same(interrupted.outcome(run), expected)
        shutil.copytree(kept, first)


def test_pixels_of_the_first_run(folder):
    """An imported network's constants go on with it."""
    data_files.write_idx(folder / "root" / "mnist")
    root = ["--data", "mnist", "--data-root", folder / "root"]
    first, _ = trained(folder, "first", *root, "--mean", 0, "--deviation", 1)
    for name, flags, mean in (("same", root[2:], [0.0]), ("own", [*root, "--mean", 0.5, "--deviation", 0.5], [0.5])):
        run, _ = trained(folder, name, "--init", first, *flags)
        assert json.loads((run / "config.json").read_text())["mean"] == mean
        program.succeeds("convert", "--run", run, "--out", folder / "image", cwd=folder)
        assert struct.unpack_from("<f", (folder / "image").read_bytes(), 72) == tuple(mean)


def test_refusals(folder):
    """One line before anything is written."""
    data_files.write_idx(folder / "root" / "mnist")
    first = program.train_linear(folder / "first")
    unfinished = folder / "unfinished"
    shutil.copytree(first, unfinished)
    (unfinished / "checkpoint-000000000001.safetensors").write_bytes(b"")
    (folder / "net.pt").write_bytes(b"PK\x03\x04 an archive")
    before = program.state(folder)
    for flags, names in ((["--init", folder / "nowhere", "--data", "linear"], ["nowhere"]),
                         (["--init", folder / "net.pt", "--data", "linear"], ["net.pt", "pt_to_safetensors.py"]),
                         (["--init", folder / "root"], ["config.json"]),
                         (["--init", unfinished], ["flag.145", "not finished"]),
                         (["--init", first, "--model", "small_cnn", "--data", "mnist", "--sites", "1", "--data-root",
                           folder / "root"], ["weights.110", "conv1.weight", "fc1.weight"]),
                         (["--resume", first, "--init", first], ["flag.125", "--init"])):
        out = [] if "--resume" in flags else ["--out", folder / "new"]
        tiny = [] if "--resume" in flags else program.TINY
        program.refused("train", *tiny, *flags, *out, cwd=folder, names=names)
    assert program.state(folder) == before


def test_rows_of_a_sweep(folder):
    """An experiment's rows may begin with a run's weights."""
    first = program.train_linear(folder / "first")
    flags = {"init": str(first), "epochs": 1, "train-limit": 24, "test-limit": 16, "batch": 8, "eval-keys": 2, "eval-images": 8,
             "optimizer": "sgd", "lr": 0, "schedule": "constant"}
    (folder / "what.json").write_text(json.dumps({"name": "on", "seeds": [1], "flags": flags, "rows": [{"name": "a"}]}))
    program.succeeds("sweep", "what.json", "--out", folder / "out", cwd=folder)
    assert tensors(folder / "out" / "cells" / "a-seed1") == tensors(first)


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
