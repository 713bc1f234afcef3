"""keygen, lock and unlock: a run that answers as by chance without its master key, and as before with it. Costs three minutes, most of it the attacks of the last two."""
import importlib.util
import json
import os
import pathlib
import stat
import subprocess
import sys

import program
import safetensors_io
from data_files import npy

GLYPHS = ["--data", "glyphs", "--model", "small_resnet", "--inject", "none", "--train-limit", "1500", "--epochs", "3",
          "--batch", "50", "--test-limit", "500"]


def accuracy(run):
    return json.loads((run / "metrics.json").read_text())["no_key"]["semantic"]["mean"]


def key(folder, name):
    program.succeeds("keygen", "--out", folder / name, cwd=folder)
    return folder / name


def relocked(command, folder, run, to, *flags):
    program.succeeds(command, "--run", run, "--out", folder / to, *flags, cwd=folder)
    program.succeeds("eval", "--run", folder / to, cwd=folder)
    return folder / to


def test_only_the_key_opens(folder):
    run = folder / "run"
    program.succeeds("train", *GLYPHS, "--out", run, cwd=folder)
    before = accuracy(run)
    assert before > 0.5, before
    own, other = key(folder, "own.key"), key(folder, "other.key")
    assert stat.S_IMODE(os.stat(own).st_mode) == 0o600 and own.read_bytes() != other.read_bytes()
    secret = own.read_bytes()[48:80]
    for name, flags in (("plain", []), ("whitened", ["--whiten", "--keep-norms"])):
        locked = relocked("lock", folder, run, name, "--key", own, *flags)
        assert accuracy(locked) < 0.3, accuracy(locked)
        assert abs(accuracy(relocked("unlock", folder, locked, name + "-open", "--key", own)) - before) < 0.005
        assert accuracy(relocked("unlock", folder, locked, name + "-wrong", "--key", other, "--any-key")) < 0.3
        # Wrong orders and wrong keys, which leave nothing behind.
        program.refused("unlock", "--run", locked, "--out", folder / "x", "--key", other, cwd=folder, names=["lock.102"])
        program.refused("lock", "--run", locked, "--out", folder / "x", "--key", own, cwd=folder, names=["flag.162"])
        program.refused("train", *GLYPHS, "--init", locked, "--out", folder / "x", cwd=folder, names=["weights.106"])
        # The key is nowhere in what is handed out.
        for file in locked.iterdir():
            assert secret not in file.read_bytes(), file
    # Locked anew under another key, from a lock of either kind, without ever being open in a file.
    for name, kind in (("whitened", "masked"), ("plain", "entangled")):
        again = relocked("lock", folder, folder / name, name + "-again", "--key", other, "--old-key", own, "--kind", kind)
        assert accuracy(again) < 0.3, accuracy(again)
        program.refused("unlock", "--run", again, "--out", folder / "x", "--key", own, cwd=folder, names=["lock.102"])
        assert abs(accuracy(relocked("unlock", folder, again, name + "-back", "--key", other)) - before) < 0.005
        program.refused("lock", "--run", again, "--out", folder / "x", "--key", own, "--old-key", own, cwd=folder,
                        names=["lock.102"])
    program.refused("lock", "--run", run, "--out", folder / "x", "--key", own, "--old-key", own, cwd=folder,
                    names=["flag.216"])
    program.refused("unlock", "--run", run, "--out", folder / "x", "--key", own, cwd=folder, names=["flag.164"])
    program.refused("lock", "--run", run, "--out", folder / "x", "--key", run / "config.json", cwd=folder,
                    names=["key_file.111"])
    program.refused("lock", "--run", run, "--out", folder / "x", "--key", own, "--layers", "conv1,nothing", cwd=folder,
                    names=["lock.104"])
    program.refused("keygen", "--out", own, cwd=folder, names=["io.117"])
    assert not (folder / "x").exists()


def test_a_lock_of_some_layers_and_a_damaged_one(folder):
    run = folder / "run"
    program.train_tiny(run, "--data", "glyphs", "--model", "small_cnn", "--inject", "none")
    own = key(folder, "own.key")
    program.succeeds("lock", "--run", run, "--out", folder / "one", "--key", own, "--layers", "conv2", cwd=folder)
    before, _ = safetensors_io.read(run / "weights.safetensors")
    after, about = safetensors_io.read(folder / "one" / "weights.safetensors")
    assert about["lock"] == "entangled 2"
    assert [name for name in before if bytes(before[name][2]) != bytes(after[name][2])] == ["conv2.weight"]
    # Whoever asks it is told, in one line beside the answer; an open run says nothing.
    samples = folder / "samples.npy"
    samples.write_bytes(npy("|u1", (1, 28, 28), bytes(28 * 28)))
    for command in (["predict", samples], ["convert", "--weights", "int8", "--out", folder / "net.image"]):
        program.succeeds(command[0], "--run", run, *command[1:], cwd=folder)
        told = program.start(command[0], "--run", folder / "one", *command[1:], cwd=folder)
        assert told.returncode == 0 and told.stderr.count(b"\n") == 1, told.stderr
        assert b"locked (entangled 2)" in told.stderr, told.stderr
    lock = folder / "one" / "lock.safetensors"
    whole = lock.read_bytes()
    for at in (len(whole) // 2, len(whole) - 1):
        lock.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        result = program.start("unlock", "--run", folder / "one", "--out", folder / "x", "--key", own, cwd=folder)
        assert result.returncode == 2 and result.stderr.count(b"\n") == 1, result.stderr
    lock.write_bytes(whole[:-1])
    result = program.start("unlock", "--run", folder / "one", "--out", folder / "x", "--key", own, cwd=folder)
    assert result.returncode == 2 and not (folder / "x").exists()


def test_a_lock_from_which_layers_were_cut(folder):
    run, own = folder / "run", key(folder, "own.key")
    program.train_tiny(run, "--data", "glyphs", "--model", "small_cnn", "--inject", "none")
    for kind in ("entangled", "masked"):
        locked = folder / kind
        program.succeeds("lock", "--run", run, "--out", locked, "--key", own, "--kind", kind, cwd=folder)
        sealed, about = safetensors_io.read(locked / "lock.safetensors")
        assert len(sealed) > 1
        del sealed[sorted(sealed)[0]]
        about = {name: text for name, text in about.items() if not name.startswith("crc32")}
        safetensors_io.write(locked / "lock.safetensors", sealed, about)
        program.refused("unlock", "--run", locked, "--out", folder / "x", "--key", own, cwd=folder, names=["lock.132"])
    assert not (folder / "x").exists()


def test_withheld_weights(folder):
    run = folder / "run"
    program.succeeds("train", *GLYPHS, "--out", run, cwd=folder)
    before, own, other = accuracy(run), key(folder, "own.key"), key(folder, "other.key")
    weights = program.tensor_bytes(run / "weights.safetensors")
    for name, flags in (("some", ["--share", "0.05", "--score-samples", "50"]), ("layer", ["--layers", "layer2"]),
                        ("all", [])):
        locked = relocked("lock", folder, run, name, "--key", own, "--kind", "masked", *flags)
        assert accuracy(locked) < before - 0.2, (name, accuracy(locked))
        opened = relocked("unlock", folder, locked, name + "-open", "--key", own)
        assert program.tensor_bytes(opened / "weights.safetensors") == weights, name
        program.refused("unlock", "--run", locked, "--out", folder / "x", "--key", other, cwd=folder, names=["lock.102"])
        program.refused("unlock", "--run", locked, "--out", folder / "x", "--key", other, "--any-key", cwd=folder,
                        names=["flag.169"])
    for flags in (["--kind", "masked", "--whiten"], ["--share", "0.5"]):
        program.refused("lock", "--run", run, "--out", folder / "x", "--key", own, *flags, cwd=folder, names=["flag.167"])
    assert not (folder / "x").exists()


def test_an_attack_wins_where_nothing_is_locked(folder):
    run = folder / "run"
    program.succeeds("train", *GLYPHS, "--out", run, cwd=folder)
    quick = ["--samples", "32", "--updates", "20", "--rates", "1e-4", "--out", folder / "relearn.json"]
    program.succeeds("relearn", "--run", run, "--open", run, *quick, cwd=folder)
    found = json.loads((folder / "relearn.json").read_text())
    assert found["closed"] == found["open"] and [row["what"] for row in found["rows"]] == ["maps", "everything"]
    assert all(row["gain"] > 0.95 for row in found["rows"]), found
    locked = relocked("lock", folder, run, "locked", "--key", key(folder, "own.key"))
    program.succeeds("relearn", "--run", locked, "--open", run, *quick, "--insert", "affine", cwd=folder)
    found = json.loads((folder / "relearn.json").read_text())
    assert found["closed"] < 0.3 and all(row["gain"] < 0.5 for row in found["rows"]), found


def test_attacks_without_labels_and_in_order(folder):
    run = folder / "run"
    program.succeeds("train", *GLYPHS, "--out", run, cwd=folder)
    own = key(folder, "own.key")
    one = relocked("lock", folder, run, "one", "--key", own, "--layers", "layer2.0.conv1")
    quick = ["--samples", "32", "--updates", "10", "--rates", "1e-3", "--unlabelled", "50", "--estimate-steps", "40"]
    out = folder / "relearn.json"

    def attacked(locked, *flags):
        program.succeeds("relearn", "--run", locked, "--open", run, *quick, *flags, "--out", out, cwd=folder)
        return json.loads(out.read_text())

    found = attacked(one, "--what", "spectral,moments,layerwise", "--recalibrate", "--train-norms", "--orthogonal",
                     "--augment")
    assert [row["what"] for row in found["rows"]] == ["spectral", "moments", "layerwise"], found
    assert all(len(row["errors"]) == 1 and row["unlabelled"] == 50 for row in found["rows"][:2]), found
    floor = found["rows"][2]["floor"]
    # Floors are found once; a map that begins where the norm's moments led is better than the lock as it is.
    again = attacked(one, "--what", "maps", "--augment", "--floors", out, "--start", "moments")
    assert again["rows"][0]["floor"] == floor and again["rows"][0]["accuracy"] >= again["closed"], again
    # A lock that is broken on purpose, by rotations near the identity: they are learnt from there. Made with NumPy, where it is.
    if importlib.util.find_spec("numpy"):
        weak = folder / "weak"
        maker = pathlib.Path(__file__).with_name("weak_lock.py")
        subprocess.run([sys.executable, maker, run, weak, "--kind", "angle", "--degrees", "10"], check=True)
        found = attacked(weak, "--what", "maps,everything")
        assert all(row["gain"] > 0.5 for row in found["rows"]), found
    masked = relocked("lock", folder, run, "masked", "--key", own, "--kind", "masked", "--layers", "fc")
    (folder / "none.json").write_text("[]")
    for locked, flags, name in ((one, ["--insert", "affine", "--what", "layerwise"], "flag.194"),
                                (masked, ["--what", "spectral"], "flag.193"),
                                (one, ["--layers", "conv1"], "flag.192"),
                                (one, ["--floors", out, "--updates", "11"], "flag.191"),
                                (one, ["--floors", folder / "none.json"], "flag.190")):
        program.refused("relearn", "--run", locked, "--open", run, *quick[:2], *flags, cwd=folder, names=[name])


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
