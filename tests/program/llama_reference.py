"""A second opinion of language models in GGUF: its own reader, its own numbers of every block, and Llama in numpy's float64 with
rotary positions as llama.cpp turns them (neighbours, where the file's rows stand). Also writes small ones.

usage: llama_reference.py FILE.gguf TOKEN,TOKEN,...        the surprise of every token but the first, in nats"""
import struct
import sys

import numpy as np

NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


class Gguf:
    """keys: values by name; tensors: float32 arrays, made when they are asked for."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.at = 4
        _, tensors, keys = self.number("I"), self.number("Q"), self.number("Q")
        self.keys = {}
        for _ in range(keys):
            name = self.text()
            self.keys[name] = self.value(self.number("I"))
        places = []
        for _ in range(tensors):
            name = self.text()
            dims = [self.number("Q") for _ in range(self.number("I"))]
            places.append((name, dims[::-1], self.number("I"), self.number("Q")))
        start = -(-self.at // 32) * 32
        self.places = {name: (shape, kind, start + offset) for name, shape, kind, offset in places}

    def number(self, code):
        (found,) = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize(code)
        return found

    def text(self):
        size = self.number("Q")
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            element, count = self.number("I"), self.number("Q")
            return [self.value(element) for _ in range(count)]
        return self.number(NUMBERS[kind])

    def tensor(self, name):
        shape, kind, begin = self.places[name]
        count = int(np.prod(shape))
        if kind == 0:
            return np.frombuffer(self.data, np.float32, count, begin).reshape(shape)
        if kind == 1:
            return np.frombuffer(self.data, np.float16, count, begin).astype(np.float32).reshape(shape)
        size = {2: 18, 3: 20, 8: 34}[kind]
        blocks = np.frombuffer(self.data, np.uint8, count // 32 * size, begin).reshape(-1, size)
        scale = blocks[:, 0:2].copy().view(np.float16).astype(np.float32)
        if kind == 8:
            return (blocks[:, 2:].view(np.int8).astype(np.float32) * scale).reshape(shape)
        halves = blocks[:, size - 16:]
        whole = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32)
        least = blocks[:, 2:4].copy().view(np.float16).astype(np.float32) if kind == 3 else -8 * scale
        return (whole * scale + least).reshape(shape)


def rms(x, weight, epsilon):
    return weight * x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon)


def logits(file, tokens):
    key = lambda name: file.keys["llama." + name]
    weight = lambda name: file.tensor(name + ".weight").astype(np.float64)
    heads, kv, epsilon = key("attention.head_count"), key("attention.head_count_kv"), key("attention.layer_norm_rms_epsilon")
    table = file.tensor("token_embd.weight")
    x = table[tokens].astype(np.float64)
    length, size = len(tokens), x.shape[1] // heads
    angle = np.outer(np.arange(length), key("rope.freq_base") ** (-np.arange(0, size, 2) / size))
    turn = np.exp(1j * angle)

    def turned(h, count):
        pairs = h.reshape(length, count, size // 2, 2)
        pairs = (pairs[..., 0] + 1j * pairs[..., 1]) * turn[:, None, :]
        return np.stack([pairs.real, pairs.imag], axis=-1).reshape(length, count, size)

    hidden = np.triu(np.full((length, length), -np.inf), 1)
    for i in range(key("block_count")):
        at = f"blk.{i}."
        h = rms(x, weight(at + "attn_norm"), epsilon)
        q = turned(h @ weight(at + "attn_q").T, heads)
        k = turned(h @ weight(at + "attn_k").T, kv)
        v = (h @ weight(at + "attn_v").T).reshape(length, kv, size)
        mixed = np.empty((length, heads, size))
        for head in range(heads):
            score = q[:, head] @ k[:, head // (heads // kv)].T / np.sqrt(size) + hidden
            score = np.exp(score - score.max(axis=1, keepdims=True))
            mixed[:, head] = score / score.sum(axis=1, keepdims=True) @ v[:, head // (heads // kv)]
        x = x + mixed.reshape(length, -1) @ weight(at + "attn_output").T
        h = rms(x, weight(at + "ffn_norm"), epsilon)
        gate = h @ weight(at + "ffn_gate").T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ weight(at + "ffn_up").T)) @ weight(at + "ffn_down").T
    return rms(x, weight("output_norm"), epsilon) @ table.astype(np.float64).T


def surprises(z, tokens):
    z = z[:-1] - z[:-1].max(axis=1, keepdims=True)
    return np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), tokens[1:]]


# ---- writing

def text_of(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def key_of(name, value):
    """By Python's type; [str] and [int] are arrays, of texts and of 32 bits."""
    if isinstance(value, bool):
        kind, data = 7, struct.pack("<?", value)
    elif isinstance(value, int):
        kind, data = 4, struct.pack("<I", value)
    elif isinstance(value, float):
        kind, data = 6, struct.pack("<f", value)
    elif isinstance(value, str):
        kind, data = 8, text_of(value)
    else:
        element = 8 if isinstance(value[0], str) else 5
        data = b"".join(text_of(v) if element == 8 else struct.pack("<i", v) for v in value)
        kind, data = 9, struct.pack("<IQ", element, len(value)) + data
    return text_of(name) + struct.pack("<I", kind) + data


def blocks_of(values, kind):
    """float32 values as blocks of a type; what they stand for is what a reader makes of them."""
    if kind == 0:
        return values.astype(np.float32).tobytes()
    if kind == 1:
        return values.astype(np.float16).tobytes()
    rows = values.reshape(-1, 32).astype(np.float32)
    if kind == 8:
        scale = (np.abs(rows).max(axis=1, keepdims=True) / 127).astype(np.float16)
        whole = np.rint(rows / np.maximum(scale.astype(np.float32), 1e-8)).clip(-127, 127).astype(np.int8)
        return np.concatenate([scale.view(np.uint8), whole.view(np.uint8)], axis=1).tobytes()
    least, most = rows.min(axis=1, keepdims=True), rows.max(axis=1, keepdims=True)
    if kind == 2:
        largest = np.abs(rows).max(axis=1, keepdims=True)
        scale, shift, front = (largest / 7).astype(np.float16), 8.0, []
    else:
        scale, shift = ((most - least) / 15).astype(np.float16), 0.0
        front = [least.astype(np.float16).view(np.uint8)]
    base = 0 if kind == 2 else least.astype(np.float16).astype(np.float32)
    whole = np.rint((rows - base) / np.maximum(scale.astype(np.float32), 1e-8) + shift).clip(0, 15).astype(np.uint8)
    return np.concatenate([scale.view(np.uint8), *front, whole[:, :16] | whole[:, 16:] << 4], axis=1).tobytes()


def encode(keys, tensors):
    """tensors: name -> (array, type)."""
    front = b"".join(key_of(name, value) for name, value in keys.items())
    data, entries = b"", b""
    for name, (values, kind) in tensors.items():
        data += bytes(-len(data) % 32)
        entries += text_of(name) + struct.pack("<I", values.ndim) + b"".join(struct.pack("<Q", d) for d in values.shape[::-1])
        entries += struct.pack("<IQ", kind, len(data))
        data += blocks_of(values, kind)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + front + entries
    return head + bytes(-len(head) % 32) + data


def byte_letters():
    prints = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in prints]
    return {b: chr(b) for b in prints} | {b: chr(256 + i) for i, b in enumerate(others)}


def small(seed=1, channels=64, heads=4, kv=2, hidden=96, layers=2, context=64):
    """Keys and tensors of a small model with drawn weights, and a tokenizer of bytes and a few merges."""
    letters = byte_letters()
    tokens = ["<|end|>", "<|start|>"] + [letters[b] for b in range(256)]
    merges = [("t", "h"), ("th", "e"), ("i", "n"), ("\u0120", "a"), ("\u0120", "the"), ("a", "n"), ("an", "d")]
    tokens += [a + b for a, b in merges]
    tokens += [f"<|unused{i}|>" for i in range(-len(tokens) % 32)]
    kinds = [3 if t.startswith("<|") else 1 for t in tokens]
    keys = {"general.architecture": "llama", "general.name": "small", "general.alignment": 32,
            "llama.embedding_length": channels, "llama.feed_forward_length": hidden, "llama.block_count": layers,
            "llama.attention.head_count": heads, "llama.attention.head_count_kv": kv,
            "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.freq_base": 500.0,
            "llama.rope.dimension_count": channels // heads, "llama.context_length": context,
            "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm", "tokenizer.ggml.tokens": tokens,
            "tokenizer.ggml.token_type": kinds, "tokenizer.ggml.merges": [" ".join(m) for m in merges],
            "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 0}
    random = np.random.default_rng(seed)
    size = channels // heads

    def drawn(*shape):
        return random.standard_normal(shape).astype(np.float32) * np.float32(1.5 / np.sqrt(shape[-1]))

    tensors = {"token_embd.weight": (drawn(len(tokens), channels) * 2, 8)}
    for i in range(layers):
        at = f"blk.{i}."
        tensors[at + "attn_norm.weight"] = (1 + drawn(channels), 0)
        tensors[at + "attn_q.weight"] = (drawn(channels, channels), 3)
        tensors[at + "attn_k.weight"] = (drawn(kv * size, channels), 3)
        tensors[at + "attn_v.weight"] = (drawn(kv * size, channels), 2)
        tensors[at + "attn_output.weight"] = (drawn(channels, channels), 1)
        tensors[at + "ffn_norm.weight"] = (1 + drawn(channels), 0)
        tensors[at + "ffn_gate.weight"] = (drawn(hidden, channels), 8)
        tensors[at + "ffn_up.weight"] = (drawn(hidden, channels), 3)
        tensors[at + "ffn_down.weight"] = (drawn(channels, hidden), 0)
    tensors["output_norm.weight"] = (1 + drawn(channels), 0)
    return keys, tensors


if __name__ == "__main__":
    asked = [int(t) for t in sys.argv[2].split(",")]
    for token, surprise in zip(asked[1:], surprises(logits(Gguf(sys.argv[1]), asked), asked)):
        print(token, surprise)
