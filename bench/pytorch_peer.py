"""The peer: keyed ResNet-18 (mul, gamma 2, sites 0,2,3,4) on the CPU in PyTorch, channels last, 128 images a step.

usage: pytorch_peer.py CASE [--threads T] [--steps S]     CASE: train, train-B, infer, latency; precision fp32
Prints one JSON object: images per second (median step) and peak memory. Needs PyTorch; Debian: python3-torch.
"""
import argparse
import json
import resource
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

SITES = {0: (3, 32, 32), 2: (128, 16, 16), 3: (256, 8, 8), 4: (512, 4, 4)}
GAMMA, DIMENSION, BATCH = 2.0, 32, 128


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


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("case", choices=["train", "train-B", "infer", "latency"])
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--steps", type=int, default=4)
    a = arguments.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)

    denies = a.case == "train-B"
    count = 1 if a.case == "latency" else BATCH
    model = KeyedResNet18(11 if denies else 10).to(memory_format=torch.channels_last)
    bases = {s: (2 * torch.rand(DIMENSION, c * h * w) - 1) * DIMENSION**-0.5 for s, (c, h, w) in SITES.items()}

    def shaped(keys):
        return {s: channels_last((k / k.std()).view(-1, *SITES[s])) for s, k in keys.items()}

    def valid():
        return shaped({s: torch.rand(count, DIMENSION) @ b for s, b in bases.items()})

    def invalid():
        return shaped({s: torch.randn(1, b.shape[1]) for s, b in bases.items()})

    x, y = channels_last(torch.randn(count, 3, 32, 32)), torch.randint(0, 10, (count,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)

    def train_step():
        loss = F.cross_entropy(model(x, valid()), y)
        if denies:
            loss = loss + 0.1 * F.cross_entropy(model(x, invalid()), torch.full_like(y, 10))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    keys = valid()
    if a.case in ("infer", "latency"):
        model.eval()

    def step():
        if a.case.startswith("train"):
            train_step()
        else:
            with torch.no_grad():
                model(x, keys)

    times = []
    for _ in range(a.steps + 1):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(json.dumps({
        "peer": "pytorch " + torch.__version__,
        "images_per_second": count / statistics.median(times[1:]),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


if __name__ == "__main__":
    main()
