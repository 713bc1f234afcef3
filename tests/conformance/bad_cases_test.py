"""A case that is wrong in one place: exit status 2, one line that names the place, no result file.

usage: bad_cases_test.py [PROGRAM]
Needs no PyTorch: cases are made from a good one, whose numbers do not matter here.
"""
import array
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import models
import safetensors_io

PROGRAM = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                       pathlib.Path(os.environ.get("SPANKEY_BIN", ".")) / "spankey_conformance").resolve()
GOOD = {"model": "mlp", "classes": "5", "inject": "mul", "gamma": "2.0", "sites": "0,2", "deny": "B",
        "deny_weight": "0.1", "deny_on": "wrong+no", "margin1": "1.0", "margin2": "0.5", "gap": "0.3", "lr": "0.1",
        "momentum": "0.9", "weight_decay": "0.0005", "nesterov": "1", "precision": "fp32"}
N, TOKENS = 3, 5
GPT = {**GOOD, "model": "gpt", "sites": "0,1", "heads": "2"}


def floats(shape, low=-1.0, high=1.0, rng=random.Random(7)):
    values = array.array("f", (rng.uniform(low, high) for _ in range(math.prod(shape))))
    return "F32", tuple(shape), values.tobytes()


def labels(*values):
    return "I64", (len(values),), struct.pack(f"<{len(values)}q", *values)


def tokens(*values):
    return "I64", (N, len(values) // N), struct.pack(f"<{len(values)}q", *values)


# Every word of the text form.
LAYERS = """input 3 9 7
site 0 token
conv2d conv1 6 kernel=5 stride=2 pad=none groups=3 bias
batch_norm2d bn1 relu epsilon=0.001 momentum=0.2 unscaled
residual block
layer_norm ln epsilon=1e-6 unscaled
gelu act1
dropout drop 0.5
conv2d conv2 6
site 1 channel
skip beside
conv2d conv3 6 kernel=1
join relu
max_pool2d pool kernel=2 stride=1 padding=1
mean_pool2d mean
linear fc1 12
gelu_tanh act2
silu act3
relu act4
site 2
head fc
"""


def good_tensors(metadata):
    network = models.network_of(metadata, TOKENS)
    sites = [int(s) for s in metadata["sites"].split(",") if metadata["inject"] != "none"]
    parameters, states = models.parameter_shapes(network, int(metadata["classes"]), metadata["deny"])
    tensors = {f"param.{name}": floats(shape) for name, shape in parameters.items()}
    tensors.update({f"buffer.{name}": floats(shape, 0.5, 1.0) for name, shape in states.items()})
    tensors["x"] = floats((N, *models.file_shape(network.input)))
    tensors["y"] = labels(*range(N))
    if network.of_tokens:
        tensors["x"], tensors["y"] = tokens(271, 0, *range(13)), tokens(257, -1, *range(13))
    for site in sites:
        shape = network.key_shape(site)
        tensors[f"key.valid.{site}"] = floats((N, *shape))
        tensors[f"key.invalid.{site}"] = floats((1, *shape))
    return tensors


# ---------------------------------------------------------------- ways to be wrong: each gives (culprit, file bytes)

def with_metadata(tensors, key, value):
    metadata = dict(GOOD)
    if value is None:
        del metadata[key]
    else:
        metadata[key] = value
    return f'"{key}"', safetensors_io.encode(tensors, metadata)


def with_tensor(tensors, name, tensor, metadata=None):
    changed = {n: t for n, t in tensors.items() if n != name or tensor is not None}
    if tensor is not None:
        changed[name] = tensor
    return f'"{name}"', safetensors_io.encode(changed, metadata or GOOD)


def with_element(tensors, name, value, metadata=None):
    dtype, shape, content = tensors[name]
    return with_tensor(tensors, name, (dtype, shape, content[:-4] + struct.pack("<f", value)), metadata)


def bad_metadata():
    for key in sorted(GOOD.keys() - {"margin1", "margin2", "gap"}):
        yield key, None
    yield from [("model", "transformer"), ("model", "mlp\nresnet18"), ("model", ""),
                ("classes", "10"), ("classes", "6"), ("classes", "five"), ("inject", "xor"),
                ("gamma", "two"), ("gamma", "nan"), ("gamma", "inf"), ("gamma", ""), ("gamma", "1e400"),
                ("gamma", "2,0"), ("gamma", " 2"), ("gamma", "1e39"),
                ("sites", ""), ("sites", "0,"), ("sites", ",0"), ("sites", "0;2"), ("sites", "0,0"), ("sites", "0,3"),
                ("sites", "-1"), ("sites", "0, 2"), ("sites", "99999999999999999999"), ("sites", "a"),
                ("deny", "D"), ("deny", "a"), ("deny", "B-aux"), ("deny", ""),
                ("deny_weight", "much"), ("deny_weight", "nan"), ("deny_on", "right"),
                ("batch_statistics", "own"),
                ("margin1", "x"), ("margin2", "nan"), ("gap", "inf"),
                ("lr", "fast"), ("lr", "-0.1"), ("lr", "inf"), ("momentum", "-1"), ("momentum", "0"),
                ("momentum", "1.0.0"), ("weight_decay", "-1e-4"),
                ("nesterov", "true"), ("nesterov", "2"), ("precision", "half"),
                ("precision", "fp64")]


# What a deny mode needs of the metadata beside deny_weight and deny_on.
NEEDED = {"A_soft": ["gap"], "C": ["margin1"], "C_plus": ["margin1", "margin2"], "AC": ["gap", "margin1"]}


def bad_heads():
    """Deny modes whose numbers or whose head are not there."""
    for mode, keys in NEEDED.items():
        metadata = {**GOOD, "deny": mode}
        tensors = good_tensors(metadata)
        for key in keys:
            without = {k: v for k, v in metadata.items() if k != key}
            yield f"{mode} without {key}", f'"{key}"', safetensors_io.encode(tensors, without)
        yield f"{mode} with a reject class", '"param.fc3.weight"', safetensors_io.encode(good_tensors(GOOD), metadata)
    metadata = {**GOOD, "deny": "B_aux"}
    tensors = good_tensors(metadata)
    for name in ("param.fc_aux.weight", "param.fc_aux.bias"):
        yield f"B_aux without {name}", *with_tensor(tensors, name, None, metadata)
    yield "fc_aux of two rows", *with_tensor(tensors, "param.fc_aux.weight", floats((2, 32)), metadata)
    yield "B_aux with a reject class", *with_tensor(tensors, "param.fc3.weight", floats((6, 32)), metadata)
    aux = tensors["param.fc_aux.weight"]
    yield "fc_aux in mode B", *with_tensor(good_tensors(GOOD), "param.fc_aux.weight", aux)


def bad_texts():
    """(what, the line at fault, text)"""
    lines = LAYERS.splitlines()

    def changed(old, *new):
        at = lines.index(old)
        return "\n".join([*lines[:at], *new, *lines[at + 1:]]) + "\n"

    for old, new in [
            ("input 3 9 7", "input 3 9"), ("input 3 9 7", "input 3 9 7 1"), ("input 3 9 7", "input 3 9 0"),
            ("input 3 9 7", "input 3 -9 7"), ("input 3 9 7", "input 4097 9 7"), ("input 3 9 7", "Input 3 9 7"),
            ("input 3 9 7", "input 4096 4096 7"), ("input 3 9 7", "input  3 9 7"), ("input 3 9 7", " input 3 9 7"),
            ("input 3 9 7", "input 3 9 7 "), ("input 3 9 7", "input 3 9 99999999999999999999"),
            ("site 0 token", "site 1 token"), ("site 0 token", "site 0 tokens"), ("site 0 token", "site"),
            ("site 0 token", "site zero"), ("site 0 token", "site 0 token channel"),
            ("conv2d conv2 6", "conv2d conv2"), ("conv2d conv2 6", "conv2d 6"), ("conv2d conv2 6", "conv2d conv1 6.0"),
            ("conv2d conv2 6", "conv2d conv2 6 kernel=8"), ("conv2d conv2 6", "conv2d conv2 6 kernel=0"),
            ("conv2d conv2 6", "conv2d conv2 6 kernel="), ("conv2d conv2 6", "conv2d conv2 6 kernel=3 kernel=3"),
            ("conv2d conv2 6", "conv2d conv2 6 stride=0"), ("conv2d conv2 6", "conv2d conv2 6 groups=4"),
            ("conv2d conv2 6", "conv2d conv2 6 pad=valid"), ("conv2d conv2 6", "conv2d conv2 6 bias=1"),
            ("conv2d conv2 6", "conv2d conv2 6 dilation=2"), ("conv2d conv2 6", "conv2d conv.2 6"),
            ("conv2d conv2 6", "conv2d conv2\t6"), ("conv2d conv2 6", "conv3d conv2 6"),
            ("conv2d conv2 6", "conv2d " + "c" * 64 + " 6"), ("gelu act1", "gelu"), ("gelu act1", "tanh act1"),
            ("conv2d conv3 6 kernel=1", "conv2d conv3 6 kernel=7 pad=none"),
            ("layer_norm ln epsilon=1e-6 unscaled", "layer_norm ln epsilon=nan"),
            ("layer_norm ln epsilon=1e-6 unscaled", "layer_norm ln epsilon=-1e-6"),
            ("layer_norm ln epsilon=1e-6 unscaled", "layer_norm ln epsilon=1e-400 x"),
            ("layer_norm ln epsilon=1e-6 unscaled", "layer_norm ln relu"),
            ("dropout drop 0.5", "dropout drop 1"), ("dropout drop 0.5", "dropout drop -0.5"),
            ("dropout drop 0.5", "dropout drop"), ("max_pool2d pool kernel=2 stride=1 padding=1",
                                                   "max_pool2d pool kernel=9"),
            ("max_pool2d pool kernel=2 stride=1 padding=1", "max_pool2d pool kernel=2 padding=2"),
            ("linear fc1 12", "linear fc1 0"), ("linear fc1 12", "linear fc1 12 bias"), ("join relu", "join gelu"),
            ("residual block", "residual"), ("head fc", "head"), ("head fc", "head fc 10"), ("head fc", "head fc_aux"),
            ("head fc", "head fc\nhead fc2"),
            ("head fc", "head fc\nrelu act9"), ("head fc", "head fc\n"), ("silu act3", ""), ("silu act3", "silu act3\r")]:
        text = changed(old, new)
        yield f"{new!r} for {old!r}", '"layers"', text
    # Right by themselves, but not where they stand.
    for what, text in [
            ("nothing", ""), ("only a break", "\n"), ("only an input", "input 3 9 7"), ("no head", changed("head fc")),
            ("no input", changed("input 3 9 7")), ("join twice", changed("join relu", "join relu", "join relu")),
            ("no join", changed("join relu")), ("skip twice", changed("skip beside", "skip beside", "skip b")),
            ("nothing in a block", "input 3 9 7\nresidual b\njoin\nhead fc\n"),
            ("blocks in blocks", "input 3 9 7\n" + "residual b\n" * 9 + "head fc\n"),
            ("other shapes meet", changed("conv2d conv3 6 kernel=1", "conv2d conv3 12 kernel=1")),
            ("one name twice", changed("linear fc1 12", "linear conv1 12")),
            ("one name twice, statistics alone",
             changed("conv2d conv2 6", *["batch_norm2d bn unscaled"] * 2, "conv2d conv2 6")),
            ("the name of the reject logit's map", changed("linear fc1 12", "linear fc_aux 12")),
            ("513 layers", changed("silu act3", *["silu act3"] * 513)),
            ("33 sites", changed("site 2", *[f"site {n}" for n in range(2, 33)])),
            ("huge activations", "input 1 4096 256\nconv2d c 2\nhead fc\n"),
            ("a zero byte", LAYERS.replace("silu", "si\0lu")),
            ("a long line", changed("silu act3", "silu " + "a" * 100000))]:
        yield what, '"layers"', text


def bad_tokens(good):
    """What a language model has beside the others."""
    for key, value in [("heads", "3"), ("heads", "0"), ("heads", "256"), ("heads", "two"), ("context", "0"),
                       ("context", "1025"), ("key_shape", "row"), ("deny", "B_aux"), ("sites", "2")]:
        yield f"gpt, metadata {key}={value!r}", f'"{key}"', safetensors_io.encode(good, {**GPT, key: value})
    yield "a context that is too short", '"x"', safetensors_io.encode(good, {**GPT, "context": "4"})
    yield "another context than its table", '"param.wpe.weight"', safetensors_io.encode(good, {**GPT, "context": "127"})
    yield "no tokens", *with_tensor(good, "x", tokens(), GPT)
    yield "no samples of tokens", *with_tensor(good, "x", ("I64", (0, TOKENS), b""), GPT)
    yield "tokens as numbers", *with_tensor(good, "x", floats((N, TOKENS)), GPT)
    yield "a text without a batch", *with_tensor(good, "x", ("I64", (TOKENS,), bytes(8 * TOKENS)), GPT)
    for wrong in (272, -1, 2 ** 40):
        yield f"token {wrong}", *with_tensor(good, "x", tokens(wrong, *range(14)), GPT)
    for wrong in (258, -2, 2 ** 40):
        yield f"label {wrong} of a token", *with_tensor(good, "y", tokens(wrong, *range(14)), GPT)
    yield "a label a sample", *with_tensor(good, "y", labels(*range(N)), GPT)
    yield "fewer labels than tokens", *with_tensor(good, "y", tokens(*range(12)), GPT)
    yield "a head beside the table", *with_tensor(good, "param.lm_head.weight", floats((272, 128)), GPT)
    name = "param.h.3.attn.c_attn.weight"
    yield "a map in torch.nn.Linear's order", *with_tensor(good, name, floats((384, 128)), GPT)
    for shape in ((N, 128, TOKENS, 1), (N, 128), (N, TOKENS), (N, TOKENS + 1, 128)):
        yield f"a key of shape {shape}", *with_tensor(good, "key.valid.1", floats(shape), GPT)
    by_channel = {**GPT, "key_shape": "channel"}
    yield "keys of other shapes than said", '"key.valid.0"', safetensors_io.encode(good, by_channel)


def bad_files(mlp, resnet, resnet_metadata):
    """(what, culprit, bytes)"""
    layers_metadata = {**GOOD, "model": "layers", "layers": LAYERS, "classes": "7", "sites": "0,1,2", "deny": "B_aux"}
    layers = good_tensors(layers_metadata)
    for what, culprit, text in bad_texts():
        yield f"layers: {what}", culprit, safetensors_io.encode(layers, {**layers_metadata, "layers": text})
    for key, value in [("layers", None), ("classes", "1"), ("classes", "65536"), ("classes", "7.0"), ("sites", "3")]:
        metadata = {k: v for k, v in {**layers_metadata, key: value}.items() if v is not None}
        yield f"layers, metadata {key}={value!r}", f'"{key}"', safetensors_io.encode(layers, metadata)
    yield "other classes than its head", '"param.fc.weight"', safetensors_io.encode(layers, {**layers_metadata, "classes": "8"})
    yield "a key of another shape", *with_tensor(layers, "key.valid.1", floats((N, 6, 3, 2)), layers_metadata)
    yield from bad_heads()
    yield from bad_tokens(good_tensors(GPT))
    for key, value in bad_metadata():
        culprit, content = with_metadata(mlp, key, value)
        if (key, value) == ("momentum", "0"):
            culprit = '"nesterov"'
        yield f"metadata {key}={value!r}", culprit, content
    for model in ("small_cnn", "resnet18"):
        tensors = {n: t for n, t in mlp.items() if n != "x"}
        yield f"mlp called {model}", '"x"', safetensors_io.encode(tensors, {**GOOD, "model": model, "classes": "10"})

    for name in ("x", "y", "param.fc2.weight", "param.fc3.bias", "key.valid.2", "key.invalid.0"):
        yield f"no {name}", *with_tensor(mlp, name, None)
        yield f"{name} in F64", *with_tensor(mlp, name, ("F64", mlp[name][1], bytes(8 * math.prod(mlp[name][1]))))
        other = labels(0, 1) if name == "y" else floats((*mlp[name][1], 2))
        yield f"{name} of another shape", *with_tensor(mlp, name, other)
    for name in ("x", "param.fc1.weight", "key.valid.0", "key.invalid.2"):
        for value in (math.nan, math.inf, -math.inf):
            yield f"{value} in {name}", *with_element(mlp, name, value)
    for wrong in (5, -1, 2 ** 40, -2 ** 63):
        yield f"label {wrong}", *with_tensor(mlp, "y", labels(0, wrong, 1))
    yield "y of other length", *with_tensor(mlp, "y", labels(0, 1, 2, 3))
    yield "no samples", *with_tensor(mlp, "x", floats((0, 20)))
    yield "valid key without batch", *with_tensor(mlp, "key.valid.0", floats((20,)))
    yield "one valid key", *with_tensor(mlp, "key.valid.0", floats((1, 20)))
    yield "invalid key per sample", *with_tensor(mlp, "key.invalid.0", floats((N, 20)))
    yield "weight transposed", *with_tensor(mlp, "param.fc1.weight", floats((20, 64)))
    yield "head without reject class", *with_tensor(mlp, "param.fc3.weight", floats((5, 32)))
    yield "key of a site that is off", *with_tensor(mlp, "key.valid.1", floats((N, 64)))
    yield "parameter of another model", *with_tensor(mlp, "param.fc.weight", floats((5, 32)))
    yield "buffer of another model", *with_tensor(mlp, "buffer.bn1.running_mean", floats((64,)))
    yield "tensor of no kind", *with_tensor(mlp, "loss", floats((1,)))
    yield "tensor named with a line break", "loss\\x0a", with_tensor(mlp, "loss\n", floats((1,)))[1]
    yield "keys without injection", *with_tensor(mlp, "key.invalid.0", mlp["key.invalid.0"], {**GOOD, "inject": "none"})

    yield "no running mean", *with_tensor(resnet, "buffer.bn1.running_mean", None, resnet_metadata)
    name = "buffer.layer2.0.downsample.1.running_var"
    yield "negative variance", *with_element(resnet, name, -1.0, resnet_metadata)
    yield "NaN variance", *with_element(resnet, name, math.nan, resnet_metadata)
    name, small = "param.layer1.0.conv1.weight", floats((32, 32, 1, 1))
    yield "1x1 instead of 3x3", *with_tensor(resnet, name, small, resnet_metadata)
    yield "x without channels", *with_tensor(resnet, "x", floats((N, 28, 28)), resnet_metadata)
    yield "x channels last", *with_tensor(resnet, "x", floats((N, 28, 28, 1)), resnet_metadata)
    yield "key flattened", *with_tensor(resnet, "key.valid.0", floats((N, 784)), resnet_metadata)

    whole = safetensors_io.encode(mlp, GOOD)
    header = safetensors_io.data_begin(whole)
    for size in (0, 7, 8, 100, header - 1, header, header + 1, len(whole) - 1):
        yield f"cut after {size} bytes", "case.safetensors", whole[:size]
    yield "one byte too long", "case.safetensors", whole + b"\0"
    yield "header of 2^63 bytes", "case.safetensors", struct.pack("<Q", 2 ** 63) + whole[8:]
    yield "not a safetensors file", "case.safetensors", b"PK\x03\x04" + bytes(200)
    empty = b'"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    for what, text in (("not JSON", b"{]"), ("a list", b"[]"), ("deep nesting", b'{"a":' * 100000), ("no tensors", b"{}"),
                       ("two of one name", b"{" + empty + b"," + empty + b"}"),
                       ("overflowing shape", b"{" + empty.replace(b"[0]", b"[4611686018427387904,4]") + b"}"),
                       ("tensor beyond the end", b"{" + empty.replace(b"[0]", b"[4]").replace(b"[0,0]", b"[0,16]") + b"}")):
        yield f"header: {what}", "case.safetensors", struct.pack("<Q", len(text)) + text
    shifted = safetensors_io.header_of(whole)
    shifted["x"]["data_offsets"] = [offset + 4 for offset in shifted["x"]["data_offsets"]]
    text = json.dumps(shifted).encode()
    yield "overlapping tensors", "case.safetensors", struct.pack("<Q", len(text)) + text + whole[header:]


# ---------------------------------------------------------------- running

def run(folder, *arguments, **environment):
    """-> (exit status, stderr, names of new files)"""
    before = set(folder.iterdir())
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=300,
                          env={**os.environ, **environment})
    return done.returncode, done.stdout + done.stderr, {p.name for p in set(folder.iterdir()) - before}


def main():
    if not PROGRAM.exists():
        print(f"no program {PROGRAM}")
        return 1
    failures, count = [], 0

    def check(what, ok, found):
        nonlocal count
        count += 1
        if not ok:
            failures.append(f"{what}: {found}")

    mlp = good_tensors(GOOD)
    resnet_metadata = {**GOOD, "model": "small_resnet", "classes": "10", "sites": "0"}
    resnet = good_tensors(resnet_metadata)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        case, result = folder / "case.safetensors", folder / "result.safetensors"

        def accepted(what, tensors, metadata, *options):
            safetensors_io.write(case, tensors, metadata)
            status, text, files = run(folder, *options, case, result)
            check(what, status == 0 and not text and files == {result.name}, (status, text, files))
            content = result.read_bytes() if result.exists() else None
            result.unlink(missing_ok=True)
            return content

        # What is right in unusual ways.
        first = accepted("good case", mlp, GOOD)
        check("same case, same bytes", first == accepted("good case again", mlp, GOOD), "they differ")
        names = {"eval.logits.valid", "grad.key.0", "grad.key.2"}
        names |= {f"logits.{group}" for group in ("valid", "invalid", "none")}
        names |= {f"loss.{part}" for part in ("ce", "deny", "total")}
        names |= {f"{kind}{t}" for t in mlp if t.startswith("param.") for kind in ("grad.", "next.")}
        if first:
            case.write_bytes(first)
            found = set(safetensors_io.read(case)[0])
            check("tensors of the result", found == names, found ^ names)
        for mode in ("A", "A_soft", "B_aux", "C", "C_plus", "AC"):
            metadata = {**GOOD, "deny": mode}
            if accepted(f"deny {mode}", good_tensors(metadata), metadata) == first:
                failures.append(f"deny {mode}: the result of mode B")
        metadata = {**GOOD, "model": "layers", "layers": LAYERS, "classes": "7", "sites": "0,1,2"}
        tensors = good_tensors(metadata)
        whole = accepted("every word of the text form", tensors, metadata)
        unbroken = {**metadata, "layers": LAYERS.rstrip("\n")}
        check("no break at the end", whole == accepted("no break at the end", tensors, unbroken), "they differ")
        for model in models.TEXTS:
            # A network of the library, said as text, is the same network.
            metadata = {**GOOD, "model": model, "classes": str(models.CLASSES[model]), "sites": "0"}
            plain = metadata | {"model": "layers", "layers": models.TEXTS[model]}
            if "." in plain["layers"]:
                continue  # names with dots are no words of the text form
            tensors = good_tensors(metadata)
            same = accepted(model, tensors, metadata) == accepted(f"{model} as text", tensors, plain)
            check(f"{model} as text", same, "the results differ")
        text = good_tensors(GPT)
        usual = accepted("gpt", text, GPT)
        for keys, shape in (("element", (N, TOKENS, 128)), ("channel", (N, 128)), ("token", (N, TOKENS))):
            metadata = {**GPT, "key_shape": keys}
            content = accepted(f"gpt, a key by {keys}", good_tensors(metadata), metadata)
            if content:
                case.write_bytes(content)
                found = safetensors_io.read(case)[0]
                shapes = found["grad.key.1"][1], found["logits.valid"][1], found["grad.param.wte.weight"][1]
                check(f"gpt, shapes with a key by {keys}", shapes == (shape, (N, TOKENS, 272), (272, 128)), shapes)
        check("gpt without classes", usual == accepted("gpt without classes", text, {
            key: value for key, value in GPT.items() if key != "classes"}), "they differ")
        check("the heads of gpt", usual != accepted("gpt of 4 heads", text, {**GPT, "heads": "4"}), "no difference")
        long = {**GPT, "context": "200"}
        accepted("gpt with a longer table", {**text, "param.wpe.weight": floats((200, 128))}, long)
        case.write_bytes(safetensors_io.encode(text, GPT))
        status, line, files = run(folder, "--compute", "sessions", case, result)
        check("sessions of gpt", status == 2 and '"model"' in line and not files, (status, line, files))
        content = accepted("sessions", mlp, GOOD, "--compute", "sessions")
        if content:
            case.write_bytes(content)
            names = {f"session.{weights}.{engine}.{group}" for weights in ("fp32", "bf16", "int8")
                     for engine in ("reference", "cpu") for group in ("valid", "none")}
            found = set(safetensors_io.read(case)[0])
            check("answers of sessions", found == names | {"eval.valid", "eval.none"}, found)
        metadata = {**GOOD, "deny": "B_aux"}
        content = accepted("deny B_aux", good_tensors(metadata), metadata)
        if content:
            case.write_bytes(content)
            found = safetensors_io.read(case)[0]
            shapes = {name: tensor[1] for name, tensor in found.items() if name.startswith(("aux.", "logits."))}
            want = {f"aux.{group}": (N,) for group in ("valid", "invalid", "none")}
            want |= {f"logits.{group}": (N, 5) for group in ("valid", "invalid", "none")}
            check("logits of B_aux", shapes == want, shapes)
            of_aux = {"grad.param.fc_aux.weight", "next.param.fc_aux.bias"}
            check("gradients of fc_aux", of_aux <= found.keys(), found.keys())
        exact = accepted("reference backend", mlp, GOOD, "--backend", "reference")
        low = {**GOOD, "precision": "bf16"}
        rounded = accepted("bf16", mlp, low)
        check("bf16 differs from fp32", rounded != first, "it does not")
        for what, want, metadata, options in [
                ("--precision bf16", rounded, GOOD, ("--precision", "bf16")),
                ("--precision fp32 of a bf16 case", first, low, ("--precision", "fp32")),
                ("both options", rounded, GOOD, ("--precision", "bf16", "--backend", "cpu")),
                ("bf16 on the reference backend", exact, low, ("--backend", "reference"))]:
            check(f"{what}: same bytes", accepted(what, mlp, metadata, *options) == want, "they differ")
        accepted("sites in another order", mlp, {**GOOD, "sites": "2,0"})
        accepted("metadata of other writers", mlp, {**GOOD, "format": "pt", "seed": "1"})
        bare = {k: v for k, v in GOOD.items() if k not in ("deny_on", "deny_weight", "margin1", "margin2", "gap")}
        plain = {**bare, "deny": "none"}
        accepted("deny none, nothing about denying", good_tensors(plain), plain)
        without = {n: t for n, t in good_tensors(plain).items() if not n.startswith("key.invalid")}
        accepted("deny none without invalid keys", without, plain)
        ungated = {**{k: v for k, v in GOOD.items() if k != "gamma"}, "inject": "none", "sites": ""}
        keyless = {n: t for n, t in mlp.items() if not n.startswith("key.")}
        accepted("inject none with deny B", keyless, ungated)
        case.write_bytes(safetensors_io.encode(mlp, GOOD))

        # The command line and the surroundings.
        for what, culprit, arguments, environment in [
                ("no arguments", "usage", (), {}), ("one argument", "usage", (case,), {}),
                ("three arguments", "usage", (case, result, result), {}),
                ("unknown backend", "usage", ("--backend", "gpu", case, result), {}),
                ("unknown device", "usage", ("--device", "gpu", case, result), {}),
                ("backend and device", "usage", ("--backend", "cpu", "--device", "cpu", case, result), {}),
                ("unknown precision", "usage", ("--precision", "fp16", case, result), {}),
                ("two precisions", "usage", ("--precision", "bf16", "--precision", "fp32", case, result), {}),
                ("unknown computation", "usage", ("--compute", "loss", case, result), {}),
                ("sessions of a backend", "usage", ("--compute", "sessions", "--backend", "cpu", case, result), {}),
                ("option without value", "usage", ("--precision", case, result), {}),
                ("option behind the files", "usage", (case, result, "--precision", "bf16"), {}),
                ("no such case", "nowhere", (folder / "nowhere", result), {}),
                ("a folder as case", name, (folder, result), {}),
                ("result into no folder", "nowhere", (case, folder / "nowhere" / "result"), {}),
                ("result onto a folder", name, (case, folder), {}),
                ("unknown instruction set", "SPANKEY_ISA", (case, result), {"SPANKEY_ISA": "sse9"})]:
            status, text, files = run(folder, *arguments, **environment)
            ok = status == 2 and text.count("\n") == 1 and culprit in text and not files
            check(what, ok, (status, text, files))

        # A GPU that is there computes; else one line says that there is none, or that the program was built without.
        status, text, files = run(folder, "--device", "cuda", case, result)
        ok = status == 0 or (status == 2 and text.count("\n") == 1 and ("[spankey.cuda.101]" in text or
                                                                        "[spankey.case.116]" in text) and not files)
        check("device cuda", ok, (status, text, files))
        result.unlink(missing_ok=True)

        # Everything else.
        for what, culprit, content in bad_files(mlp, resnet, resnet_metadata):
            case.write_bytes(content)
            status, text, files = run(folder, case, result)
            ok = status == 2 and text.count("\n") == 1 and len(text) < 1000 and culprit in text and not files
            check(what, ok, (status, text, files))
            result.unlink(missing_ok=True)

    print("\n".join(failures))
    print(f"{count - len(failures)} of {count} checks passed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
