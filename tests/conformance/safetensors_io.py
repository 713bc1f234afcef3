"""Reads and writes safetensors files with the standard library alone; tensors are (dtype, shape, bytes)."""
import json
import struct


def read(path):
    """-> ({name: (dtype, shape, bytes)}, {metadata key: text})"""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), memoryview(file.read())
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["dtype"], tuple(entry["shape"]), data[begin:end])
    return tensors, metadata


def encode(tensors, metadata):
    """The whole file, tensors in the order of the dictionary."""
    header, end = {"__metadata__": metadata}, 0
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + len(content)]}
        end += len(content)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text] + [content for _, _, content in tensors.values()])


def write(path, tensors, metadata):
    with open(path, "wb") as file:
        file.write(encode(tensors, metadata))
