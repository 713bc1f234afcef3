#!/usr/bin/env python3
"""PyTorch weights as safetensors, for `spankey import`.

usage: pt_to_safetensors.py IN.pt OUT.safetensors [--allow-pickle]

IN holds a state_dict, a checkpoint with one under any name ("state_dict", "model", "net", ...), an averaged model's, or,
with --allow-pickle, a whole model. Prefixes that all names share ("module.", "_orig_mod.", "model.", "net.") go, and so do
counters (num_batches_tracked, n_averaged), which are named; floating-point tensors become float32. `spankey import`
understands other names for the same layers, so they stay.
A .pt file is a pickle, which can run any code: torch.load(weights_only=True) reads tensors and nothing else. A torch older
than 1.13 cannot, and reads only files that --allow-pickle vouches for. Needs torch and numpy.
"""
import argparse
import inspect
import json
import os
import struct
import sys
import tempfile

import numpy as np
import torch

PREFIXES = ("module.", "_orig_mod.", "_fsdp_wrapped_module.", "model.", "net.", "network.")
COUNTERS = ("num_batches_tracked", "n_averaged")
# Where checkpoints keep their weights, the likeliest first; any other dictionary of tensors will do if it is the only one.
USUAL = ("state_dict", "model_state_dict", "model", "net", "network", "weights")


def load(path, allow_pickle):
    if allow_pickle:
        print(f"{path}: --allow-pickle: code in this file runs", file=sys.stderr)
        if "weights_only" in inspect.signature(torch.load).parameters:
            return torch.load(path, map_location="cpu", weights_only=False)
        return torch.load(path, map_location="cpu")
    if "weights_only" not in inspect.signature(torch.load).parameters:
        sys.exit(f"torch {torch.__version__} cannot read {path} without running its pickle; expected torch 1.13 or "
                 "newer, or --allow-pickle for a file that you trust")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # what a damaged or hostile file makes torch raise is not specified
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        sys.exit(f"{path}: expected tensors only: {reason} (a whole model is code: save model.state_dict(), or vouch for "
                 "the file with --allow-pickle)")


def has_tensors(thing):
    return isinstance(thing, dict) and any(isinstance(t, torch.Tensor) for t in thing.values())


def is_counter(name):
    return isinstance(name, str) and name.rpartition(".")[2] in COUNTERS


def state_dict_of(loaded, path):
    """Names and tensors, wherever they lie in what was loaded; counters and prefixes that all share are gone."""
    while not has_tensors(loaded):
        if isinstance(loaded, torch.nn.Module):
            loaded = loaded.state_dict()
            continue
        inside = {name: thing for name, thing in loaded.items() if isinstance(thing, (dict, torch.nn.Module))} \
            if isinstance(loaded, dict) else {}
        usual = [name for name in USUAL if name in inside]
        others = [name for name, thing in inside.items() if isinstance(thing, torch.nn.Module) or has_tensors(thing)]
        if not usual and len(others) != 1:
            sys.exit(f"{path}: expected a state_dict, or a checkpoint that holds one"
                     + (f"; found several: {', '.join(map(repr, others))}" if others else ""))
        loaded = inside[(usual or others)[0]]
    counters = [name for name in loaded if is_counter(name)]
    if counters:
        print(f"left out: {', '.join(counters)}")
    loaded = {name: tensor for name, tensor in loaded.items() if not is_counter(name)}
    for name, tensor in loaded.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            sys.exit(f"{path}: expected names and tensors only, found {name!r}: {type(tensor).__name__}")
    while True:
        prefix = next((p for p in PREFIXES if loaded and all(name.startswith(p) for name in loaded)), None)
        if prefix is None:
            return loaded
        loaded = {name[len(prefix):]: tensor for name, tensor in loaded.items()}


def arrays_of(state, path):
    arrays = {}
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            sys.exit(f"{path}: {name}: expected floating-point numbers, found {tensor.dtype}")
        arrays[name] = np.ascontiguousarray(tensor.detach().to(torch.float32).numpy(), dtype="<f4")
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
