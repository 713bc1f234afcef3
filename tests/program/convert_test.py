"""convert: weight images, C++ headers and keys of finished runs; what it compares, and what it refuses."""
import json
import math
import pathlib
import re
import shutil
import struct
import sys

import data_files
import program
import session_program

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
import safetensors_io

BYTES = {"fp32": 4, "bf16": 2, "int8": 1}


def tensors_of(file):
    tensors, _ = safetensors_io.read(file)
    return {name: (shape, struct.unpack(f"<{len(data) // 4}f", data)) for name, (_, shape, data) in tensors.items()}


def key_of(file):
    data = file.read_bytes()
    return struct.unpack(f"<{len(data) // 4}f", data)


def mlp_logits(weights, x, gamma, key):
    """The forward pass of docs/method.md under a multiplicative key, {site: its elements}."""
    def inject(site, h):
        return [v * min(max(1 + gamma * math.tanh(k), 0.1), 2.0) for v, k in zip(h, key[site])] if site in key else h

    def linear(name, h):
        (rows, columns), w = weights[name + ".weight"]
        bias = weights[name + ".bias"][1]
        return [bias[o] + sum(w[o * columns + i] * h[i] for i in range(columns)) for o in range(rows)]

    h = inject(0, x)
    h = [max(v, 0) for v in inject(1, linear("fc1", h))]
    h = [max(v, 0) for v in inject(2, linear("fc2", h))]
    return linear("fc3", h)


def distance(got, want):
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(got, want)) / sum(b * b for b in want))


def convert(run, *flags):
    return program.succeeds("convert", "--run", run, *flags, cwd=run.parent).stdout.decode()


def table_of(text):
    """{who: [share, ...]} of the printed comparison."""
    rows = re.findall(r"^((?:library|session) \w+) +([\d. ]+)$", text, re.MULTILINE)
    return {who: [float(share) for share in shares.split()] for who, shares in rows}


def test_embedded(folder):
    """A program of the headers answers as the formulas do: no key, then the key; every type of weights."""
    if session_program.COMPILER is None:
        print("        no compiler: not tested")
        return
    run = program.train_linear(folder / "run", "--sites", "2,0", "--per-site-key", "--per-site-basis", "--gamma", 1.5)
    weights = tensors_of(run / "weights.safetensors")
    convert(run, "--key-out", folder / "key")
    numbers = key_of(folder / "key")
    assert len(numbers) == 20 + 32
    x = [(i % 7) * 0.25 - 0.5 for i in range(20)]
    open_, keyed = (mlp_logits(weights, x, 1.5, key) for key in ({}, {0: numbers[:20], 2: numbers[20:]}))
    assert distance(keyed, open_) > 0.2  # else the key proves nothing
    for name, tolerance in (("fp32", 1e-5), ("bf16", 0.02), ("int8", 0.04)):
        place = folder / name
        place.mkdir()
        convert(run, "--weights", name, "--header", place / "weights.hpp", "--key-header", place / "key.hpp", "--name",
                "net")
        found = session_program.logits(session_program.embedded(place))
        for got, want in zip(found, (open_, keyed)):
            assert len(got) == len(want) and distance(got, want) < tolerance, (name, got, want)


def test_files(folder):
    run = program.train_linear(folder / "run", "--subspace-dim", 1, "--key-std", 0.7, "--key-seed", 99)
    before = program.state(run)
    printed = convert(run, "--out", folder / "image", "--header", folder / "image.hpp", "--key-out", folder / "key",
                      "--key-header", folder / "key.hpp")
    assert program.state(run) == before
    assert {p.name for p in folder.iterdir()} == {"run", "image", "image.hpp", "key", "key.hpp"}
    assert [(folder / n).stat().st_mode & 0o777 for n in ("image", "image.hpp", "key", "key.hpp")] == [
        0o644, 0o644, 0o600, 0o600]
    image = (folder / "image").read_bytes()
    assert f"fp32: {len(image)} bytes" in printed and image.startswith(b"SPANKEY1mlp\0")

    header = (folder / "image.hpp").read_text()
    for text in ("mlp", "deny mode sealed", "multiplicative key", "sites 0", "weights fp32", "no key",
                 f"alignas(16) inline constexpr unsigned char weights[{len(image)}]"):
        assert text in header, text
    array = header.split("= {\n")[1].split("}")[0]
    assert bytes(int(n) for n in array.split(",") if n.strip()) == image

    # One dimension: the key is the basis, rescaled to the standard deviation.
    key = key_of(folder / "key")
    basis = tensors_of(run / "key_space.safetensors")["basis.0"][1]
    ratio = key[0] / basis[0]
    assert len(key) == 20 and all(abs(k - ratio * b) < 1e-5 for k, b in zip(key, basis))
    mean = sum(key) / 20
    assert abs(math.sqrt(sum((k - mean) ** 2 for k in key) / 19) - 0.7) < 1e-4
    array = (folder / "key.hpp").read_text().split("{  //")[1].split("\n", 1)[1].split("}")[0]
    assert tuple(float.fromhex(n.strip().rstrip("F")) for n in array.split(",") if n.strip()) == key
    assert "SECRET" in (folder / "key.hpp").read_text().splitlines()[0]


def test_no_key_in_an_image(folder):
    run = program.train_linear(folder / "run", "--sites", "0,1", "--key-seed", 99)
    for weights in BYTES:
        convert(run, "--weights", weights, "--out", folder / weights, "--key-out", folder / "key")
        image = (folder / weights).read_bytes()
        secrets = [(folder / "key").read_bytes()] + [bytes(t[2]) for t in
                                                     safetensors_io.read(run / "key_space.safetensors")[0].values()]
        for secret in secrets:
            for at in range(0, len(secret) - 8, 4):
                assert secret[at:at + 8] not in image, (weights, at)
    # It does not even look at the key space.
    (run / "key_space.safetensors").unlink()
    for weights in BYTES:
        convert(run, "--weights", weights, "--out", folder / "again")
        assert (folder / "again").read_bytes() == (folder / weights).read_bytes()


def test_keys_by_number(folder):
    run = program.train_linear(folder / "run", "--sites", "0,2")
    keys = []
    for flags in ([], ["--key-index", 0], ["--key-index", 1], ["--key-index", 2 ** 32 - 1]):
        convert(run, "--key-out", folder / "key", *flags)
        keys.append((folder / "key").read_bytes())
    assert keys[0] == keys[1] and len(set(keys)) == 3


def test_sizes(folder):
    run = program.train_linear(folder / "run")
    printed = convert(run, "--weights", "fp32,bf16,int8", "--evaluate")
    count = sum(math.prod(shape) for name, (shape, _) in tensors_of(run / "weights.safetensors").items()
                if name.endswith("weight"))
    for name, size in BYTES.items():
        found = int(re.search(rf"^{name}: (\d+) bytes$", printed, re.MULTILINE)[1])
        assert count * size < found < count * size + 2048, (name, found)
    assert program.contents(folder) == {f"run/{n}": data for n, data in program.contents(run).items()}


def check_rows(run, types, columns, *flags):
    rows = table_of(convert(run, "--evaluate", "--weights", ",".join(types), *flags))
    precision = json.loads((run / "config.json").read_text())["precision"]
    assert list(rows) == [f"library {precision}"] + [f"session {t}" for t in types], rows
    assert all(len(shares) == columns and all(0 <= s <= 1 for s in shares) for shares in rows.values()), rows
    return rows


def test_evaluation_is_that_of_the_library(folder):
    data_files.write_idx(folder / "root" / "mnist")
    run, root = folder / "run", ["--data-root", folder / "root"]
    program.train_tiny(run, "--data", "mnist", *root, epochs="3", train_limit="48", test_limit="0")
    rows = check_rows(run, ["fp32", "bf16", "int8"], 6, *root)
    assert rows["session fp32"] == rows["library fp32"], rows
    assert rows == check_rows(run, ["fp32", "bf16", "int8"], 6, *root, "--threads", 1)
    # No key and the first Gaussian key are conditions that eval knows.
    program.succeeds("eval", "--run", run, *root, "--eval-keys", 1, "--eval-images", 32, "--out",
                     folder / "metrics.json", cwd=folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    expected = [condition[figure]["mean"] for condition in (metrics["no_key"], metrics["invalid_key"]["gaussian"])
                for figure in ("semantic", "reject")]
    found = rows["library fp32"]
    assert all(abs(a - b) < 1e-4 for a, b in zip(found[:2] + found[4:], expected)), (found, expected)
    assert "12 test samples" in convert(run, *root, "--evaluate", "--test-limit", 12)


def test_every_head_and_injector(folder):
    # Half trained networks answer and refuse by turns.
    for name, flags, columns in (("none", ["--inject", "none"], 2), ("plain", ["--deny", "A"], 6),
                                 ("logit", ["--deny", "B_aux"], 6), ("add", ["--inject", "add", "--sites", "0,1,2"], 6),
                                 ("bf16", ["--precision", "bf16"], 6)):
        run = program.train_linear(folder / name, *flags)
        rows = check_rows(run, ["fp32"], columns)
        if name != "bf16":
            assert rows["session fp32"] == rows["library fp32"], (name, rows)
        convert(run, "--header", folder / "header.hpp")
        network = re.search("using network = (.*);", (folder / "header.hpp").read_text())[1]
        expected = {"none": "spankey::mlp<5, spankey::ungated,",
                    "logit": "spankey::mlp<spankey::head_outputs(5, spankey::aux_logit::reject)",
                    "plain": "spankey::mlp<5, spankey::gate<spankey::multiplicative, spankey::at<0>>",
                    "add": "spankey::mlp<6, spankey::gate<spankey::additive, spankey::at<0, 1, 2>>",
                    "bf16": "spankey::mlp<6, "}[name]
        assert expected in network, network


def test_refusals(folder):
    run = program.train_linear(folder / "run")
    free = program.train_linear(folder / "free", "--inject", "none")
    out = folder / "out"
    out.mkdir()
    before = program.state(folder)

    def refused(names, *flags, of=run):
        program.refused("convert", "--run", of, *flags, cwd=folder, names=names)
        assert program.state(folder) == before, flags

    image = out / "image"
    refused(["flag.117", "--out"])
    refused(["flag.118", "2 types"], "--weights", "fp32,int8", "--out", image)
    refused(["flag.118", "2 types"], "--weights", "fp32,int8", "--header", image)
    refused(["flag.118", "twice"], "--weights", "int8,int8", "--evaluate")
    for flag in ("--out", "--header", "--key-out", "--key-header"):
        refused(["flag.119", flag, "nowhere"], "--out" if flag != "--out" else "--header", image, flag,
                folder / "nowhere" / "file")
        refused(["flag.119", flag, "folder"], "--out" if flag != "--out" else "--header", image, flag, out)
        for name in ("config.json", "weights.safetensors", "key_space.safetensors", "metrics.json", "log.jsonl"):
            refused(["flag.119", flag, name], flag, out / ".." / "run" / name)
    refused(["flag.119", "--key-out", "--out already"], "--out", image, "--key-out", image)
    refused(["flag.120", "--key-out"], "--key-out", image, of=free)
    refused(["flag.120", "--key-header"], "--out", image, "--key-header", out / "key.hpp", of=free)
    for name in ("", "2net", "net-2", "net key", "a\nb", "_net"):
        refused(["--name", "letter"], "--header", image, "--name", name)
    for index in ("-1", "4294967296", "one"):
        refused(["--key-index"], "--key-out", image, f"--key-index={index}")
    refused(["--weights", "fp16"], "--weights", "fp16", "--out", image)
    refused(["nowhere/config.json"], "--out", image, of=folder / "nowhere")
    program.refused("convert", "--out", image, cwd=folder, names=["flag.100", "--run"])

    # Nothing of a request is written where a part of it cannot be had.
    (run / "key_space.safetensors").rename(folder / "kept")
    before = program.state(folder)
    refused(["key_space.safetensors"], "--out", image, "--key-out", out / "key")
    refused(["key_space.safetensors"], "--out", image, "--evaluate")
    (folder / "kept").rename(run / "key_space.safetensors")
    shutil.copy(run / "weights.safetensors", run / "checkpoint.safetensors")
    before = program.state(folder)
    refused(["flag.121", "not finished"], "--out", image)
    (run / "checkpoint.safetensors").unlink()
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "data": "glyphs"}))
    before = program.state(folder)
    refused(["flag.115", "glyphs"], "--out", image, "--evaluate")
    (run / "config.json").write_text(json.dumps({**config, "model": "small_cnn", "data": "mnist"}))
    before = program.state(folder)
    refused(["weights.safetensors"], "--out", image)
    (run / "weights.safetensors").write_bytes(b"\0" * 64)
    (run / "config.json").write_text(json.dumps(config))
    before = program.state(folder)
    refused(["weights.safetensors"], "--out", image)


def test_help_warns(folder):
    text = program.succeeds("convert", "--help", cwd=folder).stdout.decode()
    assert "secret into source" in re.sub(r"\s+", " ", text)


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
