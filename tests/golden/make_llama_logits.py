"""Logits of a small Llama in float64, for tests/model/llama_test.cpp: the formulas of Hugging Face's modeling_llama.py (RMS norm,
rotary positions whose halves lie apart, grouped queries, SwiGLU, a head tied to the embedding), written once more in numpy.
`python3 make_llama_logits.py` prints them."""

import numpy as np

V, T, C, F, LAYERS, HEADS, KV, THETA, EPS = 9, 5, 12, 10, 2, 3, 1, 50.0, 1e-5
SIZE = C // HEADS


def weights():
    """By name, in the order of the test's network; numbers follow from their place alone."""
    shapes = {"model.embed_tokens": (V, C)}
    for i in range(LAYERS):
        at = f"model.layers.{i}."
        shapes[at + "input_layernorm"] = (C,)
        shapes[at + "self_attn.q_proj"] = (C, C)
        shapes[at + "self_attn.k_proj"] = (KV * SIZE, C)
        shapes[at + "self_attn.v_proj"] = (KV * SIZE, C)
        shapes[at + "self_attn.o_proj"] = (C, C)
        shapes[at + "post_attention_layernorm"] = (C,)
        shapes[at + "mlp.gate_proj"] = (F, C)
        shapes[at + "mlp.up_proj"] = (F, C)
        shapes[at + "mlp.down_proj"] = (C, F)
    shapes["model.norm"] = (C,)
    found, number = {}, 0
    for name, shape in shapes.items():
        count = int(np.prod(shape))
        values = 0.4 * np.sin(0.7 * (number + np.arange(count, dtype=np.float64)) + 0.3)
        found[name] = (values + (1.0 if len(shape) == 1 else 0.0)).reshape(shape)
        number += count
    return found


def rms(x, weight):
    return weight * x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + EPS)


def rotated(x):
    """x (heads, T, SIZE), by x cos + rotate_half(x) sin."""
    frequency = 1.0 / THETA ** (np.arange(0, SIZE, 2) / SIZE)
    angle = np.outer(np.arange(x.shape[1]), frequency)
    angle = np.concatenate([angle, angle], axis=1)
    half = SIZE // 2
    return x * np.cos(angle) + np.concatenate([-x[..., half:], x[..., :half]], axis=-1) * np.sin(angle)


def heads_of(x, count):
    return x.reshape(len(x), count, SIZE).transpose(1, 0, 2)


def logits(tokens):
    w = weights()
    x = w["model.embed_tokens"][tokens]
    for i in range(LAYERS):
        at = f"model.layers.{i}."
        h = rms(x, w[at + "input_layernorm"])
        q = rotated(heads_of(h @ w[at + "self_attn.q_proj"].T, HEADS))
        k = rotated(heads_of(h @ w[at + "self_attn.k_proj"].T, KV))
        v = heads_of(h @ w[at + "self_attn.v_proj"].T, KV)
        k, v = np.repeat(k, HEADS // KV, axis=0), np.repeat(v, HEADS // KV, axis=0)
        score = q @ k.transpose(0, 2, 1) / np.sqrt(SIZE)
        score = np.where(np.tril(np.ones(score.shape[1:])) > 0, score, -np.inf)
        score = np.exp(score - score.max(axis=-1, keepdims=True))
        score /= score.sum(axis=-1, keepdims=True)
        x = x + (score @ v).transpose(1, 0, 2).reshape(len(x), C) @ w[at + "self_attn.o_proj"].T
        h = rms(x, w[at + "post_attention_layernorm"])
        g, u = h @ w[at + "mlp.gate_proj"].T, h @ w[at + "mlp.up_proj"].T
        x = x + (g / (1 + np.exp(-g)) * u) @ w[at + "mlp.down_proj"].T
    return rms(x, w["model.norm"]) @ w["model.embed_tokens"].T


if __name__ == "__main__":
    print(",\n".join(repr(v) for v in logits([(2 * t + 1) % V for t in range(T)]).ravel().tolist()))
