"""import: weights of PyTorch as a run. Where PyTorch is there: .pt to safetensors to run to image, the same logits."""
import importlib.util
import json
import os
import pathlib
import struct
import subprocess
import sys

import data_files
import program
import session_program

HERE = pathlib.Path(__file__).resolve()
SCRIPT = HERE.parents[2] / "examples" / "import" / "pt_to_safetensors.py"
sys.path.insert(0, str(HERE.parents[1] / "conformance"))
import models
import safetensors_io

TORCH = importlib.util.find_spec("torch") is not None


def write_weights(file, model, deny="none", change=lambda tensors: tensors):
    """Drawn weights with PyTorch's names, and variances of 1."""
    tensors, next_number = {}, 1
    parameters, states = models.parameter_shapes(model, deny)
    for name, shape in {**parameters, **states}.items():
        count, values = 1, []
        for extent in shape:
            count *= extent
        for _ in range(count):
            next_number = next_number * 1103515245 + 12345 & 0x7FFFFFFF
            values.append(1.0 if name.endswith("running_var") else (next_number >> 16) / 32768 * 0.2 - 0.1)
        tensors[name] = ("F32", shape, struct.pack(f"<{count}f", *values))
    safetensors_io.write(file, change(tensors), {})


def imported(folder, name, *flags):
    run = folder / name
    program.succeeds("import", "--out", run, *flags, cwd=folder)
    return run


def test_a_run_like_any_other(folder):
    data_files.write_idx(folder / "root" / "mnist")
    root = ["--data-root", folder / "root"]
    write_weights(folder / "weights", "small_cnn")
    run = imported(folder, "run", "--model", "small_cnn", "--weights", folder / "weights")
    assert set(program.contents(run)) == {"config.json", "weights.safetensors"}
    config = json.loads((run / "config.json").read_text())
    assert (config["model"], config["data"], config["inject"], config["deny"]) == ("small_cnn", "mnist", "none", "none")
    given, _ = safetensors_io.read(folder / "weights")
    kept, _ = safetensors_io.read(run / "weights.safetensors")
    assert {n: (s, bytes(d)) for n, (_, s, d) in given.items()} == {n: (s, bytes(d)) for n, (_, s, d) in kept.items()}
    program.succeeds("eval", "--run", run, *root, cwd=folder)
    assert json.loads((run / "metrics.json").read_text())["no_key"]["distinct_images"] == 32
    program.succeeds("convert", "--run", run, "--out", folder / "image", "--evaluate", *root, cwd=folder)
    # Weights do not say what they were trained on.
    other = imported(folder, "other", "--model", "small_cnn", "--weights", folder / "weights", "--data", "glyphs")
    program.refused("convert", "--run", other, "--out", folder / "none", "--evaluate", cwd=folder,
                    names=["flag.122", "glyphs", "C=3", "C=1"])
    program.succeeds("convert", "--run", other, "--out", folder / "same", cwd=folder)
    assert (folder / "same").read_bytes() == (folder / "image").read_bytes() and not (folder / "none").exists()


def test_with_keys(folder):
    trained = program.train_linear(folder / "trained", "--sites", "2,0", "--per-site-key", "--gamma", 1.25)
    run = imported(folder, "run", "--model", "mlp", "--weights", trained / "weights.safetensors", "--inject", "mul",
                   "--gamma", 1.25, "--key-space", trained / "key_space.safetensors")
    assert (run / "key_space.safetensors").read_bytes() == (trained / "key_space.safetensors").read_bytes()
    assert (run / "key_space.safetensors").stat().st_mode & 0o777 == 0o600
    for source in (trained, run):
        program.succeeds("convert", "--run", source, "--out", folder / f"{source.name}.image", "--key-out",
                         folder / f"{source.name}.key", cwd=folder)
    for kind in ("image", "key"):
        assert (folder / f"run.{kind}").read_bytes() == (folder / f"trained.{kind}").read_bytes()


def test_refusals(folder):
    good, run = folder / "good", folder / "run"
    write_weights(good, "mlp")
    trained = program.train_linear(folder / "trained")

    def refused(names, *flags, weights=good, model="mlp", out=run):
        before = program.state(folder)
        program.refused("import", "--model", model, "--weights", weights, "--out", out, *flags, cwd=folder, names=names)
        assert program.state(folder) == before, flags

    for change, names in ((lambda t: {n: v for n, v in t.items() if n != "fc2.bias"}, ["fc2.bias"]),
                          (lambda t: {**t, "fc9.bias": t["fc2.bias"]}, ["fc9.bias"]),
                          (lambda t: {**t, "fc2.bias": ("F32", (8,), t["fc2.bias"][2][:32])}, ["fc2.bias", "(8)"]),
                          (lambda t: {**t, "fc2.bias": ("F16", (32,), t["fc2.bias"][2][:64])}, ["fc2.bias", "F16"]),
                          (lambda t: {f"module.{n}": v for n, v in t.items()}, ["fc1.weight"])):
        write_weights(folder / "bad", "mlp", change=change)
        refused(["bad", *names], weights=folder / "bad")
    (folder / "bad").write_bytes(good.read_bytes()[:-1])
    refused(["bad"], weights=folder / "bad")
    (folder / "bad").write_bytes(b"PK\x03\x04 a .pt file is a zip archive")
    refused(["bad"], weights=folder / "bad")
    refused(["nowhere"], weights=folder / "nowhere")
    keys = trained / "key_space.safetensors"
    refused(["flag.123", "--key-space", "mul"], "--inject", "mul")
    refused(["flag.123", "--key-space", "none"], "--key-space", keys)
    refused(["good"], "--inject", "mul", "--key-space", good)
    refused(["fc3.weight"], "--inject", "mul", "--key-space", keys)  # sealed: one more logit
    refused(["flag.103"], "--deny", "B")
    refused(["--deny", "best"], "--deny", "best")
    refused(["--model", "vgg"], model="vgg")
    refused(["flag.110"], out=trained)
    refused(["--data", "imagenet"], "--data", "imagenet")
    # Keys of another network.
    write_weights(folder / "cnn", "small_cnn", "B")
    refused(["train.112", "site 0"], "--inject", "mul", "--key-space", keys, weights=folder / "cnn", model="small_cnn")


def script(folder, *arguments, status=0):
    result = subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], cwd=folder, capture_output=True, text=True,
                            check=False)
    assert (result.returncode == 0) == (status == 0), (arguments, result)
    return result.stderr


def test_from_torch(folder):
    if not TORCH:
        print("        no torch: not tested")
        return
    import torch
    import generate_cases

    torch.manual_seed(3)
    data_files.write_idx(folder / "root" / "mnist")
    gated = folder / "gated"
    program.train_tiny(gated, "--data", "mnist", "--data-root", folder / "root", "--sites", "0,1,2", "--per-site-key")
    for model, wrap, keyed in (("resnet18",
                                lambda s: {"state_dict": {f"module.{n}": t for n, t in s.items()}, "epoch": 3}, False),
                               ("small_cnn", lambda s: {"model": s}, False),
                               ("small_cnn", lambda s: {n: t.double() for n, t in s.items()}, True)):
        place = folder / f"{model} {keyed}"
        place.mkdir()
        parameters, states = models.parameter_shapes(model, "B" if keyed else "none")
        state = {n: torch.randn(s) * (2 / max(1, torch.tensor(s[1:]).prod().item())) ** 0.5 if len(s) > 1
                 else torch.rand(s) * 0.5 + 0.5 for n, s in {**parameters, **states}.items()}
        saved = wrap({**state, **{n.replace("running_mean", "num_batches_tracked"): torch.tensor(7)
                                  for n in states if n.endswith("running_mean")}})
        torch.save(saved, place / "net.pt")
        script(place, "net.pt", "net.safetensors")
        flags = ["--inject", "mul", "--gamma", 2, "--deny", "B", "--key-space", gated / "key_space.safetensors"]
        run = imported(place, "run", "--model", model, "--weights", "net.safetensors", *(flags if keyed else []))
        program.succeeds("convert", "--run", run, "--out", place / "image",
                         *(["--key-out", place / "key"] if keyed else []), cwd=place)

        channels, height, width = models.SITES[model][0]
        x = torch.randn(1, channels, height, width)
        (place / "input").write_bytes(x.permute(0, 2, 3, 1).contiguous().numpy().tobytes())
        keys = {}
        if keyed:
            left = torch.frombuffer(bytearray((place / "key").read_bytes()), dtype=torch.float32)
            for site, shape in enumerate(models.SITES[model]):
                count = torch.tensor(shape).prod().item()
                keys[site], left = left[:count].reshape(1, *shape), left[count:]
            assert len(left) == 0
        def inject(site, h):
            return h * (1 + 2 * keys[site].double().tanh()).clamp(0.1, 2) if keyed else h

        wanted = {n: t.double() for n, t in state.items()}
        expected, _ = generate_cases.forward(
            model, wanted, wanted, x.double(), inject, False, lambda z: z.clamp(min=0), 1)
        if session_program.COMPILER is None:
            continue
        gate = "spankey::gate<spankey::multiplicative, spankey::at<0, 1, 2>>" if keyed else "spankey::ungated"
        text = session_program.FROM_FILES.format(
            network=f"spankey::{model}<{11 if keyed else 10}, {gate}, spankey::backend::reference, float>",
            sites="0, 1, 2" if keyed else "0")
        got, = session_program.logits(session_program.build(place, text), place / "image", place / "input",
                                      *([place / "key"] if keyed else []))
        want = expected[0]
        error = (torch.tensor(got, dtype=torch.float64) - want).norm() / want.norm()
        assert len(got) == len(want) and error < 1e-4, (model, keyed, float(error))


def test_script_refuses(folder):
    if not TORCH:
        print("        no torch: not tested")
        return
    import torch

    class Command:
        def __reduce__(self):
            return os.mkdir, (str(folder / "ran"),)

    for name, saved in (("hostile", {"state_dict": {"a": torch.zeros(2)}, "args": Command()}), ("empty", {}),
                        ("list", [torch.zeros(2)]), ("mixed", {"a": torch.zeros(2), "b": 3}),
                        ("whole", {"a": torch.zeros(2, dtype=torch.int32)})):
        torch.save(saved, folder / name)
        line = script(folder, name, "out", status=1)
        assert name in line and line.count("\n") == 1, line
        assert not (folder / "out").exists() and not (folder / "ran").exists()
    (folder / "text").write_text("no archive")
    assert "text" in script(folder, "text", "out", status=1)
    assert "code in this file runs" in script(folder, "hostile", "out", "--allow-pickle")
    assert (folder / "ran").exists() and (folder / "out").exists()


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
