"""A Llama of a GGUF in PyTorch, which writes token by token: the peer of compare_language_model.py."""
import pathlib
import sys
import time

import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "program"))
import llama_reference


class Rms(nn.Module):
    def __init__(self, weight, epsilon):
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(weight, requires_grad=False), epsilon

    def forward(self, x):
        return self.weight * x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.epsilon)


def linear(*weights):
    joined = torch.cat([torch.from_numpy(w.copy()) for w in weights])
    made = nn.Linear(joined.shape[1], joined.shape[0], bias=False)
    made.weight = nn.Parameter(joined, requires_grad=False)
    return made


class Llama(nn.Module):
    """Neighbours are turned, as the file's rows stand."""

    def __init__(self, file, context):
        super().__init__()
        key = lambda name: file.keys["llama." + name]
        tensor = lambda name: file.tensor(name + ".weight")
        epsilon = key("attention.layer_norm_rms_epsilon")
        norm = lambda name: Rms(torch.from_numpy(tensor(name).copy()), epsilon)
        self.heads, self.kv, self.context = key("attention.head_count"), key("attention.head_count_kv"), context
        self.table = nn.Parameter(torch.from_numpy(tensor("token_embd").copy()), requires_grad=False)
        self.size = self.table.shape[1] // self.heads
        self.blocks = nn.ModuleList()
        for i in range(key("block_count")):
            at = f"blk.{i}."
            self.blocks.append(nn.ModuleDict({
                "norm1": norm(at + "attn_norm"), "norm2": norm(at + "ffn_norm"),
                "qkv": linear(tensor(at + "attn_q"), tensor(at + "attn_k"), tensor(at + "attn_v")),
                "out": linear(tensor(at + "attn_output")),
                "up": linear(tensor(at + "ffn_gate"), tensor(at + "ffn_up")), "down": linear(tensor(at + "ffn_down"))}))
        self.norm, self.head = norm("output_norm"), linear(tensor("token_embd"))
        angle = torch.outer(torch.arange(context), key("rope.freq_base") ** (-torch.arange(0, self.size, 2) / self.size))
        self.cosine, self.sine = angle.cos(), angle.sin()

    def begin(self, dtype):
        self.kept = [[torch.zeros(self.kv, self.context, self.size, dtype=dtype) for _ in range(2)] for _ in self.blocks]
        self.cosine, self.sine = self.cosine.to(dtype), self.sine.to(dtype)
        self.position = 0

    def turned(self, x):
        even, odd, c, s = x[:, ::2], x[:, 1::2], self.cosine[self.position], self.sine[self.position]
        return torch.stack([even * c - odd * s, odd * c + even * s], -1).flatten(1)

    def forward(self, token):
        x = self.table[token].view(1, -1)
        for block, (keys, values) in zip(self.blocks, self.kept):
            qkv = block["qkv"](block["norm1"](x)).view(-1, self.size)
            q, k = self.turned(qkv[:self.heads]), self.turned(qkv[self.heads:self.heads + self.kv])
            keys[:, self.position], values[:, self.position] = k, qkv[self.heads + self.kv:]
            seen = self.position + 1
            q = q.view(self.kv, self.heads // self.kv, self.size)
            p = (q @ keys[:, :seen].transpose(1, 2) * self.size**-0.5).softmax(-1)
            x = x + block["out"]((p @ values[:, :seen]).view(1, -1))
            gate, up = block["up"](block["norm2"](x)).chunk(2, -1)
            x = x + block["down"](nn.functional.silu(gate) * up)
        self.position += 1
        return self.head(self.norm(x))


def describe(threads):
    if threads:
        torch.set_num_threads(threads)
    return f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads"


def writer(gguf, weights, tokens):
    """What writes `tokens` tokens and says how many a second."""
    file = llama_reference.Gguf(gguf)
    dtype = torch.bfloat16 if weights == "bf16" else torch.float32
    model = Llama(file, tokens + 8).to(dtype).eval()
    if weights == "int8":
        model = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, torch.qint8)

    def write():
        with torch.inference_mode():
            model.begin(dtype)
            token = int(model(file.keys["tokenizer.ggml.bos_token_id"]).argmax())
            start = time.perf_counter()
            for _ in range(tokens):
                token = int(model(token).argmax())
            return tokens / (time.perf_counter() - start)

    return write
