"""Ten AdamW steps of a small GPT-2 in PyTorch, float64: what gpt_test.cpp compares the library with.

usage: make_gpt_losses.py > gpt_losses.hpp
In the manner of llm.c's test, whose file of golden values comes from the weights of OpenAI. Needs torch.
"""
import textwrap

import numpy
import torch

V, T, C, LAYERS, HEADS, B = 272, 64, 64, 2, 4, 4
RATE, STEPS = 1e-4, 10
SAMPLES = 6  # elements of a gradient, at equal distances
WATCHED = ["wte.weight", "wpe.weight", "h.0.ln_1.weight", "h.0.attn.c_attn.weight", "h.0.attn.c_proj.weight",
           "h.1.mlp.c_fc.bias", "h.1.mlp.c_fc.weight", "h.1.mlp.c_proj.weight", "h.1.mlp.c_proj.bias", "ln_f.bias"]


def random_bits(stream, count):
    """SplitMix64 of (stream, index)."""
    with numpy.errstate(over="ignore"):
        z = numpy.arange(count, dtype=numpy.uint64) + numpy.uint64(stream << 32) + numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        return z ^ (z >> numpy.uint64(31))


def parameters():
    """{name: tensor}, in the library's order; floats of -1/2 to 1/2, a quarter of that, and 1 more in norms' scales."""
    shapes = {"wte.weight": (V, C), "wpe.weight": (T, C)}
    for layer in range(LAYERS):
        shapes |= {f"h.{layer}.{name}": shape for name, shape in {
            "ln_1.weight": (C,), "ln_1.bias": (C,), "attn.c_attn.weight": (C, 3 * C), "attn.c_attn.bias": (3 * C,),
            "attn.c_proj.weight": (C, C), "attn.c_proj.bias": (C,), "ln_2.weight": (C,), "ln_2.bias": (C,),
            "mlp.c_fc.weight": (C, 4 * C), "mlp.c_fc.bias": (4 * C,), "mlp.c_proj.weight": (4 * C, C),
            "mlp.c_proj.bias": (C,)}.items()}
    shapes |= {"ln_f.weight": (C,), "ln_f.bias": (C,)}
    drawn = {}
    for stream, (name, shape) in enumerate(shapes.items()):
        unit = (random_bits(stream, int(numpy.prod(shape))) >> numpy.uint64(40)).astype(numpy.float64) / 2 ** 24 - 0.5
        values = unit / 4 + (".ln_" in f".{name}" and name.endswith("weight"))
        rounded = values.astype(numpy.float32).astype(numpy.float64).reshape(shape)
        drawn[name] = torch.tensor(rounded, requires_grad=True)
    return drawn


def loss_of(p, x, y):
    def norm(name, h):
        return torch.nn.functional.layer_norm(h, (C,), p[f"{name}.weight"], p[f"{name}.bias"], 1e-5)

    def conv1d(name, h):
        return h @ p[f"{name}.weight"] + p[f"{name}.bias"]

    h = p["wte.weight"][x] + p["wpe.weight"]
    for layer in range(LAYERS):
        block = f"h.{layer}"
        q, k, v = (part.reshape(B, T, HEADS, C // HEADS).transpose(1, 2)
                   for part in conv1d(f"{block}.attn.c_attn", norm(f"{block}.ln_1", h)).split(C, 2))
        scores = (q @ k.transpose(2, 3) / (C // HEADS) ** 0.5).masked_fill(torch.ones(T, T).triu(1).bool(), -torch.inf)
        h = h + conv1d(f"{block}.attn.c_proj", (scores.softmax(3) @ v).transpose(1, 2).reshape(B, T, C))
        wide = conv1d(f"{block}.mlp.c_fc", norm(f"{block}.ln_2", h))
        h = h + conv1d(f"{block}.mlp.c_proj", torch.nn.functional.gelu(wide, approximate="tanh"))
    return torch.nn.functional.cross_entropy((norm("ln_f", h) @ p["wte.weight"].T).flatten(0, 1), y.flatten())


def main():
    torch.set_num_threads(1)
    p = parameters()
    first = {name: t.detach().clone() for name, t in p.items()}
    text = torch.tensor((random_bits(100, B * (T + 1)) % numpy.uint64(256)).astype(numpy.int64).reshape(B, T + 1))
    optimizer = torch.optim.AdamW([{"params": [t for t in p.values() if t.dim() > 1], "weight_decay": 0.01},
                                   {"params": [t for t in p.values() if t.dim() == 1], "weight_decay": 0.0}],
                                  lr=RATE, betas=(0.9, 0.999), eps=1e-8)
    losses, gradients = [], {}
    for step in range(STEPS):
        loss = loss_of(p, text[:, :-1], text[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            gradients = {name: p[name].grad.clone() for name in WATCHED}
        optimizer.step()
        losses.append(float(loss))

    def numbers(values):
        return "{" + ", ".join(repr(float(v)) for v in values) + "}"

    def wrapped(text, indent):
        return textwrap.fill(text, 110, initial_indent=indent, subsequent_indent=indent + "    ")

    print(f"""// By make_gpt_losses.py: do not edit.
#pragma once

#include <array>

namespace golden {{

// clang-format off
{wrapped(f"inline constexpr std::array<double, {STEPS}> losses{numbers(losses)};", "")}

/// A tensor at the first step, and how far ten steps moved it along itself: (w - w0) . w0 / (lr |w0|^2).
struct watched_tensor {{
  const char* name;
  double gradient_norm;
  std::array<double, {SAMPLES}> gradient;  // in the file's order, at equal distances
  double moved;
}};
inline constexpr watched_tensor tensors[] = {{""")
    for name, g in gradients.items():
        flat, w0 = g.flatten(), first[name]
        picked = [flat[i * (len(flat) // SAMPLES)] for i in range(SAMPLES)]
        moved = float(((p[name].detach() - w0) * w0).sum() / (RATE * w0.square().sum()))
        print(wrapped(f'{{"{name}", {float(g.norm())!r}, {numbers(picked)}, {moved!r}}},', "    "))
    print("};\n// clang-format on\n\n}  // namespace golden")


if __name__ == "__main__":
    main()
