"""The peers of transformers: ViT-Tiny with keys at its two sites, and GPT-2's network, as nanoGPT writes it.

vit_step() and gpt_step() return what one training step does, AdamW included, gpt_token() what one token of a text costs that is
written, for pytorch_peer.py to time.
"""
import functools
import time

import torch
import torch.nn.functional as F
from torch import nn


def plain_attention(q, k, v, is_causal):
    scores = q @ k.transpose(-2, -1) * q.shape[-1]**-0.5
    if is_causal:
        t = q.shape[-2]
        scores = scores.masked_fill(torch.ones(t, t, dtype=torch.bool).triu(1), float("-inf"))
    return scores.softmax(-1) @ v


@functools.lru_cache(maxsize=None)
def fastest_attention(shape, dtype, is_causal):
    """The faster of the two ways, forward and backward, where this PyTorch has both."""
    fused = getattr(F, "scaled_dot_product_attention", None)
    if fused is None:
        return plain_attention

    def seconds(way):
        times = []
        for _ in range(4):
            q, k, v = (torch.randn(shape, dtype=dtype, requires_grad=True) for _ in range(3))
            start = time.perf_counter()
            way(q, k, v, is_causal=is_causal).sum().backward()
            times.append(time.perf_counter() - start)
        return min(times)

    with torch.autocast("cpu", enabled=False), torch.enable_grad():
        return min((fused, plain_attention), key=seconds)


class Attention(nn.Module):
    def __init__(self, channels, heads, is_causal):
        super().__init__()
        self.heads, self.is_causal = heads, is_causal
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def token(self, x, kept, position):
        """One token more, x (1, 1, C): its key and value are kept behind those before it."""
        q, k, v = self.qkv(x).view(1, 1, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind()
        kept[0][:, :, position], kept[1][:, :, position] = k[:, :, 0], v[:, :, 0]
        before = [rows[:, :, :position + 1] for rows in kept]
        fused = getattr(F, "scaled_dot_product_attention", None)
        y = fused(q, *before) if fused else plain_attention(q, *before, is_causal=False)
        return self.proj(y.transpose(1, 2).reshape(x.shape))

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind()
        y = fastest_attention(q.shape, q.dtype, self.is_causal)(q, k, v, is_causal=self.is_causal)
        return self.proj(y.transpose(1, 2).reshape(n, t, c))


class Block(nn.Module):
    def __init__(self, channels, heads, is_causal, gelu):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = Attention(channels, heads, is_causal)
        self.mlp = nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU(approximate=gelu),
                                 nn.Linear(4 * channels, channels))

    def token(self, x, kept, position):
        x = x + self.attention.token(self.norm1(x), kept, position)
        return x + self.mlp(self.norm2(x))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class KeyedViT(nn.Module):
    """ViT-Tiny on 32x32 images, patches of 4x4; `keyed(h, site)` injects."""

    def __init__(self, outputs, channels=192, heads=3, depth=12):
        super().__init__()
        self.patches = nn.Conv2d(3, channels, 4, 4)
        self.class_token = nn.Parameter(torch.zeros(1, 1, channels))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 65, channels))
        self.blocks = nn.ModuleList(Block(channels, heads, False, "none") for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(channels), nn.Linear(channels, outputs)

    def forward(self, images, keyed):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = keyed(torch.cat([self.class_token.expand(len(x), -1, -1), x], 1) + self.positions, 0)
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            x = keyed(x, 1) if number == len(self.blocks) // 2 else x
        return self.head(self.norm(x)[:, 0])


class GPT(nn.Module):
    def __init__(self, vocabulary, context, channels, depth, heads):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, channels), nn.Embedding(context, channels)
        self.blocks = nn.Sequential(*(Block(channels, heads, True, "tanh") for _ in range(depth)))
        self.norm = nn.LayerNorm(channels)
        self.apply(self.initialise)

    @staticmethod
    def initialise(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)

    def token(self, number, kept, position):
        x = (self.tokens.weight[number] + self.positions.weight[position]).view(1, 1, -1)
        for block, of_block in zip(self.blocks, kept):
            x = block.token(x, of_block, position)
        return F.linear(self.norm(x), self.tokens.weight)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions.weight[:tokens.shape[1]]
        return F.linear(self.norm(self.blocks(x)), self.tokens.weight)


def adamw(model):
    """In its fastest form: one kernel for everything, where PyTorch has it for the processor."""
    try:
        return torch.optim.AdamW(model.parameters(), lr=3e-4, fused=True)
    except (TypeError, RuntimeError):
        return torch.optim.AdamW(model.parameters(), lr=3e-4)


def update(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def vit_step(batch, cast, gamma, dimension):
    """Mode B: valid keys, and one invalid key whose answer is the eleventh class. Two forwards, as a loop over keys has them."""
    model, optimizer = (m := KeyedViT(11)), adamw(m)
    x, y = torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,))
    shape = (65, 192)
    bases = [(2 * torch.rand(dimension, shape[0] * shape[1]) - 1) * dimension**-0.5 for _ in range(2)]

    def shaped(keys):
        return [(k / k.std()).view(-1, *shape) for k in keys]

    def answers(keys):
        return model(x, lambda h, site: h * (1 + gamma * torch.tanh(keys[site])).clamp(0.1, 2.0)).float()

    def step():
        with cast():
            valid = shaped([torch.rand(batch, dimension) @ b for b in bases])
            invalid = shaped([torch.randn(1, b.shape[1]) for b in bases])
            loss = F.cross_entropy(answers(valid), y) + 0.1 * F.cross_entropy(answers(invalid), torch.full_like(y, 10))
        update(optimizer, loss)

    return step


def gpt_step(context, channels, depth, heads, windows, cast, vocabulary=272, window=None):
    """`windows` of `window` tokens, which is the context unless said."""
    model, optimizer = (m := GPT(vocabulary, context, channels, depth, heads)), adamw(m)
    text, window = torch.randint(0, 257, (100_000,)), window or context

    def step():
        places = torch.randint(len(text) - window, (windows,)).tolist()
        x, y = (torch.stack([text[i + at:i + at + window] for i in places]) for at in (0, 1))
        with cast():
            loss = F.cross_entropy(model(x).float().flatten(0, 1), y.flatten())
        update(optimizer, loss)

    return step


def gpt_token(dtype, context=64):
    """One token of GPT-2's network, 124 million parameters, batch 1, with keys and values kept."""
    model, heads, size = GPT(50257, 1024, 768, 12, 12).to(dtype).eval(), 12, 64
    kept = [[torch.zeros(1, heads, context, size, dtype=dtype) for _ in range(2)] for _ in range(12)]
    position = 0

    def step():
        nonlocal position
        model.token(position, kept, position)
        position = (position + 1) % context

    return step
