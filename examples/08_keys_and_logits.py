"""Keys and gated logits from a run's files, with NumPy alone: the forward pass of small_cnn in fifty lines, for whoever wants
to analyse a gate in Python.

usage: 08_keys_and_logits.py RUN [--key N] IMAGES.npy      IMAGES: (n, 28, 28) bytes; --key: issued key N, else no key

RUN is what `spankey train` writes. A line an image: the answer (or "refused") and the logits. Issued key N is the one of that
number, which `spankey convert --key-out` states (it passes over weak ones): coefficients drawn from the key space's seed by
counter-based random numbers (Philox4x32-10), times the basis of each site, scaled to the deviation that the space names. The
keys are the run's secret.
"""
import argparse
import json
import pathlib

import numpy as np

ISSUED_KEYS = 10  # stream of random numbers: core/random.hpp


def read_safetensors(path):
    """Tensors by name, and the file's metadata."""
    data = pathlib.Path(path).read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + at for at in entry["data_offsets"])
        kind = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}[entry["dtype"]]
        tensors[name] = np.frombuffer(data[begin:end], kind).reshape(entry["shape"])
    return tensors, metadata


def philox_words(seed, stream, step, first, count):
    """Words first to first + count - 1 of a source of 32-bit random numbers."""
    low, mask = np.uint64(0xFFFFFFFF), 0xFFFFFFFF
    block = np.arange(first // 4, (first + count + 3) // 4, dtype=np.uint64)
    c = [block & low, block >> np.uint64(32), np.full_like(block, step), np.full_like(block, stream)]
    k = [seed & mask, seed >> 32]
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), b & low, (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), a & low]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return np.stack(c, axis=1).reshape(-1)[first % 4:first % 4 + count]


def gaussians(words):
    """Pairs of words to pairs of standard normal numbers (Box and Muller): cosine, then sine of an angle."""
    u, turn = (words[0::2] + 0.5) / 2**32, words[1::2] / 2**32 * 2 * np.pi
    return np.stack([np.cos(turn), np.sin(turn)], axis=1).reshape(-1) * np.repeat(np.sqrt(-2 * np.log(u)), 2)


def coefficients(space, base, index):
    """The m coefficients of issued key `index` whose numbers begin at `base`."""
    m, seed, kind = int(space["subspace_dim"]), int(space["seed"]), space["coefficients"]
    offset, spread = (0.5, 0.5) if kind == "unit_cube" else (0.0, 1.0)
    offset, spread = float(space.get("offset", offset)), float(space.get("spread", spread))
    if kind == "unit_cube":
        z = 2 * ((philox_words(seed, ISSUED_KEYS, index, base, m) >> np.uint64(8)) / 2**24) - 1
    else:
        z = gaussians(philox_words(seed, ISSUED_KEYS, index, base, m + m % 2))[:m]
        if kind == "sphere":
            z /= np.sqrt((z * z).sum())
    return offset + spread * z


def issued_key(run, index):
    """Site number -> key of shape (C, H, W)."""
    tensors, space = read_safetensors(run / "key_space.safetensors")
    bases = {int(name.split(".")[1]): basis.astype(float) for name, basis in tensors.items()}
    key_std, own = float(space["key_std"]), space["per_site_key"] == "1"
    widest = max(map(int, space["sites"].split(",")), key=lambda site: bases[site][0].size)
    key = {}
    for site, basis in bases.items():
        alpha = coefficients(space, site << 40 if own else 0, index)
        whole = np.tensordot(alpha, bases[site if own else widest], 1)  # without keys of their own, sites share one key
        factor = key_std / (whole.std(ddof=1) + 1e-8) if key_std else 1.0
        key[site] = factor * np.tensordot(alpha, basis, 1)
    return key


def gated(x, key, site, config):
    """Samples (n, C, H, W) behind the gate of a site; `key` None: as they are."""
    if key is None or site not in key:
        return x
    if config["inject"] == "add":
        return x + config["gamma"] * key[site]
    return x * np.clip(1 + config["gamma"] * np.tanh(key[site]), 0.1, 2.0)


def convolved(x, weight, bias):
    """3x3 windows with a border of zeros: (n, C, H, W) -> (n, O, H, W)."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, weight, optimize=True) + bias[:, None, None]


def pooled(x):
    n, c, h, w = x.shape
    return np.maximum(x, 0).reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))  # ReLU, then 2x2 maxima


def small_cnn_logits(run, x, key=None):
    """x (n, 1, 28, 28), normalised -> logits (n, outputs)."""
    config = json.loads((run / "config.json").read_text())
    w = {name: tensor.astype(float) for name, tensor in read_safetensors(run / "weights.safetensors")[0].items()}
    x = gated(x, key, 0, config)
    x = gated(pooled(convolved(x, w["conv1.weight"], w["conv1.bias"])), key, 1, config)
    x = gated(pooled(convolved(x, w["conv2.weight"], w["conv2.bias"])), key, 2, config)
    return x.reshape(len(x), -1) @ w["fc.weight"].T + w["fc.bias"]


def normalised(run, images):
    """Bytes (n, 28, 28) as the network sees them."""
    config = json.loads((run / "config.json").read_text())
    usual = {"mnist": (0.1307, 0.3081), "fashion-mnist": (0.2860, 0.3530), "glyphs": (0.333, 0.257)}.get(config["data"], (0, 1))
    mean, deviation = (config.get(name) or [usual[i]] for i, name in enumerate(("mean", "deviation")))
    return (images[:, None].astype(float) / 255 - mean[0]) / deviation[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\nusage", maxsplit=1)[0])
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("images", type=pathlib.Path, help="(n, 28, 28) bytes, .npy")
    parser.add_argument("--key", type=int, help="issued key N; without it no key")
    given = parser.parse_args()
    key = None if given.key is None else issued_key(given.run, given.key)
    classes = json.loads((given.run / "config.json").read_text()).get("classes", 10)
    for logits in small_cnn_logits(given.run, normalised(given.run, np.load(given.images)), key):
        answer = int(logits.argmax())
        print("refused" if answer == classes else answer, *(f"{z:.4f}" for z in logits))


if __name__ == "__main__":
    main()
