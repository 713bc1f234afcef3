"""How many tokens a second a language model writes, here and in PyTorch, at as many bits a weight, turn by turn on the same cores.

usage: compare_language_model.py GGUF RUN [--spankey build/release/bin/spankey] [--tokens 32] [--rounds 3] [--threads N]

GGUF: a Llama (docs/language_models.md); RUN: the same, imported. PyTorch reads the same weights: as float32, as bfloat16, and as int8
through torch.ao.quantization.quantize_dynamic, the head's table included; keys and values are kept on both sides. Of every round the
same number of tokens behind one prompt; the best and the median round are printed."""
import argparse
import pathlib
import re
import statistics
import subprocess
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


def pytorch(file, weights, tokens):
    """What writes `tokens` tokens and says how many a second; and the tokens."""
    dtype = torch.bfloat16 if weights == "bf16" else torch.float32
    model = Llama(file, tokens + 8).to(dtype).eval()
    if weights == "int8":
        model = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, torch.qint8)

    def write():
        with torch.inference_mode():
            model.begin(dtype)
            token, written = file.keys["tokenizer.ggml.bos_token_id"], []
            token = int(model(token).argmax())
            start = time.perf_counter()
            for _ in range(tokens):
                written.append(token)
                token = int(model(token).argmax())
            return tokens / (time.perf_counter() - start), written

    return write


def spankey(program, run, weights, tokens, threads):
    flags = ["--threads", str(threads)] if threads else []
    ran = subprocess.run([program, "generate", "--run", run, "--weights", weights, "--temperature", "0", "--tokens", str(tokens), "--time",
                          *flags], capture_output=True, check=True)
    return float(re.search(rb"wrote: .* s, ([0-9.]+) a second", ran.stderr)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gguf")
    parser.add_argument("run")
    parser.add_argument("--spankey", default="build/release/bin/spankey")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--weights", default="fp32,bf16,int8")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    file = llama_reference.Gguf(options.gguf)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads\n| weights | SpanKey, best | median | PyTorch, best | median |\n|---|---|---|---|---|")
    for weights in options.weights.split(","):
        peer, own, other = pytorch(file, weights, options.tokens), [], []
        for _ in range(options.rounds):
            other.append(peer()[0])
            own.append(spankey(options.spankey, options.run, weights, options.tokens, options.threads))
        print(f"| {weights} | {max(own):.1f} | {statistics.median(own):.1f} | {max(other):.1f} | {statistics.median(other):.1f} |", flush=True)


if __name__ == "__main__":
    main()
