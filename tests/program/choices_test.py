"""Deny losses, optimizers, precisions and key spaces: each choice trains, and trains something of its own."""
import json
import math
import sys

import data_files
import program

LINEAR = ["--data", "linear"]
CLASSES = 5
DENY = {  # mode: outputs of the head, and of the reject logit beside it; bounds of its first deny losses
    "none": (5, 0, 0, 0),
    "A": (5, 0, -math.log(CLASSES), 0),
    "A_soft": (5, 0, 0, (math.log(CLASSES) - 0.3) ** 2),
    "B": (6, 0, 0, 20),
    "B_aux": (5, 1, 0, 20),
    "C": (5, 0, 0, 20),
    "C_plus": (5, 0, 0, 40),
    "AC": (5, 0, 0, 20),
    "sealed": (6, 0, 0, 20),
}


def steps_of(run):
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if "step" in line]


def first_deny(folder, name, *flags):
    """The deny loss of the very first step: the same weights, samples and keys for every mode with this head."""
    program.train_tiny(folder / name, *LINEAR, *flags)
    return steps_of(folder / name)[0]["deny"]


def weights(run):
    return (run / "weights.safetensors").read_bytes()


def all_different(runs):
    assert len(set(map(weights, runs))) == len(runs), runs


def test_every_deny_mode(folder):
    for mode, (outputs, aux, low, high) in DENY.items():
        run = folder / mode
        program.train_tiny(run, *LINEAR, "--deny", mode)
        assert json.loads((run / "config.json").read_text())["deny"] == mode
        tensors, _ = program.safetensors_header(run / "weights.safetensors")
        assert tensors["fc3.bias"] == ("F32", (outputs,)), mode
        assert ("fc_aux.bias" in tensors) == (aux == 1), mode
        weight = 2 if mode == "sealed" else 0.1
        for step in steps_of(run):
            assert low <= step["deny"] <= high and math.isclose(step["loss"], step["ce"] + weight * step["deny"]), mode
        # A_soft has nothing to ask of a fresh network: its answers are as good as uniform.
        assert (steps_of(run)[0]["deny"] == 0) == (mode in ("none", "A_soft")), mode
        metrics = json.loads((run / "metrics.json").read_text())
        rejects = [metrics[key]["reject"]["mean"] for key in ("no_key", "valid_key")]
        assert mode in ("B", "B_aux", "sealed") or rejects == [0, 0], mode
        program.evaluated_again(run)
    # Where A_soft never had anything to ask, rounding decides; then it is training without a deny loss.
    asked = [folder / mode for mode in DENY if any(step["deny"] != 0 for step in steps_of(folder / mode))]
    assert len(asked) >= len(DENY) - 2
    all_different([folder / "none", *asked])


def test_published_deny_modes_on_images(folder):
    data_files.write_idx(folder / "root" / "mnist")
    runs = []
    for mode in ("A_soft", "B_aux", "C_plus"):
        for on in ("wrong", "wrong+no"):
            runs.append(folder / f"{mode} {on}")
            program.train_tiny(runs[-1], "--data", "mnist", "--data-root", folder / "root", "--regime", "reference",
                               "--deny", mode, "--deny-on", on)
    all_different(runs)


def test_numbers_of_the_deny_modes(folder):
    one, two = ([first_deny(folder, f"C {margin}", "--deny", "C", "--margin1", margin, "--margin2", 9)
                 for margin in (1, 3)])
    assert one < two <= one + 2 + 1e-6, (one, two)
    plus = [first_deny(folder, f"C_plus {margin}", "--deny", "C_plus", "--margin2", margin) for margin in (0, 0.5, 5)]
    assert one <= plus[0] < plus[1] < plus[2], (one, plus)
    soft = [first_deny(folder, f"A_soft {gap}", "--deny", "A_soft", "--gap", gap) for gap in (0, 0.001, 2)]
    assert soft[0] > soft[1] > soft[2] == 0, soft
    both = first_deny(folder, "AC", "--deny", "AC", "--gap", 0)
    assert math.isclose(both, 0.5 * soft[0] + 0.5 * one, rel_tol=1e-6), (both, soft, one)
    sealed = [first_deny(folder, f"sealed {weight}", "--deny", "sealed", "--seal-weight", weight)
              for weight in (0, 1, 2)]
    reject = first_deny(folder, "B", "--deny", "B")
    assert math.isclose(sealed[0], reject, rel_tol=1e-6), (sealed, reject)
    assert math.isclose(sealed[2] - sealed[1], sealed[1] - sealed[0], rel_tol=1e-5) and sealed[1] > sealed[0], sealed


def test_weight_and_warmup(folder):
    program.train_tiny(folder / "warm", *LINEAR, "--deny-weight", 2, "--deny-warmup", 4, epochs=5)
    for step in steps_of(folder / "warm"):
        weight = 2 * min(1, (step["epoch"] + 1) / 4)
        assert math.isclose(step["loss"], step["ce"] + weight * step["deny"], rel_tol=1e-9), step


def test_optimizers(folder):
    runs = {}
    for name, flags in {"sgd": ["--optimizer", "sgd"], "plain": ["--optimizer", "sgd", "--momentum", 0],
                        "adam": ["--optimizer", "adam"], "adam decay": ["--optimizer", "adam", "--weight-decay", 0.1],
                        "adamw decay": ["--optimizer", "adamw", "--weight-decay", 0.1]}.items():
        program.train_tiny(folder / name, *LINEAR, "--lr", 0.01, *flags)
        runs[name] = folder / name
        program.evaluated_again(folder / name)
    all_different(list(runs.values()))
    # Without decay nothing is left that could be decoupled; momentum is SGD's alone.
    program.train_tiny(folder / "adamw", *LINEAR, "--lr", 0.01, "--optimizer", "adamw")
    program.train_tiny(folder / "adam 0", *LINEAR, "--lr", 0.01, "--optimizer", "adam", "--momentum", 0)
    assert weights(folder / "adamw") == weights(runs["adam"]) == weights(folder / "adam 0")


def test_schedules(folder):
    rates = {}
    for schedule in ("constant", "step", "cosine", "linear", "one-cycle"):
        program.train_tiny(folder / schedule, *LINEAR, "--schedule", schedule, "--milestones", "0.5,3", epochs=4)
        rates[schedule] = [step["lr"] for step in steps_of(folder / schedule)[::3]]
    assert rates["constant"] == [1e-3] * 4
    assert all(math.isclose(a, b) for a, b in zip(rates["step"], [1e-3, 1e-3, 1e-4, 1e-5])), rates["step"]
    for falls in ("cosine", "linear"):
        assert rates[falls] == sorted(rates[falls], reverse=True) and rates[falls][0] > rates[falls][-1]
    assert rates["one-cycle"][0] < max(rates["one-cycle"]) > rates["one-cycle"][-1]


def test_milestones_in_short_runs(folder):
    expected = {1: [0.1], 2: [0.1, 0.01], 3: [0.1, 0.01, 0.001], 4: [0.1, 0.1, 0.01, 0.001]}
    for epochs, rates in expected.items():
        run = folder / str(epochs)
        program.train_tiny(run, *LINEAR, "--schedule", "step", "--lr", 0.1, epochs=epochs)
        found = [step["lr"] for step in steps_of(run)[::3]]
        assert len(found) == epochs and all(map(math.isclose, found, rates)), (epochs, found)


def test_skipped_steps(folder):
    # A step of this size leaves parameters whose products are no numbers: nothing is left to train with.
    flags = list(program.TINY)
    flags[flags.index("--epochs") + 1] = "3"
    result = program.start("train", *flags, *LINEAR, "--inject", "none", "--deny", "none", "--optimizer", "sgd",
                           "--momentum", 0, "--lr", 1e9, "--nonfinite", "skip_step", "--out", folder / "run", cwd=folder)
    assert result.returncode == 2 and result.stderr.startswith(b"[spankey.train.134] "), result
    assert b"  skipped 1\n" in result.stdout, result.stdout  # the line of the first epoch, which had two updates
    assert not (folder / "run" / "metrics.json").exists()
    lines = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["skipped"] for line in lines if "epoch_end" in line] == [1], lines


def test_bf16(folder):
    for name in ("fp32", "bf16"):
        program.train_tiny(folder / name, *LINEAR, "--precision", name)
        tensors, _ = program.safetensors_header(folder / name / "weights.safetensors")
        assert {dtype for dtype, _ in tensors.values()} == {"F32"}
        program.evaluated_again(folder / name)
    all_different([folder / "fp32", folder / "bf16"])
    exact, rounded = (steps_of(folder / name)[0]["loss"] for name in ("fp32", "bf16"))
    assert exact != rounded and math.isclose(exact, rounded, rel_tol=0.02), (exact, rounded)


def test_key_spaces(folder):
    runs = []
    for name, flags in {"reference": [], "add": ["--inject", "add"], "gamma": ["--gamma", 1],
                        "orthonormal": ["--basis", "orthonormal"], "gaussian": ["--coefficients", "gaussian"],
                        "sphere": ["--coefficients", "sphere"], "centred": ["--offset", 0], "wide": ["--spread", 2],
                        "per key": ["--rescale", "per_key"], "as drawn": ["--key-std", 0], "m 8": ["--subspace-dim", 8],
                        "two sites": ["--sites", "0,2"], "own keys": ["--sites", "0,2", "--per-site-key"],
                        "own bases": ["--sites", "0,2", "--per-site-key", "--per-site-basis"],
                        "angle": ["--invalid", "angle@20"], "wider angle": ["--invalid", "angle@45"],
                        "mixture": ["--invalid-mixture", "gaussian:2,angle@20"],
                        "weights": ["--invalid-mixture", "gaussian:1,angle@20"]}.items():
        runs.append(folder / name)
        program.train_tiny(runs[-1], *LINEAR, "--regime", "reference", *flags)
    all_different(runs)
    # The unit cube's law is an offset and a spread of one half.
    program.train_tiny(folder / "cube", *LINEAR, "--regime", "reference", "--offset", 0.5, "--spread", 0.5)
    assert weights(folder / "cube") == weights(folder / "reference")


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
