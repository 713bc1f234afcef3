"""lock --kind syndrome: a trained run that answers to the keys of a key space alone, in eval and in sessions. Costs 30 s."""
import json
import re
import sys

import program
from data_files import npy

GLYPHS = ["--data", "glyphs", "--model", "small_resnet", "--inject", "none", "--train-limit", "1500", "--epochs", "3",
          "--batch", "50", "--test-limit", "500"]
FAMILIES = "gaussian,zero,orthogonal,angle@5"


def metrics(run, name="metrics.json"):
    return json.loads((run / name).read_text())


def mean(condition, figure="semantic"):
    return condition[figure]["mean"]


def guarded(folder, run, to, *flags):
    said = program.succeeds("lock", "--kind", "syndrome", "--run", run, "--out", folder / to, *flags, cwd=folder).stdout
    bits = re.search(rb"lets in an isotropic key with a probability of 2\^-([0-9.]+)\n", said)
    assert bits, said
    program.succeeds("eval", "--run", folder / to, "--families", FAMILIES, "--eval-keys", "3", "--eval-images", "100",
                     "--out", folder / (to + ".json"), cwd=folder)
    return json.loads((folder / (to + ".json")).read_text()), float(bits.group(1))


def test_a_run_without_keys(folder):
    run = folder / "run"
    program.succeeds("train", *GLYPHS, "--out", run, cwd=folder)
    before = mean(metrics(run)["no_key"])
    assert before > 0.5, before
    for name in ("own.key", "other.key"):
        program.succeeds("keygen", "--out", folder / name, cwd=folder)
    found, bits = guarded(folder, run, "gated", "--key", folder / "own.key")
    assert bits > 100, bits
    assert json.loads((folder / "gated" / "config.json").read_text())["inject"] == "syndrome"
    assert abs(mean(found["valid_key"]) - before) < 0.1, found["valid_key"]  # of fewer images
    for name, condition in (("none", found["no_key"]), *found["invalid_key"].items()):
        assert mean(condition, "masked") < 0.3, (name, condition)
    assert found["invalid_key"].keys() == set(FAMILIES.split(",")), found["invalid_key"].keys()
    # The keys follow from the master key; the weights are what they were.
    again, _ = guarded(folder, run, "again", "--key", folder / "own.key")
    assert again == found
    program.succeeds("lock", "--kind", "syndrome", "--run", run, "--key", folder / "other.key", "--out", folder / "other",
                     cwd=folder)
    space = [program.tensor_bytes(folder / name / "key_space.safetensors") for name in ("gated", "again", "other")]
    assert space[0] == space[1] != space[2]
    assert program.tensor_bytes(run / "weights.safetensors") == program.tensor_bytes(
        folder / "gated" / "weights.safetensors")
    # Sessions.
    said = program.succeeds("convert", "--run", folder / "gated", "--out", folder / "gated.image", "--key-out",
                            folder / "one.key", "--evaluate", "--test-limit", "200", cwd=folder).stdout.decode()
    rows = {who: [float(share) for share in shares.split()]
            for who, shares in re.findall(r"^((?:library|session) fp32) +([\d. ]+)$", said, re.MULTILINE)}
    library, session = rows["library fp32"], rows["session fp32"]
    assert session == [0, 1, library[2], 0, 0, 1], said  # semantic and refused: no key, a valid one, a Gaussian one
    assert library[2] > 0.5 and library[0] < 0.3 and library[4] < 0.3, said
    refused = [["train", *GLYPHS[:4], "--inject", "syndrome", "--out", folder / "x"],
               ["train", *GLYPHS[:4], "--syndrome-rows", "8", "--syndrome-limit", "0.1", "--out", folder / "x"],
               ["lock", "--kind", "syndrome", "--run", run, "--out", folder / "x"],
               ["lock", "--kind", "syndrome", "--run", folder / "gated", "--out", folder / "x"],
               ["lock", "--kind", "syndrome", "--run", run, "--key", folder / "own.key", "--rows", "800", "--out",
                folder / "x"],
               ["lock", "--run", run, "--out", folder / "x"],
               ["lock", "--run", run, "--key", folder / "own.key", "--rows", "16", "--out", folder / "x"]]
    for arguments, name in zip(refused, ("flag.181", "flag.180", "flag.182", "flag.184", "lock.112", "flag.182", "flag.167"),
                               strict=True):
        program.refused(*arguments, cwd=folder, names=[name])
    assert not (folder / "x").exists()


def test_a_run_with_keys_of_its_own(folder):
    run = folder / "run"
    program.train_tiny(run, "--data", "linear", train_limit=400, test_limit=200, epochs=4, eval_keys=5,
                       eval_images=100)
    before = metrics(run)
    found, bits = guarded(folder, run, "gated", "--rows", "8", "--limit", "1e-4")
    assert bits > 20, bits
    program.succeeds("eval", "--run", folder / "gated", cwd=folder)
    after = metrics(folder / "gated")
    assert after["valid_key"] == before["valid_key"]
    assert after["no_key"] != before["no_key"]
    assert found["invalid_key"]["gaussian"]["masked"]["mean"] < before["valid_key"]["masked"]["mean"], found
    program.succeeds("keygen", "--out", folder / "own.key", cwd=folder)
    program.refused("lock", "--kind", "syndrome", "--run", run, "--key", folder / "own.key", "--out", folder / "x",
                    cwd=folder, names=["flag.183"])


def test_a_session_asks_first(folder):
    run = folder / "run"
    program.train_tiny(run, "--data", "glyphs", "--model", "small_cnn", "--inject", "none")
    program.succeeds("keygen", "--out", folder / "own.key", cwd=folder)
    program.succeeds("lock", "--kind", "syndrome", "--run", run, "--key", folder / "own.key", "--out", folder / "gated",
                     cwd=folder)
    program.succeeds("convert", "--run", folder / "gated", "--key-out", folder / "one.key", "--key-bound", "0",
                     cwd=folder)
    image = folder / "image.npy"
    image.write_bytes(npy("|u1", (28, 28), bytes(range(256)) * 3 + bytes(16)))
    answered = program.succeeds("predict", "--run", folder / "gated", "--key", folder / "one.key", image, cwd=folder)
    open_run = program.succeeds("predict", "--run", run, image, cwd=folder)
    assert answered.stdout == open_run.stdout and b"answered" in answered.stdout, answered.stdout
    result = program.start("predict", "--run", folder / "gated", image, cwd=folder)
    assert result.returncode == 3 and result.stdout.startswith(b"- refused"), result
    # Another network's key is no key of this one, though it has the same weights.
    program.refused("predict", "--run", run, "--key", folder / "one.key", image, cwd=folder, names=["flag.120"])


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
