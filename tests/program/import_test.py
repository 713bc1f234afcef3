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
    parameters, states = models.parameter_shapes(models.NETWORKS[model], models.CLASSES[model], deny)
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
    # Weights do not say what they were trained on; the network's input does.
    program.refused("import", "--out", folder / "none", "--model", "small_cnn", "--weights", folder / "weights",
                    "--data", "cifar10", cwd=folder, names=["weights.110", "conv1.weight", "(16, 1, 3, 3)", "(16, 3, 3, 3)"])
    assert not (folder / "none").exists()


def test_names_and_types_of_others(folder):
    """Wrappers, other types and counters: the run is that of the plain file, and what was done is said."""
    def narrowed(tensors):
        return {n: ("BF16", s, b"".join(v[i + 2:i + 4] for i in range(0, len(v), 4))) for n, (_, s, v) in tensors.items()}

    def widened(tensors):
        return {n: ("F32", s, b"".join(b"\0\0" + v[i:i + 2] for i in range(0, len(v), 2)))
                for n, (_, s, v) in narrowed(tensors).items()}

    def doubled(tensors):
        return {n: ("F64", s, struct.pack(f"<{len(v) // 4}d", *struct.unpack(f"<{len(v) // 4}f", v)))
                for n, (_, s, v) in tensors.items()}

    def counted(tensors):
        return {**{f"_orig_mod.module.{n}": v for n, v in tensors.items()}, "n_averaged": ("I64", (), bytes(8)),
                "net.bn1.num_batches_tracked": ("I64", (), bytes(8)), "epoch": ("I32", (1,), bytes(4))}

    for number, (change, plain, said) in enumerate((
            (narrowed, widened, "BF16 widened to F32"),
            (doubled, lambda t: t, "F64 rounded to F32"),
            (lambda t: {f"module.{n}": v for n, v in t.items()}, lambda t: t, ""),
            (lambda t: {f"backbone.net.{n}": v for n, v in t.items()}, lambda t: t, '"backbone.net."'),
            (lambda t: {n.replace("fc.", "linear."): v for n, v in t.items()}, lambda t: t, "linear.weight"),
            (counted, lambda t: t, "left out: epoch, n_averaged, net.bn1.num_batches_tracked"))):
        write_weights(folder / "given", "small_cnn", change=change)
        write_weights(folder / "plain", "small_cnn", change=plain)
        result = program.succeeds("import", "--model", "small_cnn", "--weights", folder / "given", "--out",
                                  folder / f"given {number}", cwd=folder)
        assert said in result.stdout.decode(), result.stdout
        run = imported(folder, f"plain {number}", "--model", "small_cnn", "--weights", folder / "plain")
        assert program.contents(run) == program.contents(folder / f"given {number}"), number


def test_pixels(folder):
    """Mean and deviation are the data set's or those given: in config.json, in the image, in its header."""
    write_weights(folder / "weights", "small_cnn")
    data_files.write_idx(folder / "root" / "mnist")
    for name, flags, mean, deviation in (("usual", [], 0.1307, 0.3081),
                                         ("own", ["--mean", "0", "--deviation", "1"], 0, 1),
                                         ("other", ["--data", "fashion-mnist"], 0.2860, 0.3530)):
        run = imported(folder, name, "--model", "small_cnn", "--weights", "weights", *flags)
        config = json.loads((run / "config.json").read_text())
        assert (config.get("mean"), config.get("deviation")) == (([0.0], [1.0]) if name == "own" else (None, None))
        program.succeeds("convert", "--run", run, "--out", folder / "image", "--header", folder / "net.h", cwd=folder)
        image = (folder / "image").read_bytes()
        assert struct.unpack_from("<I", image, 68) == (1,)
        assert image[72:76] == struct.pack("<f", mean) and image[88:92] == struct.pack("<f", deviation)
        assert f"mean {mean:g}, deviation {deviation:g}" in (folder / "net.h").read_text()
    # What a run normalises with decides what it answers.
    images = folder / "root" / "mnist" / "t10k-images-idx3-ubyte"
    usual, own = (program.succeeds("predict", "--run", folder / name, "--json", images, cwd=folder).stdout
                  for name in ("usual", "own"))
    assert usual.count(b"\n") == own.count(b"\n") == 32 and usual != own
    for flags in (["--mean", "0.5"], ["--deviation", "0.5"], ["--mean", "0.5,0.5", "--deviation", "0.5,0.5"]):
        program.refused("import", "--model", "small_cnn", "--weights", "weights", "--out", folder / "none", *flags,
                        cwd=folder, names=["flag.140", "1 channel"])
    write_weights(folder / "features", "mlp")
    program.refused("import", "--model", "mlp", "--weights", "features", "--out", folder / "none", "--mean", "0",
                    "--deviation", "1", cwd=folder, names=["flag.140", "features"])
    for flags in (["--mean", "nan", "--deviation", "1"], ["--mean", "0", "--deviation", "0"],
                  ["--mean", "0", "--deviation", "inf"]):
        program.refused("import", "--model", "small_cnn", "--weights", "weights", "--out", folder / "none", *flags,
                        cwd=folder, names=["flag."])


def test_with_keys(folder):
    trained = program.train_linear(folder / "trained", "--sites", "2,0", "--per-site-key", "--gamma", 1.25)
    run = imported(folder, "run", "--model", "mlp", "--weights", trained / "weights.safetensors", "--inject", "mul",
                   "--gamma", 1.25, "--key-space", trained / "key_space.safetensors")
    assert (run / "key_space.safetensors").read_bytes() == (trained / "key_space.safetensors").read_bytes()
    assert (run / "key_space.safetensors").stat().st_mode & 0o777 == 0o600
    for source in (trained, run):
        program.succeeds("convert", "--run", source, "--out", folder / f"{source.name}.image", "--key-out",
                         folder / f"{source.name}.key", "--key-bound", 0, cwd=folder)
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
                          (lambda t: {**t, "fc2.bias": ("I16", (32,), t["fc2.bias"][2][:64])}, ["fc2.bias", "I16"]),
                          (lambda t: {**t, "fc2.bias": ("F64", (32,), struct.pack("<32d", *[1e300] * 32))},
                           ["weights.111", "fc2.bias", "1e+300"]),
                          # All of it at once.
                          (lambda t: {f"{n}s": v for n, v in t.items()},
                           ["6 missing", "6 left over", *(f"{n}.{k}" for n in ("fc1", "fc2", "fc3")
                                                          for k in ("weight (", "bias (", "weights F32", "biass F32"))]),
                          (lambda t: {f"{p}.{n}": v for n, v in t.items() for p in ("model", "ema")},
                           ["weights.112", "model.", "ema."])):
        write_weights(folder / "bad", "mlp", change=change)
        refused(["bad", *names], weights=folder / "bad")
    (folder / "bad").write_bytes(good.read_bytes()[:-1])
    refused(["bad"], weights=folder / "bad")
    for begin, what in ((b"PK\x03\x04 a .pt file is a zip archive", ".pt"), (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P", ".pt"),
                        (b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00", ".pt"), (b"\x89HDF\r\n\x1a\n", ".h5")):
        (folder / "bad").write_bytes(begin)
        refused(["bad", "safetensors.113", what, "pt_to_safetensors.py" if what == ".pt" else "Keras"],
                weights=folder / "bad")
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
    import forward

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
        network = models.NETWORKS[model]
        parameters, states = models.parameter_shapes(network, models.CLASSES[model], "B" if keyed else "none")
        state = {n: torch.randn(s) * (2 / max(1, torch.tensor(s[1:]).prod().item())) ** 0.5 if len(s) > 1
                 else torch.rand(s) * 0.5 + 0.5 for n, s in {**parameters, **states}.items()}
        saved = wrap({**state, **{n.replace("running_mean", "num_batches_tracked"): torch.tensor(7)
                                  for n in states if n.endswith("running_mean")}})
        torch.save(saved, place / "net.pt")
        script(place, "net.pt", "net.safetensors")
        flags = ["--inject", "mul", "--gamma", 2, "--deny", "B", "--key-space", gated / "key_space.safetensors"]
        run = imported(place, "run", "--model", model, "--weights", "net.safetensors", *(flags if keyed else []))
        program.succeeds("convert", "--run", run, "--out", place / "image",
                         *(["--key-out", place / "key", "--key-bound", 0] if keyed else []), cwd=place)

        x = torch.randn(1, *network.input)
        (place / "input").write_bytes(x.permute(0, 2, 3, 1).contiguous().numpy().tobytes())
        keys = {}
        if keyed:
            numbers = (place / "key").read_bytes()[48 + 16 * len(network.sites):-8]  # docs/inference.md
            left = torch.frombuffer(bytearray(numbers), dtype=torch.float32)
            for site, shape in enumerate(network.sites):
                count = torch.tensor(shape).prod().item()
                keys[site], left = left[:count].reshape(1, *shape), left[count:]
            assert len(left) == 0
        def inject(site, h):
            return h * (1 + 2 * keys[site].double().tanh()).clamp(0.1, 2) if keyed else h

        wanted = {n: t.double() for n, t in state.items()}
        expected, _ = forward.forward(network, wanted, wanted, x.double(), inject, False)
        if session_program.COMPILER is None:
            continue
        gate = "spankey::gate<spankey::multiplicative, spankey::at<0, 1, 2>>" if keyed else "spankey::ungated"
        text = session_program.FROM_FILES.format(
            network=f"spankey::{model}<{11 if keyed else 10}, {gate}, spankey::backend::reference, float>")
        got, = session_program.logits(session_program.build(place, text), place / "image", place / "input",
                                      *([place / "key"] if keyed else []))
        want = expected[0]
        error = (torch.tensor(got, dtype=torch.float64) - want).norm() / want.norm()
        assert len(got) == len(want) and error < 1e-4, (model, keyed, float(error))


def test_script(folder):
    if not TORCH:
        print("        no torch: not tested")
        return
    import torch

    class Command:
        def __reduce__(self):
            return os.mkdir, (str(folder / "ran"),)

    weights = {"conv.weight": torch.ones(2), "conv.bias": torch.ones(1)}
    averaged = {"n_averaged": torch.tensor(3), **{f"module.{n}": v for n, v in weights.items()}}
    for name, saved in (("net", {"net": {f"module.{n}": v for n, v in weights.items()}, "acc": 95.0, "epoch": 3}),
                        ("averaged", averaged), ("prefix", {"state_dict": {f"net.{n}": v for n, v in weights.items()}}),
                        ("other", {"my_weights": weights, "epoch": 1}),
                        ("nested", {"state_dict": {"model": weights}, "optimizer": {"state": {}}}),
                        ("parameters", {n: torch.nn.Parameter(v) for n, v in weights.items()}),
                        ("strided", {"conv.weight": torch.ones(4)[::2], "conv.bias": torch.ones(1).bfloat16()})):
        torch.save(saved, folder / name)
        script(folder, name, f"{name}.safetensors")
        assert program.safetensors_header(folder / f"{name}.safetensors")[0] == {
            "conv.weight": ("F32", (2,)), "conv.bias": ("F32", (1,))}, name
        assert set(program.tensor_bytes(folder / f"{name}.safetensors").values()) == {
            struct.pack("<ff", 1, 1), struct.pack("<f", 1)}, name
    torch.save(weights, folder / "old", _use_new_zipfile_serialization=False)
    script(folder, "old", "old.safetensors")
    assert set(program.safetensors_header(folder / "old.safetensors")[0]) == set(weights)
    torch.save({"a": torch.tensor([1e300], dtype=torch.float64)}, folder / "large")
    assert "float32 cannot hold" in script(folder, "large", "out", status=1)
    torch.save({"a": weights, "b": weights}, folder / "two")
    line = script(folder, "two", "out", status=1)
    assert "'a', 'b'" in line and not (folder / "out").exists(), line
    torch.save(torch.nn.Linear(2, 1), folder / "model")
    assert "--allow-pickle" in script(folder, "model", "out", status=1) and not (folder / "out").exists()
    script(folder, "model", "whole.safetensors", "--allow-pickle")
    assert set(program.safetensors_header(folder / "whole.safetensors")[0]) == {"weight", "bias"}
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
