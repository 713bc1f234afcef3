"""Conformance cases and what PyTorch computes for them in float64.

usage: generate_cases.py OUT_DIR [--count N] [--seed S] [--precision fp32|bf16]
writes OUT_DIR/<name>.case.safetensors and, beside it, .want.safetensors (the result, rounded to F32 at the end).
The metadata of a bf16 case's wanted result says for every tensor how far PyTorch's autocast(bfloat16) is from it: the
largest error of several runs, and the error of the plain run.
"""
import argparse
import contextlib
import math
import pathlib
import random

import torch
import torch.nn.functional as F

import safetensors_io
from models import CLASSES, SITES, STAGES, parameter_shapes

SITE_SETS = {
    "mlp": [(0,), (1,), (2,), (0, 1, 2), (0, 2), (0, 1), (1, 2)],
    "small_cnn": [(0,), (1,), (2,), (0, 1, 2), (0, 2), (0, 1), (1, 2)],
    "small_resnet": [(0,), (1,), (2,), (3,), (0, 1, 2, 3), (0, 3), (1, 2), (0, 2, 3), (2, 3)],
    "resnet18": [(0,), (1,), (2,), (3,), (4,), (0, 2, 3, 4), (0, 1, 2, 3, 4), (1, 4), (0, 3)],
}
BATCHES = {
    "fp32": {"mlp": [1, 2, 3, 5, 8, 17], "small_cnn": [1, 2, 3, 5, 8, 17], "small_resnet": [1, 2, 3, 5, 8, 17],
             "resnet18": [1, 2, 3]},
    "bf16": {"mlp": [1, 3, 8, 17, 24], "small_cnn": [1, 3, 6, 17, 24], "small_resnet": [1, 3, 4, 7, 13],
             "resnet18": [1, 3, 4, 5]},
}
INJECTORS = ["add", "mul", "add", "mul", "none"]
GAMMAS = [0.5, 1.0, 2.0, 0.35]
MODES = ["A", "A_soft", "B", "B_aux", "C", "C_plus", "AC", "sealed"]
DENIALS = [("none", "wrong")] + [(mode, on) for mode in MODES for on in ("wrong", "wrong+no")]
MARGINS1, MARGINS2, GAPS, SEALS = [1.0, 2.5, 0.3], [0.5, 3.0, 1.0], [0.3, 0.05, 1.0], [1.0, 3.0, 0.3]
# momentum, weight decay, nesterov
OPTIMIZERS = [(0.9, 5e-4, 1), (0.0, 0.0, 0), (0.9, 0.0, 0), (0.0, 1e-2, 0), (0.5, 1e-3, 1)]
# A ReLU input that rounds across zero changes gradients by 1/sqrt(inputs of that layer): 1e-2 in small layers at small
# n. The doubt about a case is the share of a gradient that passes inputs closer to zero than ROUNDING, in units of the
# layer's root mean square: as far as the largest of a residual net's million inputs is off in fp32. Gradients may be that
# much further from float64; a case with more than DOUBT says nothing about a program and is drawn again.
ROUNDING, DOUBT = 1e-5, 2e-2
# A margin that is nearly kept is a small difference of large logits, of which rounding leaves little: a case is drawn
# again where one is closer to zero than NEARLY_KEPT, or all together lack less than HARDLY_MISSED.
NEARLY_KEPT, HARDLY_MISSED = {"fp32": 1e-4, "bf16": 0.05}, 0.05
# In bf16 such inputs are in every case, and which of them round across zero is chance, for autocast as for a program:
# one run of autocast is one draw of its error, and where few numbers make a tensor another draw is far from it. So its
# error on a case is the largest of several runs: with the weights of every product scaled by 1 (the plain run) and by
# each of RESCALED, which is the same function rounded elsewhere.
RESCALED = tuple(1 + 0.11 * k for k in range(1, 9))
# The order in which models take turns: the mlp is the fastest, resnet18 the slowest. 136 cases go through the deny modes
# once for resnet18, twice for small_cnn and small_resnet, three times for the mlp.
TURNS = ["mlp", "small_cnn", "small_resnet", "mlp", "small_cnn", "small_resnet", "mlp", "resnet18"]


# ---------------------------------------------------------------------------- the four models

class watched_relu(torch.autograd.Function):
    """ReLU that notes, in backward, which share of the gradient passes inputs that fp32 cannot tell from zero."""

    @staticmethod
    def forward(ctx, z, doubts):
        ctx.save_for_backward(z)
        ctx.doubts = doubts
        return z.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        z, = ctx.saved_tensors
        passed = gradient * (z > 0)
        unclear = gradient[z.abs() <= ROUNDING * z.square().mean().sqrt()]
        ctx.doubts.append(float(unclear.norm() / passed.norm().clamp(min=1e-300)))
        return passed, None


def forward(model, p, states, x, inject, training, relu, scale):
    """(logits, reject logit or None). `inject(site, activation)` is called at every site; training updates `states` in
    place.

    `scale` multiplies the weights of every product; batch norm or a division takes it out again."""
    def scaled(name):
        return p[name] if scale == 1 else p[name] * scale

    def restored(h):
        return h if scale == 1 else h.float() / scale

    def norm(name, h):
        return F.batch_norm(h, states[f"{name}.running_mean"], states[f"{name}.running_var"], p[f"{name}.weight"],
                            p[f"{name}.bias"], training, momentum=0.1, eps=1e-5)

    def linear(name, h):
        return restored(F.linear(h, scaled(f"{name}.weight"), scaled(f"{name}.bias")))

    def conv(name, h, stride=1):
        weight = scaled(f"{name}.weight")
        return F.conv2d(h, weight, stride=stride, padding=weight.shape[2] // 2)

    def heads(name, features):
        return linear(name, features), linear("fc_aux", features)[:, 0] if "fc_aux.weight" in p else None

    def block(name, h, stride):
        z = relu(norm(f"{name}.bn1", conv(f"{name}.conv1", h, stride)))
        z = norm(f"{name}.bn2", conv(f"{name}.conv2", z))
        if f"{name}.downsample.0.weight" in p:
            h = norm(f"{name}.downsample.1", conv(f"{name}.downsample.0", h, stride))
        return relu(z + h)

    x = inject(0, x)
    if model == "mlp":
        x = relu(inject(1, linear("fc1", x)))
        return heads("fc3", relu(inject(2, linear("fc2", x))))
    if model == "small_cnn":
        for layer in (1, 2):
            x = F.conv2d(x, scaled(f"conv{layer}.weight"), scaled(f"conv{layer}.bias"), padding=1)
            x = inject(layer, F.max_pool2d(relu(restored(x)), 2))
        return heads("fc", x.flatten(1))
    x = inject(1, relu(norm("bn1", conv("conv1", x))))
    for stage, (_, stride, site) in enumerate(STAGES[model], start=1):
        x = block(f"layer{stage}.1", block(f"layer{stage}.0", x, stride), 1)
        if site is not None:
            x = inject(site, x)
    return heads("fc", x.mean((2, 3)))


# ---------------------------------------------------------------------------- the losses

def deny_loss(metadata, logits, aux, y, hinge):
    """L_deny of the groups in `logits` and `aux` ({"valid": ..., "invalid": ..., "none": ...}); `hinge` is a ReLU."""
    mode, valid = metadata["deny"], logits["valid"]
    margin1, margin2, gap, seal = (float(metadata[key]) for key in ("margin1", "margin2", "gap", "seal_weight"))
    classes = int(metadata["classes"])

    def entropy(z):
        log_p = F.log_softmax(z, 1)
        return -(log_p.exp() * log_p).sum(1)

    def of_label(z):
        return z.gather(1, y[:, None])[:, 0]

    def floor(z):
        return hinge(torch.tensor(float(classes)).to(z).log() - entropy(z) - gap).square().mean()

    def refused(z):
        return F.cross_entropy(z, torch.full_like(y, classes))

    def margin(z):
        return hinge(margin1 - (of_label(valid) - of_label(z))).mean()

    def top(z):
        others = z.masked_fill(F.one_hot(y, classes).bool(), -torch.inf).max(1).values
        return hinge(margin2 + of_label(z) - others).mean()

    if mode == "B_aux":
        return torch.stack([F.binary_cross_entropy_with_logits(a, torch.full_like(a, float(group != "valid")))
                            for group, a in aux.items()]).mean()
    of_group = {
        "A": lambda z: -entropy(z).mean(),
        "A_soft": floor,
        "B": refused,
        "C": margin,
        "C_plus": lambda z: margin(z) + top(z),
        "AC": lambda z: 0.5 * floor(z) + 0.5 * margin(z),
        "sealed": lambda z: refused(z) + seal * (math.log(classes) - entropy(z[:, :classes]).mean()),
    }
    terms = [of_group[mode](z) for group, z in logits.items() if group != "valid"]
    return torch.stack(terms).mean() if terms else torch.zeros((), dtype=valid.dtype)


# ---------------------------------------------------------------------------- the step

def run_step(case, metadata, dtype, relu, hinge=F.relu, scale=1):
    """`case` holds F32 and I64 tensors. float64 computes in float64, bfloat16 as autocast does. -> result"""
    model, gamma = metadata["model"], float(metadata["gamma"])
    kind = metadata["inject"]
    exact = dtype == torch.float64
    case = {n: t if t.dtype == torch.int64 else t.double() if exact else t.clone() for n, t in case.items()}
    p = {n[6:]: t.requires_grad_() for n, t in case.items() if n.startswith("param.")}
    # Every batch norm follows a product: its statistics are those of a scaled input.
    units = {n[7:]: scale if n.endswith("mean") else scale ** 2 for n in case if n.startswith("buffer.")}
    states = {n: case[f"buffer.{n}"] * unit for n, unit in units.items()}
    keys = {word: {int(n.rsplit(".", 1)[1]): t for n, t in case.items() if n.startswith(f"key.{word}.")}
            for word in ("valid", "invalid")}
    for key in keys["valid"].values():
        key.requires_grad_()
    x, y = case["x"], case["y"]

    def run(groups, training):
        """One forward of {group: {site: key}}, each group the whole batch. -> {group: (logits, reject logit or None)}"""
        def injected(k, h):
            return h + gamma * k if kind == "add" else h * torch.clamp(1 + gamma * torch.tanh(k), 0.1, 2.0)

        def inject(site, h):
            parts = zip(groups.values(), h.chunk(len(groups)))
            return torch.cat([injected(keys[site], part) if site in keys else part for keys, part in parts])
        with contextlib.nullcontext() if exact else torch.autocast("cpu", dtype=dtype):
            z, a = forward(model, p, states, x.repeat(len(groups), *[1] * (x.dim() - 1)), inject, training, relu, scale)
        apart = [z.chunk(len(groups)), [None] * len(groups) if a is None else a.chunk(len(groups))]
        return {group: tuple(t if exact or t is None else t.float() for t in both) for group, *both in zip(groups, *apart)}

    groups = {"valid": keys["valid"]}
    if metadata["deny"] != "none":
        groups["invalid"] = keys["invalid"]
        if metadata["deny_on"] == "wrong+no":
            groups["none"] = {}
    joint = metadata["batch_statistics"] == "joint"
    passes = [groups] if joint else [{group: site_keys} for group, site_keys in groups.items()]
    answers = {group: answer for some in passes for group, answer in run(some, True).items()}
    logits = {group: z for group, (z, _) in answers.items()}
    aux = {group: a for group, (_, a) in answers.items() if a is not None}
    result = {f"logits.{group}": z for group, z in logits.items()}
    result.update({f"aux.{group}": a for group, a in aux.items()})

    ce = F.cross_entropy(logits["valid"], y)
    deny = deny_loss(metadata, logits, aux, y, hinge)
    total = ce + float(metadata["deny_weight"]) * deny
    total.backward()
    result.update({"loss.ce": ce.reshape(1), "loss.deny": deny.reshape(1), "loss.total": total.reshape(1)})
    result.update({f"grad.param.{n}": t.grad.clone() for n, t in p.items()})
    result.update({f"grad.key.{site}": k.grad for site, k in keys["valid"].items()})

    torch.optim.SGD(list(p.values()), lr=float(metadata["lr"]), momentum=float(metadata["momentum"]),
                    weight_decay=float(metadata["weight_decay"]), nesterov=metadata["nesterov"] == "1").step()
    result.update({f"next.param.{n}": t for n, t in p.items()})
    result.update({f"next.buffer.{n}": t / units[n] for n, t in states.items()})
    with torch.no_grad():
        result["eval.logits.valid"] = run({"valid": keys["valid"]}, False)["valid"][0]
    return {name: tensor.detach() for name, tensor in result.items()}


def expected_result(case, metadata):
    """-> (float64 result, doubt about it in the case's precision)"""
    doubts = []
    fp32 = metadata["precision"] == "fp32"

    def watched_hinge(v):
        missing = F.relu(v)
        doubts.append(float((v.abs() < NEARLY_KEPT[metadata["precision"]]).any() or 0 < missing.mean() < HARDLY_MISSED))
        return missing

    relu = (lambda h: watched_relu.apply(h, doubts)) if fp32 else F.relu  # in bf16 see RESCALED
    result = run_step(case, metadata, torch.float64, relu, watched_hinge)
    return result, sum(d * d for d in doubts) ** 0.5


def autocast_errors(case, metadata, want):
    """{name: (largest error of autocast(bfloat16) against `want`, error of the plain run)}"""
    def errors(scale):
        got = run_step(case, metadata, torch.bfloat16, F.relu, scale=scale)
        return {name: float((got[name] - t).norm() / t.norm()) for name, t in want.items() if t.norm() > 0}

    plain = errors(1)
    worst = dict(plain)
    for scale in RESCALED:
        for name, error in errors(scale).items():
            worst[name] = max(worst[name], error)
    return {name: (worst[name], plain[name]) for name in plain}


# ---------------------------------------------------------------------------- inputs

class Deck:
    """Draws every card once before any card comes again."""

    def __init__(self, cards, rng=None):
        self.cards, self.rng, self.left = cards, rng, []

    def draw(self):
        if not self.left:
            self.left = list(reversed(self.cards))
            if self.rng is not None:
                self.rng.shuffle(self.left)
        return self.left.pop()


def draw_parameters(model, deny, generator):
    def normal(shape, deviation):
        return torch.randn(shape, generator=generator) * deviation

    def uniform(shape, low, high):
        return torch.rand(shape, generator=generator) * (high - low) + low

    case = {}
    parameters, states = parameter_shapes(model, deny)
    for name, shape in parameters.items():
        if len(shape) > 1:
            fan_in = torch.Size(shape[1:]).numel()
            case[f"param.{name}"] = normal(shape, (2 / fan_in) ** 0.5)
        elif name.endswith("weight"):
            case[f"param.{name}"] = uniform(shape, 0.5, 1.5)
        else:
            case[f"param.{name}"] = normal(shape, 0.2)
    for name, shape in states.items():
        case[f"buffer.{name}"] = normal(shape, 0.3) if name.endswith("mean") else uniform(shape, 0.5, 2.0)
    return case


def draw_keys(d, n, deviation, generator):
    """n valid keys alpha B (B uniform, alpha in the unit cube, 8 dimensions) and one Gaussian invalid key, rescaled."""
    m = 8
    basis = (2 * torch.rand(m, d, generator=generator) - 1) / m ** 0.5
    valid = torch.rand(n, m, generator=generator) @ basis
    invalid = torch.randn(1, d, generator=generator)
    return [k * deviation / (k.std(1, keepdim=True) + 1e-8) for k in (valid, invalid)]


def cases(count, seed, precision="fp32"):
    """Yields (name, tensors, metadata, expected result, allowances). The first N of a longer list are the list of N.

    Allowances, by name: of bf16 cases the errors of autocast for every tensor, of fp32 cases the doubt."""
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    decks = {model: {"sites": Deck(SITE_SETS[model]), "inject": Deck(INJECTORS, rng), "deny": Deck(DENIALS, rng),
                     "n": Deck(BATCHES[precision][model], rng)} for model in CLASSES}
    gammas, optimizers = Deck(GAMMAS, rng), Deck(OPTIMIZERS, rng)
    # In turns with the residual models: both of them in fp32, small_resnet alone in bf16 (docs/conformance.md says why).
    statistics = Deck(["per_group", "joint"] if precision == "fp32" else ["per_group", "joint", "per_group"])
    margins1, margins2, gaps, seals = Deck(MARGINS1, rng), Deck(MARGINS2, rng), Deck(GAPS, rng), Deck(SEALS, rng)
    rates, weights, deviations = Deck([0.1, 0.01, 0.05], rng), Deck([0.1, 1.0, 0.5], rng), Deck([1.0, 0.5], rng)
    for number in range(count):
        model = TURNS[number % len(TURNS)]
        deck = decks[model]
        inject, (deny, deny_on), n = deck["inject"].draw(), deck["deny"].draw(), deck["n"].draw()
        sites = () if inject == "none" else deck["sites"].draw()
        momentum, decay, nesterov = optimizers.draw()
        metadata = {
            "model": model, "classes": str(CLASSES[model]), "inject": inject, "gamma": str(gammas.draw()),
            "sites": ",".join(map(str, sites)), "deny": deny, "deny_weight": str(weights.draw()), "deny_on": deny_on,
            "margin1": str(margins1.draw()), "margin2": str(margins2.draw()), "gap": str(gaps.draw()),
            "seal_weight": str(seals.draw()),
            "lr": str(rates.draw()), "momentum": str(momentum), "weight_decay": str(decay), "nesterov": str(nesterov),
            "precision": precision, "batch_statistics": statistics.draw() if model in STAGES else "per_group",
        }
        case = draw_parameters(model, deny, generator)
        case["y"] = torch.randint(CLASSES[model], (n,), generator=generator)
        deviation = deviations.draw()
        for site in sites:
            shape = SITES[model][site]
            valid, invalid = draw_keys(torch.Size(shape).numel(), n, deviation, generator)
            case[f"key.valid.{site}"] = valid.reshape(n, *shape)
            case[f"key.invalid.{site}"] = invalid.reshape(1, *shape)
        where = "".join(map(str, sites))
        denial = deny if deny == "none" else f"{deny}-{deny_on}"
        statistics_used = ["joint"] if metadata["batch_statistics"] == "joint" else []
        name = "_".join([f"{number:03}", model, inject + where, f"n{n}", denial, *statistics_used])
        want, doubt = None, 0.0
        while want is None or doubt > DOUBT:
            case["x"] = torch.randn((n, *SITES[model][0]), generator=generator)
            want, doubt = expected_result(case, metadata)
        allowances = autocast_errors(case, metadata, want) if precision == "bf16" else {"doubt": (doubt,)}
        yield name, case, metadata, want, allowances


def stored(tensors):
    return {name: ("I64" if t.dtype == torch.int64 else "F32", tuple(t.shape),
                   (t if t.dtype == torch.int64 else t.float()).contiguous().numpy().tobytes())
            for name, t in tensors.items()}


def write_case(directory, name, case, metadata, want, allowances):
    """-> (case path, path of the expected result)"""
    paths = [pathlib.Path(directory) / f"{name}.{kind}.safetensors" for kind in ("case", "want")]
    safetensors_io.write(paths[0], stored(case), metadata)
    safetensors_io.write(paths[1], stored(want),
                         {name: " ".join(map(repr, numbers)) for name, numbers in allowances.items()})
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out_dir", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=136)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    arguments = parser.parse_args()
    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    for case in cases(arguments.count, arguments.seed, arguments.precision):
        write_case(arguments.out_dir, *case)
        print(case[0], flush=True)


if __name__ == "__main__":
    main()
