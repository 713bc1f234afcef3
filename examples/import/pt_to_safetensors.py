#!/usr/bin/env python3
"""PyTorch weights as safetensors, for `spankey import`.

usage: pt_to_safetensors.py IN.pt OUT.safetensors [--allow-pickle]

IN holds a state_dict, or a checkpoint with one under "state_dict", "model_state_dict" or "model". Prefixes that all
names share ("module.", "_orig_mod.", "model.") go, and so does num_batches_tracked; floating-point tensors become
float32. A .pt file is a pickle, which can run any code: torch.load(weights_only=True) reads tensors and nothing else. A
torch older than 1.13 cannot, and reads only files that --allow-pickle vouches for. Needs torch and numpy.
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

PREFIXES = ("module.", "_orig_mod.", "model.")


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
        sys.exit(f"{path}: expected tensors only: {reason}")


def state_dict_of(loaded, path):
    for name in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(name), dict):
            loaded = loaded[name]
            break
    if not isinstance(loaded, dict) or not any(isinstance(t, torch.Tensor) for t in loaded.values()):
        sys.exit(f"{path}: expected a state_dict, or a checkpoint that holds one")
    for name, tensor in loaded.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            sys.exit(f"{path}: expected names and tensors only, found {name!r}: {type(tensor).__name__}")
    while True:
        prefix = next((p for p in PREFIXES if all(name.startswith(p) for name in loaded)), None)
        if prefix is None:
            return loaded
        loaded = {name[len(prefix):]: tensor for name, tensor in loaded.items()}


def arrays_of(state, path):
    arrays = {}
    for name, tensor in state.items():
        if name.endswith("num_batches_tracked"):
            continue
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
