"""How many tokens a second a language model writes, here, in llama.cpp and in PyTorch, at as many bits a weight, turn by turn on the
same cores.

usage: compare_language_model.py GGUF RUN [--spankey build/release/bin/spankey] [--tokens 32] [--rounds 5] [--threads N]
                                 [--llama-bench PROGRAM --q8-0 GGUF] [--no-pytorch]

GGUF: a Llama (docs/language_models.md); RUN: the same, imported. PyTorch reads the same weights: as float32, as bfloat16, and as int8
through torch.ao.quantization.quantize_dynamic, the head's table included; keys and values are kept on both sides. llama.cpp's
llama-bench stands beside int8, with the same model in Q8_0, which its llama-quantize makes; it chooses no tokens, the others do. Of
every round the same number of tokens behind one prompt; the median and the best round are printed."""
import argparse
import json
import re
import statistics
import subprocess


def llama_cpp(program, gguf, tokens, threads):
    flags = ["-t", str(threads)] if threads else []
    ran = subprocess.run([program, "-m", gguf, "-p", "0", "-n", str(tokens), "-r", "1", "-o", "json", *flags], capture_output=True, check=True)
    return json.loads(ran.stdout)[0]["avg_ts"]


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
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--weights", default="fp32,bf16,int8")
    parser.add_argument("--llama-bench")
    parser.add_argument("--q8-0")
    parser.add_argument("--no-pytorch", action="store_true")
    options = parser.parse_args()
    if (options.llama_bench is None) != (options.q8_0 is None):
        parser.error("--llama-bench and --q8-0 belong together")
    if not options.no_pytorch:
        import pytorch_language_model
        print(pytorch_language_model.describe(options.threads))
    print(f"{options.threads or 'all'} threads, {options.tokens} tokens, {options.rounds} rounds: tokens a second, median (best)\n"
          "| weights | SpanKey | llama.cpp | PyTorch |\n|---|---|---|---|")
    for weights in options.weights.split(","):
        sides = {"SpanKey": lambda: spankey(options.spankey, options.run, weights, options.tokens, options.threads)}
        if options.llama_bench and weights == "int8":
            sides["llama.cpp"] = lambda: llama_cpp(options.llama_bench, options.q8_0, options.tokens, options.threads)
        if not options.no_pytorch:
            sides["PyTorch"] = pytorch_language_model.writer(options.gguf, weights, options.tokens)
        found = {name: [] for name in sides}
        for _ in range(options.rounds):
            for name, measure in sides.items():
                found[name].append(measure())
        cell = lambda name: f"{statistics.median(found[name]):.1f} ({max(found[name]):.1f})" if name in found else "-"
        print(f"| {weights} | {cell('SpanKey')} | {cell('llama.cpp')} | {cell('PyTorch')} |", flush=True)


if __name__ == "__main__":
    main()
