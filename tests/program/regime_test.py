"""The two regimes: what config.json holds where the flags say nothing, and what they leave alone."""
import json
import math
import sys

import data_files
import program

CENTRED_MIXTURE = "gaussian,orthogonal,norm_matched,angle@20,angle@45,permuted,sign_flipped,zero,constant"
MIXTURE = CENTRED_MIXTURE + ",negated"
REFERENCE = {"basis": "uniform", "coefficients": "unit_cube", "rescale": "pooled", "invalid": "gaussian",
             "invalid-mixture": "", "deny": "B", "deny-on": "wrong", "deny-weight": 0.1, "seal-weight": 1.0,
             "offset": 0.5, "spread": 0.5, "batch-statistics": "per_group"}
SOUND = {"basis": "uniform", "coefficients": "sphere", "rescale": "per_key", "invalid-mixture": MIXTURE,
         "deny": "sealed", "deny-on": "wrong+no", "deny-weight": 2.0, "seal-weight": 3.0, "offset": 0.5,
         "batch-statistics": "joint"}
SOUND_ON_MNIST = {"sites": [1, 2], "gamma": 2.0, "key-std": 1.0, "lr": 2e-3, "schedule": "cosine"}
REGIME_FLAGS = set(REFERENCE) | {"regime"}


def sound_spread(m):
    """A key is as far from the mean of all keys whatever m is: spread / (offset sqrt(m)) is 0.354, an angle of 19.5 degrees."""
    return math.sqrt(m / 32)


def config_of(folder, name, *flags):
    program.train_tiny(folder / name, *flags)
    return json.loads((folder / name / "config.json").read_text())


def holds(config, expected):
    assert {flag: config[flag] for flag in expected} == expected, config


def test_regimes_of_every_data_set(folder):
    data_files.write_idx(folder / "root" / "mnist")
    data_files.write_idx(folder / "root" / "fashion-mnist")
    for data in ("linear", "mnist", "fashion-mnist"):
        flags = ["--data", data, "--data-root", folder / "root"]
        reference = config_of(folder, data + " reference", *flags, "--regime", "reference")
        sound = config_of(folder, data + " sound", *flags, "--regime", "sound")
        holds(reference, REFERENCE)
        holds(sound, SOUND)
        assert math.isclose(sound["spread"], sound_spread(sound["subspace-dim"])), sound
        assert config_of(folder, data, *flags) == sound
        # The rest is the data set's, whatever the regime; MNIST's was studied.
        studied = SOUND_ON_MNIST if data == "mnist" else {}
        holds(sound, studied)
        assert {flag for flag in sound if sound[flag] != reference[flag]} <= REGIME_FLAGS | set(studied)


def test_given_flags_win(folder):
    given = {"rescale": "per_key", "deny": "C", "deny-on": "wrong+no", "invalid-mixture": "zero,permuted", "lr": 0.5,
             "epochs": 2, "model": "mlp", "gamma": 0.25, "offset": 0.25, "optimizer": "sgd", "subspace-dim": 3}
    flags = [text for flag, value in given.items() if flag != "epochs" for text in ("--" + flag, value)]
    for regime in ("reference", "sound"):
        holds(config_of(folder, regime, "--data", "linear", "--regime", regime, *flags), {**given, "epochs": 1})
    holds(config_of(folder, "equal", "--data", "linear", "--regime", "sound", "--deny", "B", "--deny-on", "wrong"),
          {"deny": "B", "deny-on": "wrong", "rescale": "per_key", "deny-weight": 0.1})  # a value like another regime's stays


def test_law_of_the_coefficients(folder):
    for coefficients, law in {"unit_cube": (0.5, 0.5), "gaussian": (0, 1), "sphere": (0, 1)}.items():
        config = config_of(folder, coefficients, "--data", "linear", "--coefficients", coefficients)
        assert (config["coefficients"], config["offset"], config["spread"]) == (coefficients, *law), config
        # What is negated without an offset is as good as valid: it cannot be in the mixture.
        assert config["invalid-mixture"] == (MIXTURE if law[0] else CENTRED_MIXTURE), config
    for m in (1, 2, 19):
        config = config_of(folder, f"m {m}", "--data", "linear", "--subspace-dim", m)
        assert config["coefficients"] == "sphere" and math.isclose(config["spread"], sound_spread(m)), config
    reference = config_of(folder, "reference sphere", "--data", "linear", "--regime", "reference", "--coefficients", "sphere")
    assert (reference["offset"], reference["spread"]) == (0, 1), reference
    for name, flags, mixture in (("centred", ["--offset", 0], CENTRED_MIXTURE),
                                 ("moved sphere", ["--coefficients", "sphere", "--offset", 0.25], MIXTURE)):
        holds(config_of(folder, name, "--data", "linear", *flags), {"invalid-mixture": mixture})


def test_without_keys_nothing_is_denied(folder):
    for regime in ("reference", "sound"):
        holds(config_of(folder, regime, "--data", "linear", "--regime", regime, "--inject", "none"), {"deny": "none"})
    program.refused("train", "--data", "linear", "--inject", "none", "--deny", "B", cwd=folder, names=["--deny", "B"])


def test_regime_is_in_the_run(folder):
    """eval of a run asks config.json, not the recipe of today."""
    program.train_tiny(folder / "run", "--data", "linear", "--regime", "reference", "--deny-on", "wrong+no")
    config = json.loads((folder / "run" / "config.json").read_text())
    assert config["regime"] == "reference"
    (folder / "run" / "config.json").write_text(json.dumps({**config, "regime": "sound"}))
    program.evaluated_again(folder / "run")


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
