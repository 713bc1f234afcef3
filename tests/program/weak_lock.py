"""Locks that are broken on purpose, and weights that are withheld at random: what attacks are measured against beside real locks.

    python3 tests/program/weak_lock.py RUN OUT --kind permutation          # channels are permuted and negated, not mixed
    python3 tests/program/weak_lock.py RUN OUT --kind angle --degrees 20   # rotations near the identity: by 20 degrees in every plane
    python3 tests/program/weak_lock.py RUN OUT --kind random --share 0.1   # a tenth of all weights, whichever, is 0

OUT is a run folder with the same config.json. --layers conv1,... names the layers (of random: all parameters otherwise). Needs NumPy.
"""
import argparse
import pathlib
import shutil
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
import safetensors_io


def drawn_map(kind, channels, degrees, random):
    """T (C, C): the locked weights are T^-T W."""
    if kind == "permutation":
        return numpy.eye(channels)[random.permutation(channels)] * random.choice([-1.0, 1.0], channels)
    # Planes in a basis of their own, each turned by the angle.
    basis, _ = numpy.linalg.qr(random.standard_normal((channels, channels)))
    turn = numpy.eye(channels)
    c, s = numpy.cos(numpy.radians(degrees)), numpy.sin(numpy.radians(degrees))
    for i in range(0, channels - 1, 2):
        turn[i:i + 2, i:i + 2] = [[c, -s], [s, c]]
    return basis @ turn @ basis.T


def weakened(tensors, kind, layers, degrees, share, random):
    made = {}
    for name, (dtype, shape, content) in tensors.items():
        made[name] = (dtype, shape, content)
        layer, _, part = name.rpartition(".")
        wanted = layer in layers if layers else True
        values = numpy.frombuffer(content, "<f4").reshape(shape)
        if kind == "random":
            if wanted and not part.startswith("running_"):
                values = numpy.where(random.random(shape) < share, numpy.float32(0), values)
        elif wanted and part == "weight" and len(shape) in (2, 4) and shape[1] >= 8:
            t = drawn_map(kind, shape[1], degrees, random)
            values = numpy.einsum("oi...,ji->oj...", values.astype(numpy.float64), t)  # T^-T = T of a rotation
        made[name] = (dtype, shape, numpy.ascontiguousarray(values, "<f4").tobytes())
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--kind", choices=["permutation", "angle", "random"], required=True)
    parser.add_argument("--layers", default="")
    parser.add_argument("--degrees", type=float, default=10)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    tensors, metadata = safetensors_io.read(asked.run / "weights.safetensors")
    random = numpy.random.default_rng(asked.seed)
    layers = set(filter(None, asked.layers.split(",")))
    made = weakened(tensors, asked.kind, layers, asked.degrees, asked.share, random)
    asked.out.mkdir()
    shutil.copy(asked.run / "config.json", asked.out / "config.json")
    metadata = {key: text for key, text in metadata.items() if not key.startswith("crc32")}
    safetensors_io.write(asked.out / "weights.safetensors", made, metadata)


if __name__ == "__main__":
    main()
