"""A GPT-2 as Hugging Face's files have it: the library reads it and answers what PyTorch computes in float64 by
formulas that are written out, and what it writes has the same names, shapes and numbers.

usage: gpt2_test.py [PROGRAM]
2 s of one core. Skipped where Python has no torch or no numpy (Debian: python3-torch, python3-numpy).
"""
import os
import pathlib
import subprocess
import sys
import tempfile

SKIPPED = 77
os.environ["OPENBLAS_NUM_THREADS"] = "1"
try:
    import numpy
    import torch
except ImportError:
    print("SKIPPED weights of GPT-2: Python has no torch or no numpy (Debian: python3-torch, python3-numpy)")
    sys.exit(SKIPPED)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
import safetensors_io

PROGRAM = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                       pathlib.Path(os.environ.get("SPANKEY_BIN", ".")) / "spankey_gpt2_weights").resolve()
V, CONTEXT, C, LAYERS, HEADS, N, T = 272, 40, 48, 3, 4, 3, 29
LIMIT = 1e-5  # of ||got - want|| / ||want||


def state_dict():
    """Random weights; matrices of maps are Conv1D's (in, out)."""
    generator = torch.Generator().manual_seed(5)

    def normal(*shape, mean=0.0, deviation=0.3):
        return mean + deviation * torch.randn(shape, generator=generator)

    weights = {"wte.weight": normal(V, C), "wpe.weight": normal(CONTEXT, C)}
    for layer in range(LAYERS):
        for name, (inputs, outputs) in {"attn.c_attn": (C, 3 * C), "attn.c_proj": (C, C), "mlp.c_fc": (C, 4 * C),
                                        "mlp.c_proj": (4 * C, C)}.items():
            weights[f"h.{layer}.{name}.weight"] = normal(inputs, outputs, deviation=inputs ** -0.5)
            weights[f"h.{layer}.{name}.bias"] = normal(outputs)
        for name in ("ln_1", "ln_2"):
            weights[f"h.{layer}.{name}.weight"], weights[f"h.{layer}.{name}.bias"] = normal(C, mean=1.0), normal(C)
    weights["ln_f.weight"], weights["ln_f.bias"] = normal(C, mean=1.0), normal(C)
    return weights


def masks(prefix):
    """What older files have beside the weights."""
    extra = {}
    for layer in range(LAYERS):
        extra[f"{prefix}h.{layer}.attn.bias"] = torch.ones(CONTEXT, CONTEXT).tril().bool()[None, None]
        extra[f"{prefix}h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    return extra


def logits_of(weights, x):
    w = {name: tensor.double() for name, tensor in weights.items()}

    def norm(name, h):
        centred = h - h.mean(2, keepdim=True)
        scaled = centred / (centred.square().mean(2, keepdim=True) + 1e-5).sqrt()
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    def conv1d(name, h):
        return h @ w[f"{name}.weight"] + w[f"{name}.bias"]

    def attention(name, h):
        parts = conv1d(f"{name}.c_attn", h).split(C, 2)
        q, k, v = (part.reshape(N, T, HEADS, C // HEADS).transpose(1, 2) for part in parts)
        scores = (q @ k.transpose(2, 3)) / (C // HEADS) ** 0.5
        scores = scores.masked_fill(torch.ones(T, T).triu(1).bool(), -torch.inf)
        weight = (scores - scores.amax(3, keepdim=True)).exp()
        y = (weight / weight.sum(3, keepdim=True)) @ v
        return conv1d(f"{name}.c_proj", y.transpose(1, 2).reshape(N, T, C))

    def gelu_new(h):
        return 0.5 * h * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (h + 0.044715 * h ** 3)))

    h = w["wte.weight"][x] + w["wpe.weight"][:T]
    for layer in range(LAYERS):
        block = f"h.{layer}"
        h = h + attention(f"{block}.attn", norm(f"{block}.ln_1", h))
        h = h + conv1d(f"{block}.mlp.c_proj", gelu_new(conv1d(f"{block}.mlp.c_fc", norm(f"{block}.ln_2", h))))
    return norm("ln_f", h) @ w["wte.weight"].T


TYPES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.int64: "I64", torch.bool: "BOOL"}


def stored(tensors):
    return {name: (TYPES[t.dtype], tuple(t.shape), t.contiguous().numpy().tobytes()) for name, t in tensors.items()}


def loaded(path):
    return {name: numpy.frombuffer(content, numpy.float32).reshape(shape)
            for name, (dtype, shape, content) in safetensors_io.read(path)[0].items() if dtype == "F32"}


class Test:
    def __init__(self, folder):
        self.folder, self.count, self.failures = pathlib.Path(folder), 0, []
        self.x = torch.randint(V, (N, T), generator=torch.Generator().manual_seed(6))
        safetensors_io.write(self.folder / "samples", stored({"x": self.x}), {})

    def check(self, what, ok, found=""):
        self.count += 1
        if not ok:
            self.failures.append(f"{what}: {found}")

    def run(self, tensors):
        """-> (exit status, output, the result's tensors, those of the weights that it wrote)"""
        paths = [self.folder / name for name in ("weights", "samples", "result", "own")]
        for path in paths[2:]:
            path.unlink(missing_ok=True)
        safetensors_io.write(paths[0], stored(tensors), {"format": "pt"})
        sizes = map(str, (V, CONTEXT, C, LAYERS, HEADS))
        done = subprocess.run([PROGRAM, *sizes, *paths], capture_output=True, text=True, timeout=300)
        results = [loaded(path) if path.exists() else None for path in paths[2:]]
        return done.returncode, done.stdout + done.stderr, *results

    def accepted(self, what, tensors, weights, notes):
        """The logits and the written weights are those of `weights`; `notes` are what the loader says."""
        status, text, result, own = self.run(tensors)
        self.check(f"{what}: exit status", status == 0, text)
        if status != 0:
            return
        self.check(f"{what}: notes", text.splitlines() == notes, text)
        want = logits_of(weights, self.x).numpy()
        error = numpy.linalg.norm(result["logits"] - want) / numpy.linalg.norm(want)
        self.check(f"{what}: logits", error <= LIMIT, f"error {error:.1e}")
        shapes = {name: tuple(t.shape) for name, t in weights.items()}
        found = {name: t.shape for name, t in own.items()}
        self.check(f"{what}: written names and shapes", shapes == found, found)
        same = shapes == found and all((own[name] == t.float().numpy()).all() for name, t in weights.items())
        self.check(f"{what}: written numbers", same)

    def refused(self, what, tensors, culprit):
        status, text, result, own = self.run(tensors)
        ok = status == 2 and text.count("\n") == 1 and culprit in text and result is None and own is None
        self.check(what, ok, (status, text))


def main():
    if not PROGRAM.exists():
        print(f"no program {PROGRAM}")
        return 1
    weights = state_dict()
    prefixed = {f"transformer.{name}": t for name, t in weights.items()}
    head = {"lm_head.weight": weights["wte.weight"]}
    no_prefix = 'names without "transformer." before them'

    def left_out(prefix):
        return f"left out: {', '.join(sorted(masks(prefix)))}"

    with tempfile.TemporaryDirectory() as folder:
        test = Test(folder)
        test.accepted("plain names", weights, weights, [])
        test.accepted("with a prefix", prefixed, weights, [no_prefix])
        test.accepted("with masks", weights | masks(""), weights, [left_out("")])
        test.accepted("with a head", weights | head, weights, ["lm_head.weight is wte.weight once more"])
        test.accepted("with everything", prefixed | masks("transformer.") | head, weights,
                      [no_prefix, "lm_head.weight is wte.weight once more", left_out("transformer.")])
        without = {name: t for name, t in prefixed.items() if "wte" not in name}
        test.accepted("a head in the table's place", without | head, weights,
                      [no_prefix, "other names for the same layers: lm_head.weight"])
        halves = {name: t.half() for name, t in weights.items()}
        test.accepted("half precision", halves, halves, ["F16 widened to F32"])

        other = weights["wte.weight"].clone()
        other[-1, -1] += 1
        test.refused("a head of other numbers", prefixed | {"lm_head.weight": other}, f"as element {V * C - 1}")
        test.refused("two heads", prefixed | head | {"transformer.lm_head.weight": other}, "transformer.lm_head.weight F32")
        test.refused("a head of another shape", weights | {"lm_head.weight": other[:-1]}, "weights.113")
        test.refused("a head of whole numbers", weights | {"lm_head.weight": other.long()}, "weights.113")
        linear = {name: t.T if "c_" in name and t.dim() == 2 else t for name, t in weights.items()}
        test.refused("torch.nn.Linear's layout", linear, "h.0.attn.c_attn.weight (144, 48) where (48, 144) is expected")
        test.refused("a layer more", weights | {"h.3.ln_1.weight": weights["ln_f.weight"]}, "h.3.ln_1.weight")
        test.refused("no table", without, "1 missing: wte.weight (272, 48)")
        test.refused("a bias of no mask", weights | {"h.0.mlp.bias": torch.zeros(C)}, "h.0.mlp.bias")
    print("\n".join(test.failures))
    print(f"{test.count - len(test.failures)} of {test.count} checks passed")
    return 1 if test.failures else 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
