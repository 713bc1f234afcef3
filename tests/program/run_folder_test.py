"""A tiny run: which files it leaves, what is in them, what it prints."""
import json
import math
import os
import pty
import select
import stat
import subprocess
import sys
import zlib

import program

KEY_SEED = 6148914691236517205


def torchvision_resnet18(outputs):
    """state_dict of torchvision.models.resnet18 in its form for 32 x 32 images, without num_batches_tracked."""
    shapes = {"conv1.weight": (64, 3, 3, 3)}

    def norm(name, channels):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (channels,)

    norm("bn1", 64)
    inputs = 64
    for stage, channels in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            at = f"layer{stage}.{block}"
            shapes[f"{at}.conv1.weight"] = (channels, inputs, 3, 3)
            norm(f"{at}.bn1", channels)
            shapes[f"{at}.conv2.weight"] = (channels, channels, 3, 3)
            norm(f"{at}.bn2", channels)
            if inputs != channels:
                shapes[f"{at}.downsample.0.weight"] = (channels, inputs, 1, 1)
                norm(f"{at}.downsample.1", channels)
            inputs = channels
    shapes["fc.weight"] = (outputs, 512)
    shapes["fc.bias"] = (outputs,)
    return shapes


def weight_shapes(run):
    tensors, _ = program.safetensors_header(run / "weights.safetensors")
    assert {dtype for name, (dtype, _) in tensors.items() if not name.endswith("num_batches_tracked")} == {"F32"}
    return {name: shape for name, (_, shape) in tensors.items() if not name.endswith("num_batches_tracked")}


def check_log(lines):
    steps, epochs = lines[:-1], lines[-1:]
    assert len(steps) == 3
    for number, line in enumerate(steps):
        assert set(line) == {"epoch", "step", "loss", "ce", "deny", "lr", "accuracy", "gradient_norm",
                             "images_per_second"}, line
        assert (line["epoch"], line["step"]) == (0, number)
        assert all(math.isfinite(value) for value in line.values())
        assert math.isclose(line["loss"], line["ce"] + 0.1 * line["deny"], rel_tol=1e-9)
        assert line["gradient_norm"] > 0 and line["images_per_second"] > 0
    for line in epochs:
        assert {"epoch_end", "loss", "ce", "deny", "lr", "accuracy", "images_per_second"} <= set(line), line
        assert math.isclose(line["loss"], sum(step["loss"] for step in steps) / 3, rel_tol=1e-9)


def test_files_of_a_run(folder):
    run = folder / "run"
    result = program.train_tiny(run, "--regime", "reference", "--key-seed", KEY_SEED)
    assert {p.name for p in folder.iterdir()} == {"run"}
    assert {p.name for p in run.iterdir()} == program.FILES
    assert stat.S_IMODE(os.stat(run / "key_space.safetensors").st_mode) == 0o600

    config = json.loads((run / "config.json").read_text())
    for flag, value in {"spankey": "0.1.0", "regime": "reference", "data": "glyphs", "model": "resnet18",
                        "inject": "mul", "gamma": 2.0, "sites": [0, 2, 3, 4],
                        "subspace-dim": 32, "basis": "uniform", "coefficients": "unit_cube", "per-site-key": False,
                        "per-site-basis": False, "key-std": 1.0, "rescale": "pooled", "deny": "B",
                        "deny-weight": 0.1, "deny-on": "wrong", "deny-warmup": 0, "epochs": 1, "batch": 8, "lr": 0.1,
                        "batch-statistics": "per_group",
                        "offset": 0.5, "spread": 0.5, "invalid": "gaussian", "invalid-mixture": "", "gap": 0.3,
                        "margin1": 1.0, "margin2": 0.5, "seal-weight": 1.0, "optimizer": "sgd", "momentum": 0.9,
                        "weight-decay": 5e-4, "families": "gaussian",
                        "schedule": "step", "milestones": [0.5, 0.75], "precision": "fp32", "seed": 0,
                        "train-limit": 24, "test-limit": 16, "eval-keys": 2, "eval-images": 8,
                        "nonfinite": "stop"}.items():
        assert config[flag] == value and type(config[flag]) is type(value), (flag, config.get(flag))
        config.pop(flag)
    assert not config, config

    check_log([json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()])
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics) == {"no_key", "valid_key", "invalid_key", "absorption"}
    for condition in (metrics["no_key"], metrics["valid_key"], metrics["invalid_key"]["gaussian"]):
        assert condition["distinct_images"] == 16, condition

    # PyTorch's names and layouts; the secret is elsewhere.
    assert weight_shapes(run) == torchvision_resnet18(11)
    tensors, metadata = program.safetensors_header(run / "key_space.safetensors")
    assert tensors == {"basis.0": ("F32", (32, 3, 32, 32)), "basis.2": ("F32", (32, 128, 16, 16)),
                       "basis.3": ("F32", (32, 256, 8, 8)), "basis.4": ("F32", (32, 512, 4, 4))}
    assert metadata["seed"] == str(KEY_SEED)

    # The key seed is in the key file only.
    spellings = [str(KEY_SEED).encode(), b"%x" % KEY_SEED, KEY_SEED.to_bytes(8, "little")]
    shown = dict(program.contents(run), stdout=result.stdout)
    assert spellings[0] in shown.pop("key_space.safetensors")
    for name, data in shown.items():
        assert not any(spelling in data for spelling in spellings), name

    # Piped: plain lines, and the table at the end.
    assert b"\r" not in result.stdout and b"\x1b" not in result.stdout
    text = result.stdout.decode()
    assert sum(line.startswith("epoch 1/1  step ") for line in text.splitlines()) == 3
    for word in ("images/s", "loss", "deny", "accuracy", "left", "no key", "valid key", "gaussian"):
        assert word in text, word
    program.evaluated_again(run)


def test_ungated_run_has_no_key_file(folder):
    run = folder / "run"
    result = program.train_tiny(run, "--data", "linear", "--inject", "none", "--families", "all")
    assert {p.name for p in run.iterdir()} == program.FILES - {"key_space.safetensors"}
    assert b"key_space" not in result.stdout
    assert set(json.loads((run / "metrics.json").read_text())) == {"no_key"}
    assert weight_shapes(run) == {"fc1.weight": (64, 20), "fc1.bias": (64,), "fc2.weight": (32, 64), "fc2.bias": (32,),
                                  "fc3.weight": (5, 32), "fc3.bias": (5,)}
    program.evaluated_again(run)


def test_default_folder_is_new_every_time(folder):
    for _ in range(2):
        program.succeeds("train", *program.TINY, "--data", "linear", "--inject", "add", cwd=folder)
    runs = sorted(p.name for p in (folder / "runs").iterdir())
    assert runs == ["linear-add-sealed", "linear-add-sealed-2"], runs
    first, second = (program.contents(folder / "runs" / name) for name in runs)
    assert first["weights.safetensors"] == second["weights.safetensors"]


def test_an_unfinished_run_is_no_new_folder(folder):
    """train goes on in a folder of its own that was interrupted only with --resume; a sweep always does."""
    run = program.train_linear(folder / "run")
    (run / "metrics.json").unlink()
    before = program.state(run)
    program.refused("train", *program.TINY, "--data", "linear", "--out", run, cwd=folder, names=["flag.110", "--out"])
    assert program.state(run) == before


def test_nothing_is_left_to_go_on_from(folder):
    """The state of a run lies beside its weights while it lasts, and is gone with its end."""
    run = folder / "run"
    command = [program.PROGRAM, "train", *program.TINY, "--data", "linear", "--out", run]
    command[command.index("--epochs") + 1] = "100000"
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            program.wait_until(lambda: program.checkpoints_of(run), process)
        finally:
            process.kill()
    tensors, metadata = program.safetensors_header(program.checkpoints_of(run)[0])
    names = {f"fc{i}.{part}" for i in (1, 2, 3) for part in ("weight", "bias")}
    assert set(tensors) == {f"{kind}.{name}" for kind in ("param", "momentum", "second_moment") for name in names}
    assert 1 <= int(metadata["epoch"]) < 100000 and metadata["step"] == "0"
    assert json.loads(metadata["run.configuration"]) == json.loads((run / "config.json").read_text())
    assert metadata["spankey"] == "0.1.0" and metadata["run.kernels"]
    for checkpoint in program.checkpoints_of(run):  # zlib's CRC-32 of what any reader of the format sees
        tensors, metadata = program.safetensors_header(checkpoint)
        for name, data in program.tensor_bytes(checkpoint).items():
            assert metadata["crc32." + name] == f"{zlib.crc32(data):08x}", name


def test_progress_line_on_a_terminal(folder):
    try:
        master, terminal = pty.openpty()
    except OSError as problem:  # a container without /dev/pts
        print(f"SKIPPED the live progress line: {problem}")
        return
    command = [program.PROGRAM, "train", *program.TINY, "--data", "linear", "--out", folder / "run"]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=terminal,
                          stderr=subprocess.PIPE) as process:
        os.close(terminal)
        shown = b""
        while select.select([master], [], [], 300)[0]:
            try:
                part = os.read(master, 65536)
            except OSError:  # Linux's end of a pseudo-terminal
                break
            if not part:
                break
            shown += part
        assert process.wait(60) == 0, process.stderr.read()
    os.close(master)
    # One line, rewritten for each of the 3 steps and for the epoch, and ended once.
    assert shown.count(b"\r\x1b[K") == 4, shown
    line = shown[shown.index(b"\r\x1b[K"):shown.rindex(b"\r\x1b[K")]
    assert b"\n" not in line and line.count(b"step ") == 3, line


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
