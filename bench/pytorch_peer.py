"""The peer: keyed ResNet-18 (mul, gamma 2, sites 0,2,3,4) on the CPU in PyTorch, channels last.

usage: pytorch_peer.py CASE [--precision fp32|bf16] [--groups 1|2|3] [--batch N] [--threads T] [--steps S]
       CASE: fast (a step of fast_cnn by airbench94's recipe, without keys),
       vit, gpt, gpt-nano, gpt2 (a step of pytorch_transformers.py; batch: windows of a gpt), generate (a token of GPT-2),
       train (groups: 1 valid keys; 2 and an invalid key, mode B; 3 and no key) or infer (one step of training
       before it, as in a process that trains: PyTorch is faster there than in a fresh one).
Precision bf16 is torch.autocast around forward and loss. Prints one JSON object: images, or tokens, per second (median
step), peak memory, versions. Needs PyTorch; Debian: python3-torch.
"""
import argparse
import json
import re
import resource
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

import pytorch_transformers

SITES = {0: (3, 32, 32), 2: (128, 16, 16), 3: (256, 8, 8), 4: (512, 4, 4)}
GAMMA, DIMENSION = 2.0, 32
GPT_SIZES = {"gpt": {"context": 256, "channels": 384, "depth": 6, "heads": 6},
             "gpt-nano": {"context": 64, "channels": 128, "depth": 4, "heads": 4},
             "gpt2": {"context": 1024, "channels": 768, "depth": 12, "heads": 12, "vocabulary": 50257, "window": 64}}


def channels_last(x):
    return x.contiguous(memory_format=torch.channels_last)


def norm_conv(inputs, outputs, size, stride):
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first, self.second = norm_conv(inputs, outputs, 3, stride), norm_conv(outputs, outputs, 3, 1)
        same = stride == 1 and inputs == outputs
        self.skip = nn.Identity() if same else norm_conv(inputs, outputs, 1, stride)

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x))) + self.skip(x))


class KeyedResNet18(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.stem = norm_conv(3, 64, 3, 1)
        widths = [64, 64, 128, 256, 512]
        self.stages = nn.ModuleList(
            nn.Sequential(Block(a, b, 1 if a == b else 2), Block(b, b, 1)) for a, b in zip(widths, widths[1:]))
        self.head = nn.Linear(512, outputs)

    def forward(self, x, keys):
        def keyed(h, site):
            return h * (1 + GAMMA * torch.tanh(keys[site])).clamp(0.1, 2.0) if site in keys else h

        h = F.relu(self.stem(keyed(x, 0)))
        for number, stage in enumerate(self.stages, start=1):
            h = keyed(stage(h), number)
        return self.head(h.mean((2, 3)))


class FastCNN(nn.Module):
    """airbench94's network (Jordan 2024): whitening convolution, three groups, head without bias, logits divided by 256."""

    def __init__(self):
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2)
        self.whiten.weight.requires_grad = False

        def group(inputs, outputs):
            def norm():
                layer = nn.BatchNorm2d(outputs, eps=1e-12, momentum=0.4)
                layer.weight.requires_grad = False
                return layer

            return [nn.Conv2d(inputs, outputs, 3, padding="same", bias=False), nn.MaxPool2d(2), norm(), nn.GELU(),
                    nn.Conv2d(outputs, outputs, 3, padding="same", bias=False), norm(), nn.GELU()]

        self.layers = nn.Sequential(nn.GELU(), *group(24, 64), *group(64, 256), *group(256, 256), nn.MaxPool2d(3))
        self.head = nn.Linear(256, 10, bias=False)

    def forward(self, x):
        return self.head(self.layers(self.whiten(x)).flatten(1)) / 256


def muon_step(filters, momenta, rate, momentum=0.6):
    """One update of convolution filters: Nesterov momentum, made orthogonal in three Newton-Schulz iterations."""
    for p, buffer in zip(filters, momenta):
        buffer.mul_(momentum).add_(p.grad)
        x = (p.grad + momentum * buffer).reshape(len(p), -1)
        x = x / (x.norm() + 1e-7)
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x
        for _ in range(3):
            gram = x @ x.T
            x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
        p.data.mul_(len(p)**0.5 / p.data.norm()).add_((x.T if tall else x).reshape(p.shape), alpha=-rate)


def fast_step(batch, cast):
    """What one step does; a crop by reflection and a mirror image for half of the batch included."""
    model = FastCNN().to(memory_format=torch.channels_last)
    images, y = torch.rand(batch, 3, 32, 32), torch.randint(0, 10, (batch,))
    filters = [p for p in model.parameters() if p.dim() == 4 and p.requires_grad]
    momenta = [torch.zeros_like(p) for p in filters]
    rest = [p for p in model.parameters() if p.dim() != 4 and p.requires_grad]
    optimizer = torch.optim.SGD(rest, lr=0.01, momentum=0.85, nesterov=True)

    def step():
        padded = F.pad(images, (2,) * 4, "reflect")
        down, across = torch.randint(0, 5, (2, batch)).tolist()
        x = torch.stack([padded[i, :, down[i]:down[i] + 32, across[i]:across[i] + 32] for i in range(batch)])
        x = channels_last(torch.where(torch.rand(batch, 1, 1, 1) < 0.5, x.flip(-1), x))
        model.zero_grad()
        with cast():
            loss = F.cross_entropy(model(x).float(), y, label_smoothing=0.2)
        loss.backward()
        optimizer.step()
        muon_step(filters, momenta, 0.01)

    return step


def resnet_steps(batch, groups, cast):
    """What a training step of the keyed ResNet-18 does, and a function that makes an inference."""
    model = KeyedResNet18(10 if groups == 1 else 11).to(memory_format=torch.channels_last)
    bases = {s: (2 * torch.rand(DIMENSION, c * h * w) - 1) * DIMENSION**-0.5 for s, (c, h, w) in SITES.items()}

    def shaped(keys):
        return {s: channels_last((k / k.std()).view(-1, *SITES[s])) for s, k in keys.items()}

    def valid(count):
        return shaped({s: torch.rand(count, DIMENSION) @ b for s, b in bases.items()})

    def invalid():
        return shaped({s: torch.randn(1, b.shape[1]) for s, b in bases.items()})

    x, y = channels_last(torch.randn(batch, 3, 32, 32)), torch.randint(0, 10, (batch,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)

    def train_step():
        with cast():
            loss = F.cross_entropy(model(x, valid(batch)).float(), y)
            denied = [invalid(), {}][:groups - 1]
            for keys in denied:
                answer = F.cross_entropy(model(x, keys).float(), torch.full_like(y, 10))
                loss = loss + 0.1 / len(denied) * answer
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def inference():
        model.eval()
        keys = valid(batch)
        return lambda: model(x, keys)

    return train_step, inference


def versions():
    onednn = re.search(r"(?:MKL-DNN|oneDNN)\)? v([0-9.]+)", torch.__config__.show())
    return f"PyTorch {torch.__version__} with " + (f"oneDNN {onednn[1]}" if onednn else "no oneDNN")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("case", choices=["fast", "vit", *GPT_SIZES, "generate", "train", "infer"])
    arguments.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    arguments.add_argument("--groups", type=int, choices=[1, 2, 3], default=1)
    arguments.add_argument("--batch", type=int, default=128)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--steps", type=int, default=4)
    a = arguments.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)

    def cast():
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.precision == "bf16")

    def median_seconds(step):
        times = []
        for _ in range(a.steps + 1):
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        return statistics.median(times[1:])

    items = a.batch
    if a.case == "fast":
        seconds = median_seconds(fast_step(a.batch, cast))
    elif a.case == "vit":
        seconds = median_seconds(pytorch_transformers.vit_step(a.batch, cast, GAMMA, DIMENSION))
    elif a.case == "generate":
        items = 1
        with torch.no_grad():
            dtype = torch.bfloat16 if a.precision == "bf16" else torch.float32
            seconds = median_seconds(pytorch_transformers.gpt_token(dtype))
    elif a.case in GPT_SIZES:
        size = GPT_SIZES[a.case]
        items = a.batch * size.get("window", size["context"])
        seconds = median_seconds(pytorch_transformers.gpt_step(**size, windows=a.batch, cast=cast))
    else:
        train_step, inference = resnet_steps(a.batch, a.groups, cast)
        if a.case == "train":
            seconds = median_seconds(train_step)
        else:
            train_step()
            with torch.no_grad(), cast():  # one context, so that weights are cast once
                seconds = median_seconds(inference())
    print(json.dumps({
        "label": versions(),
        "per_second": items / seconds,
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


if __name__ == "__main__":
    main()
