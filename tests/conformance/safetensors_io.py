"""Reads and writes safetensors files with the standard library alone; tensors are (dtype, shape, bytes).

What every test in Python knows of the format; examples/08_keys_and_logits.py, which is one page, has a reader of its own.
"""
import json
import pathlib
import struct


def data_begin(content):
    """The offset of the tensors' bytes in a whole file."""
    (length,) = struct.unpack_from("<Q", content)
    return 8 + length


def header_of(content):
    """The header of a whole file as JSON, with the metadata in it."""
    return json.loads(content[8:data_begin(content)])


def with_header(text, data=b""):
    """The whole file that has this header, padded as the format proposes."""
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def read(path):
    """-> ({name: (dtype, shape, bytes)}, {metadata key: text})"""
    content = pathlib.Path(path).read_bytes()
    header, data = header_of(content), memoryview(content)[data_begin(content):]
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["dtype"], tuple(entry["shape"]), data[begin:end])
    return tensors, metadata


def encode(tensors, metadata):
    """The whole file, tensors in the order of the dictionary; metadata None: there is no such entry."""
    header, end = {} if metadata is None else {"__metadata__": metadata}, 0
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + len(content)]}
        end += len(content)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return with_header(text, b"".join(content for _, _, content in tensors.values()))


def write(path, tensors, metadata):
    pathlib.Path(path).write_bytes(encode(tensors, metadata))
