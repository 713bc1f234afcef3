"""The peer on a GPU: keyed ResNet-18 (mul, gamma 2, sites 0,2,3,4) in PyTorch, channels last, autocast bf16 or fp32.

usage: pytorch_step.py [--precision fp32|bf16] [--groups 1|2|3] [--batch N] [--steps S] [--compile] [--tf32]
Prints one JSON object: images per second by CUDA events over S steps after a warm-up, peak memory, versions. Keys are
drawn on the GPU every step, as SpanKey does.
"""
import argparse
import json
import pathlib
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from pytorch_peer import DIMENSION, SITES, KeyedResNet18, channels_last


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    arguments.add_argument("--groups", type=int, choices=[1, 2, 3], default=1)
    arguments.add_argument("--batch", type=int, default=512)
    arguments.add_argument("--steps", type=int, default=50)
    arguments.add_argument("--compile", action="store_true")
    arguments.add_argument("--tf32", action="store_true")
    a = arguments.parse_args()
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = a.tf32
    device = torch.device("cuda")

    model = KeyedResNet18(10 if a.groups == 1 else 11).to(device, memory_format=torch.channels_last)
    bases = {s: (2 * torch.rand(DIMENSION, c * h * w, device=device) - 1) * DIMENSION**-0.5
             for s, (c, h, w) in SITES.items()}

    def shaped(keys):
        return {s: channels_last((k / k.std()).view(-1, *SITES[s])) for s, k in keys.items()}

    def valid(count):
        return shaped({s: torch.rand(count, DIMENSION, device=device) @ b for s, b in bases.items()})

    def invalid():
        return shaped({s: torch.randn(1, b.shape[1], device=device) for s, b in bases.items()})

    host_x = channels_last(torch.randn(a.batch, 3, 32, 32)).pin_memory()
    host_y = torch.randint(0, 10, (a.batch,)).pin_memory()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True, fused=True)

    def loss_of(x, y, keys, denied):
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=a.precision == "bf16"):
            loss = F.cross_entropy(model(x, keys).float(), y)
            for wrong in denied:
                loss = loss + 0.1 / len(denied) * F.cross_entropy(model(x, wrong).float(), torch.full_like(y, 10))
        return loss

    compute = torch.compile(loss_of) if a.compile else loss_of

    def step():
        x, y = host_x.to(device, non_blocking=True), host_y.to(device, non_blocking=True)
        loss = compute(x, y, valid(a.batch), [invalid(), {}][:a.groups - 1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(10):
        step()
    torch.cuda.synchronize()
    start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(a.steps):
        loss = step()
    stop.record()
    stop.synchronize()
    print(json.dumps({
        "label": f"PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}"
                 + (", torch.compile" if a.compile else ""),
        "device": torch.cuda.get_device_name(),
        "images_per_second": a.batch * a.steps / (start.elapsed_time(stop) / 1000),
        "peak_mib": torch.cuda.max_memory_allocated() / 2**20,
        "loss": loss.item(),
    }))


if __name__ == "__main__":
    main()
