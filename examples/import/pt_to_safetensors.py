#!/usr/bin/env python3
"""PyTorch weights as safetensors, for `spankey import`.

usage: pt_to_safetensors.py IN.pt OUT.safetensors [--allow-pickle]

IN holds a state_dict, a checkpoint with one under any name ("state_dict", "model", "net", ...), an averaged model's, or,
with --allow-pickle, a whole model. Prefixes that all names share ("module.", "_orig_mod.", "model.", "net.") go, and so do
counters (num_batches_tracked, n_averaged), which are named; floating-point tensors become float32. `spankey import`
understands other names for the same layers, so they stay.
A .pt file is a pickle, which can run any code. This script reads it itself and lets it name tensors and dictionaries, and
nothing else, unless --allow-pickle hands it to torch. Needs numpy; torch for --allow-pickle and for files of versions before
1.6, which are no zip archives.
"""
import argparse
import collections
import inspect
import json
import os
import pickle
import re
import struct
import sys
import tempfile
import zipfile

import numpy as np

PREFIXES = ("module.", "_orig_mod.", "_fsdp_wrapped_module.", "model.", "net.", "network.")
COUNTERS = ("num_batches_tracked", "n_averaged")
# Where checkpoints keep their weights, the likeliest first; any other dictionary of tensors will do if it is the only one.
USUAL = ("state_dict", "model_state_dict", "model", "net", "network", "weights")
STORAGES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": "<u2", "LongStorage": "<i8",
            "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?"}


def tensor_of(storage, offset, shape, strides, *_):
    """torch._utils._rebuild_tensor_v2 on a numpy array; the file says where in its storage the tensor lies."""
    end = offset + sum((n - 1) * s for n, s in zip(shape, strides)) if all(shape) else offset - 1
    if offset < 0 or min(strides, default=0) < 0 or min(shape, default=1) < 0 or end >= len(storage):
        raise pickle.UnpicklingError(f"a tensor of shape {tuple(shape)} lies outside of its storage")
    view = np.lib.stride_tricks.as_strided(storage[offset:], shape, [s * storage.itemsize for s in strides])
    return np.array(view)


class tensors_only(pickle.Unpickler):
    """Names nothing but what tensors and dictionaries are made of, so that a file can call nothing else."""

    def __init__(self, archive):
        self.archive = archive
        self.data = next(name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl")
        super().__init__(archive.open(self.data), encoding="utf-8")

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
            return tensor_of if name == "_rebuild_tensor_v2" else lambda data, *_: data
        if (module, name) == ("torch", "Size"):
            return tuple
        if module == "torch" and (name in STORAGES or re.fullmatch(r"b?float\d+|u?int\d+|bool", name)):
            return name
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid):
        _, kind, key, _, count = pid
        values = np.frombuffer(self.archive.read(f"{self.data[:-len('data.pkl')]}data/{key}"), STORAGES[kind])[:count]
        # The upper half of a float32.
        return (values.astype("<u4") << 16).view("<f4") if kind == "BFloat16Storage" else values


def read_archive(path):
    with zipfile.ZipFile(path) as archive:
        order = [name for name in archive.namelist() if name.rpartition("/")[2] == "byteorder"]
        if order and archive.read(order[0]) != b"little":
            raise pickle.UnpicklingError("its numbers are big-endian")
        return tensors_only(archive).load()


def read_with_torch(path, allow_pickle):
    import torch

    knows = "weights_only" in inspect.signature(torch.load).parameters
    if not allow_pickle and not knows:
        raise pickle.UnpicklingError("it is older than torch 1.6, and only torch 1.13 or newer reads tensors alone from it")
    loaded = torch.load(path, map_location="cpu", **({"weights_only": not allow_pickle} if knows else {}))

    def plain(thing):
        if isinstance(thing, torch.nn.Module):
            thing = thing.state_dict()
        if isinstance(thing, dict):
            return {name: plain(value) for name, value in thing.items()}
        if not isinstance(thing, torch.Tensor):
            return thing
        return (thing.detach().float() if thing.dtype == torch.bfloat16 else thing.detach()).numpy()

    return plain(loaded)


def load(path, allow_pickle):
    """Dictionaries, numpy arrays in place of tensors, and what else lies beside them."""
    if allow_pickle:
        print(f"{path}: --allow-pickle: code in this file runs", file=sys.stderr)
        return read_with_torch(path, True)
    try:
        return read_archive(path) if zipfile.is_zipfile(path) else read_with_torch(path, False)
    except Exception as problem:  # what a damaged or hostile file raises is not specified
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        sys.exit(f"{path}: expected tensors only: {reason} (a whole model is code: save model.state_dict(), or vouch for "
                 "the file with --allow-pickle)")


def has_tensors(thing):
    return isinstance(thing, dict) and any(isinstance(t, np.ndarray) for t in thing.values())


def is_counter(name):
    return isinstance(name, str) and name.rpartition(".")[2] in COUNTERS


def state_dict_of(loaded, path):
    """Names and tensors, wherever they lie in what was loaded; counters and prefixes that all share are gone."""
    while not has_tensors(loaded):
        inside = {name: thing for name, thing in loaded.items() if isinstance(thing, dict)} if isinstance(loaded, dict) else {}
        usual = [name for name in USUAL if name in inside]
        others = [name for name, thing in inside.items() if has_tensors(thing)]
        if not usual and len(others) != 1:
            sys.exit(f"{path}: expected a state_dict, or a checkpoint that holds one"
                     + (f"; found several: {', '.join(map(repr, others))}" if others else ""))
        loaded = inside[(usual or others)[0]]
    counters = [name for name in loaded if is_counter(name)]
    if counters:
        print(f"left out: {', '.join(counters)}")
    loaded = {name: tensor for name, tensor in loaded.items() if not is_counter(name)}
    for name, tensor in loaded.items():
        if not isinstance(name, str) or not isinstance(tensor, np.ndarray):
            sys.exit(f"{path}: expected names and tensors only, found {name!r}: {type(tensor).__name__}")
    while True:
        prefix = next((p for p in PREFIXES if loaded and all(name.startswith(p) for name in loaded)), None)
        if prefix is None:
            return loaded
        loaded = {name[len(prefix):]: tensor for name, tensor in loaded.items()}


def arrays_of(state, path):
    arrays = {}
    for name, tensor in state.items():
        if tensor.dtype.kind != "f":
            sys.exit(f"{path}: {name}: expected floating-point numbers, found {tensor.dtype}")
        with np.errstate(over="ignore"):
            arrays[name] = np.array(tensor, dtype="<f4", order="C")
        if np.any(np.isinf(arrays[name]) & np.isfinite(tensor)):
            sys.exit(f"{path}: {name}: found numbers that float32 cannot hold")
    return arrays


def write_safetensors(path, arrays):
    """Whole or not at all."""
    header, end = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(os.path.abspath(path)), delete=False) as file:
        try:
            file.write(struct.pack("<Q", len(text)) + text)
            for array in arrays.values():
                file.write(array.tobytes())
            file.close()
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--allow-pickle", action="store_true", help="trust the file: code in it runs")
    arguments = parser.parse_args()
    state = state_dict_of(load(arguments.input, arguments.allow_pickle), arguments.input)
    arrays = arrays_of(state, arguments.input)
    write_safetensors(arguments.output, arrays)
    print(f"wrote {arguments.output}: {len(arrays)} tensors, {sum(a.size for a in arrays.values())} numbers")


if __name__ == "__main__":
    main()
