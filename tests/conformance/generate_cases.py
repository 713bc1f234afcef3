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
from deny_losses import deny_loss
from draw_architectures import Deck
from forward import forward, norm_units, rounded_weights
from models import CLASSES, VOCABULARY, network_of, parameter_shapes, parse
from watched import watched_max_pool, watched_relu

SITE_SETS = {
    "mlp": [(0,), (1,), (2,), (0, 1, 2), (0, 2), (0, 1), (1, 2)],
    "small_cnn": [(0,), (1,), (2,), (0, 1, 2), (0, 2), (0, 1), (1, 2)],
    "small_resnet": [(0,), (1,), (2,), (3,), (0, 1, 2, 3), (0, 3), (1, 2), (0, 2, 3), (2, 3)],
    "resnet18": [(0,), (1,), (2,), (3,), (4,), (0, 2, 3, 4), (0, 1, 2, 3, 4), (1, 4), (0, 3)],
    "vit_tiny": [(0, 1), (0,), (1,)],
}
BATCHES = {
    "fp32": {"mlp": [1, 2, 3, 5, 8, 17], "small_cnn": [1, 2, 3, 5, 8, 17], "small_resnet": [1, 2, 3, 5, 8, 17],
             "resnet18": [1, 2, 3], "vit_tiny": [1, 2, 3]},
    "bf16": {"mlp": [1, 3, 8, 17, 24], "small_cnn": [1, 3, 6, 17, 24], "small_resnet": [1, 3, 4, 7, 13],
             "resnet18": [1, 3, 4, 5], "vit_tiny": [1, 3, 4]},
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
DOUBT = 2e-2
# Networks that were drawn have gradients that cancel: of a shift or a factor that a norm behind it takes out again. One that
# is smaller than this, by the median of all gradients' root mean squares, is measured as if it had this size.
SMALL_GRADIENT = {"fp32": 1e-3, "bf16": 0.2}
# Share of the tokens that do not count.
IGNORED = 0.2
# Samples that are drawn for one set of weights and keys, before those are drawn again.
TRIES = 100
# A margin that is nearly kept is a small difference of large logits, of which rounding leaves little: a case is drawn
# again where one is closer to zero than NEARLY_KEPT, or all together lack less than HARDLY_MISSED.
NEARLY_KEPT, HARDLY_MISSED = {"fp32": 1e-4, "bf16": 0.05}, 0.05
# In bf16 such inputs are in every case, and which of them round across zero is chance, for autocast as for a program:
# one run of autocast is one draw of its error, and where few numbers make a tensor another draw is far from it. So its
# error on a case is the largest of several runs: with the weights of every product scaled by 1 (the plain run) and by
# each of RESCALED, which is the same function rounded elsewhere.
RESCALED = tuple(1 + 0.11 * k for k in range(1, 9))
# Networks that were drawn are small, and one input of a ReLU may decide a fifth of a gradient: more draws, which cost little.
RESCALED_OF_SMALL = tuple(1 + 0.023 * k for k in range(1, 61))
# The order in which models take turns: the mlp is the fastest, resnet18 and vit_tiny the slowest. 153 cases go through the
# deny modes once for these two, twice for small_cnn and small_resnet, three times for the mlp.
TURNS = ["mlp", "small_cnn", "small_resnet", "mlp", "small_cnn", "small_resnet", "mlp", "resnet18", "vit_tiny"]


# ---------------------------------------------------------------------------- the step

def network_of_case(case, metadata):
    return network_of(metadata, case["x"].shape[-1])


def injection(metadata, network, keys, batch):
    """inject(site, activation) of `keys` {site: key} in files' shapes, for samples in `batch` equal parts."""
    kind, gamma = metadata["inject"], float(metadata["gamma"])

    def injected(site, k, h):
        if network.keys == "element":
            k = k.transpose(1, 2)
        k = k.reshape(-1, *network.sites[site])
        return h + gamma * k if kind == "add" else h * torch.clamp(1 + gamma * torch.tanh(k), 0.1, 2.0)

    def inject(site, h):
        parts = zip(keys, h.chunk(batch))
        return torch.cat([injected(site, part[site], x) if site in part else x for part, x in parts])
    return inject


def run_step(case, metadata, dtype, relu, hinge=F.relu, scale=1, max_pool=F.max_pool2d):
    """`case` holds F32 and I64 tensors. float64 computes in float64, bfloat16 as autocast does. -> result"""
    network = network_of_case(case, metadata)
    exact = dtype == torch.float64
    case = {n: t if t.dtype == torch.int64 else t.double() if exact else t.clone() for n, t in case.items()}
    p = {n[6:]: t.requires_grad_() for n, t in case.items() if n.startswith("param.")}
    units = norm_units(network, scale)
    states = {n: case[f"buffer.{n}"] * unit for n, unit in units.items()}
    keys = {word: {int(n.rsplit(".", 1)[1]): t for n, t in case.items() if n.startswith(f"key.{word}.")}
            for word in ("valid", "invalid")}
    for key in keys["valid"].values():
        key.requires_grad_()
    x, y = case["x"], case["y"]

    def run(groups, training):
        """One forward of {group: {site: key}}, each group the whole batch. -> {group: (logits, reject logit or None)}"""
        inject = injection(metadata, network, groups.values(), len(groups))
        samples = x.reshape(-1, *network.input).repeat(len(groups), 1, 1, 1)
        with contextlib.nullcontext() if exact else torch.autocast("cpu", dtype=dtype):
            z, a = forward(network, p, states, samples, inject, training, relu, max_pool, scale)
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

    # Of tokens, those that count; without any the mean is 0.
    counts = y.flatten() >= 0
    rows, of_rows = {group: z.flatten(0, -2)[counts] for group, z in logits.items()}, y.flatten()[counts]
    if counts.any():
        ce, deny = F.cross_entropy(rows["valid"], of_rows), deny_loss(metadata, rows, aux, of_rows, hinge)
    else:
        ce = deny = sum(z.sum() * 0 for z in logits.values())
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
    max_pool = watched_max_pool(doubts) if fp32 else F.max_pool2d
    result = run_step(case, metadata, torch.float64, relu, watched_hinge, max_pool=max_pool)
    return result, sum(d * d for d in doubts) ** 0.5


def small_gradient(metadata, result):
    """The root mean square that smaller gradients are measured by; 0: their own."""
    sizes = sorted(float(t.square().mean().sqrt()) for n, t in result.items() if n.startswith("grad."))
    return SMALL_GRADIENT[metadata["precision"]] * sizes[len(sizes) // 2] if metadata["model"] == "layers" else 0.0


def autocast_errors(case, metadata, want, rescaled):
    """{name: (largest error of autocast(bfloat16) against `want`, error of the plain run)}"""
    small = small_gradient(metadata, want)

    def size_of(name, tensor):
        return max(float(tensor.norm()), tensor.numel() ** 0.5 * small if name.startswith("grad.") else 0)

    def errors(scale):
        got = run_step(case, metadata, torch.bfloat16, F.relu, scale=scale)
        return {name: float((got[name] - t).norm()) / size_of(name, t) for name, t in want.items() if size_of(name, t) > 0}

    plain = errors(1)
    worst = dict(plain)
    for scale in rescaled:
        for name, error in errors(scale).items():
            worst[name] = max(worst[name], error)
    return {name: (worst[name], plain[name]) for name in plain}


# ---------------------------------------------------------------------------- inputs

def draw_parameters(network, classes, deny, generator):
    def normal(shape, deviation):
        return torch.randn(shape, generator=generator) * deviation

    def uniform(shape, low, high):
        return torch.rand(shape, generator=generator) * (high - low) + low

    case = {}
    parameters, states = parameter_shapes(network, classes, deny)
    for name, shape in parameters.items():
        if len(shape) == 3 or name in ("wte.weight", "wpe.weight"):  # positions, a class token, tables
            case[f"param.{name}"] = normal(shape, 0.5)
        elif len(shape) > 1:
            fan_in = shape[0] if network.of_tokens else torch.Size(shape[1:]).numel()
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


def draw_tensors(network, metadata, n, deviation, generator):
    """Everything of a case but its samples."""
    classes = int(metadata["classes"])
    case = draw_parameters(network, classes, metadata["deny"], generator)
    if network.of_tokens:
        case["y"] = torch.randint(classes, (n, *network.sample_shape()), generator=generator)
        case["y"][torch.rand(case["y"].shape, generator=generator) < IGNORED] = -1
        if n > 2:
            case["y"][1] = -1
    else:
        case["y"] = torch.randint(classes, (n,), generator=generator)
    for site in map(int, filter(None, metadata["sites"].split(","))):
        extents = network.sites[site]
        valid, invalid = draw_keys(math.prod(extents), n, deviation, generator)
        case[f"key.valid.{site}"] = valid.reshape(n, *network.key_shape(site))
        case[f"key.invalid.{site}"] = invalid.reshape(1, *network.key_shape(site))
    return case


def finish(case, network, metadata, n, generator):
    """Draws samples until the case says something about a program. -> (expected result, allowances), or nothing where none of
    many do."""
    for _ in range(TRIES):
        shape = (n, *network.sample_shape())
        case["x"] = (torch.randint(VOCABULARY, shape, generator=generator) if network.of_tokens else
                     torch.randn(shape, generator=generator))
        want, doubt = expected_result(case, metadata)
        if doubt <= DOUBT:
            break
    else:
        return None
    fp32 = metadata["precision"] == "fp32"
    allowances = {"doubt": (doubt,)} if fp32 else autocast_errors(
        case, metadata, want, RESCALED_OF_SMALL if metadata["model"] == "layers" else RESCALED)
    allowances["small"] = (small_gradient(metadata, want),)
    if not all(math.isfinite(number) for numbers in allowances.values() for number in numbers):
        return None  # autocast has no answer
    return want, allowances


def draw_case(network, metadata, n, deviation, generator):
    """-> (tensors, (expected result, allowances))"""
    for _ in range(TRIES):
        case = draw_tensors(network, metadata, n, deviation, generator)
        finished = finish(case, network, metadata, n, generator)
        if finished is not None:
            return case, finished
    raise RuntimeError(f"no case of {metadata} says anything about a program")


def case_name(number, model, n, metadata):
    denial = metadata["deny"] if metadata["deny"] == "none" else f"{metadata['deny']}-{metadata['deny_on']}"
    statistics_used = ["joint"] if metadata["batch_statistics"] == "joint" else []
    where = metadata["sites"].replace(",", "")
    return "_".join([f"{number:03}", model, metadata["inject"] + where, f"n{n}", denial, *statistics_used])


class Objectives:
    """Decks of what a step is told beside its network."""

    def __init__(self, rng):
        self.gammas, self.optimizers = Deck(GAMMAS, rng), Deck(OPTIMIZERS, rng)
        self.margins1, self.margins2, self.gaps, self.seals = (
            Deck(cards, rng) for cards in (MARGINS1, MARGINS2, GAPS, SEALS))
        self.rates, self.weights = Deck([0.1, 0.01, 0.05], rng), Deck([0.1, 1.0, 0.5], rng)
        self.deviations = Deck([1.0, 0.5], rng)

    def draw(self, model, classes, inject, sites, denial, precision, statistics):
        (deny, deny_on), (momentum, decay, nesterov) = denial, self.optimizers.draw()
        return {
            "model": model, "classes": str(classes), "inject": inject, "gamma": str(self.gammas.draw()),
            "sites": ",".join(map(str, sites)), "deny": deny, "deny_weight": str(self.weights.draw()), "deny_on": deny_on,
            "margin1": str(self.margins1.draw()), "margin2": str(self.margins2.draw()), "gap": str(self.gaps.draw()),
            "seal_weight": str(self.seals.draw()),
            "lr": str(self.rates.draw()), "momentum": str(momentum), "weight_decay": str(decay), "nesterov": str(nesterov),
            "precision": precision, "batch_statistics": statistics,
        }


def cases(count, seed, precision="fp32"):
    """Yields (name, tensors, metadata, expected result, allowances). The first N of a longer list are the list of N.

    Allowances, by name: of bf16 cases the errors of autocast for every tensor, of fp32 cases the doubt; of networks that
    are given as text also the size that a small gradient is measured by."""
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    decks = {model: {"sites": Deck(SITE_SETS[model]), "inject": Deck(INJECTORS, rng), "deny": Deck(DENIALS, rng),
                     "n": Deck(BATCHES[precision][model], rng)} for model in SITE_SETS}
    # In turns with the residual models: both of them in fp32, small_resnet alone in bf16 (docs/conformance.md says why).
    statistics = Deck(["per_group", "joint"] if precision == "fp32" else ["per_group", "joint", "per_group"])
    objectives = Objectives(rng)
    for number in range(count):
        model = TURNS[number % len(TURNS)]
        deck = decks[model]
        inject, denial, n = deck["inject"].draw(), deck["deny"].draw(), deck["n"].draw()
        sites = () if inject == "none" else deck["sites"].draw()
        metadata = objectives.draw(model, CLASSES[model], inject, sites, denial, precision,
                                   statistics.draw() if "resnet" in model else "per_group")
        case, finished = draw_case(network_of(metadata), metadata, n, objectives.deviations.draw(), generator)
        yield case_name(number, model, n, metadata), case, metadata, *finished


def drawn_cases(texts, rounds, seed, precision="fp32"):
    """The same for networks that are given as text: `rounds` cases of each, with keys at all of their sites."""
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    injectors, denials, batches = Deck(["add", "mul"], rng), Deck(DENIALS, rng), Deck([3, 4, 5, 6], rng)
    classes, statistics = Deck([2, 7, 13, 10], rng), Deck(["per_group", "joint"], rng)
    objectives = Objectives(rng)
    for number, text in enumerate(texts * rounds):
        network, n, denial = parse(text), batches.draw(), denials.draw()
        metadata = objectives.draw("layers", classes.draw(), injectors.draw(), range(len(network.sites)), denial, precision,
                                   statistics.draw())
        metadata["layers"] = text
        case, finished = draw_case(network, metadata, n, objectives.deviations.draw(), generator)
        yield case_name(number, f"drawn{number % len(texts):02}", n, metadata), case, metadata, *finished


def expected_answers(case, metadata):
    """What the weights of a case answer in evaluation, and what sessions do from images of them."""
    network = network_of_case(case, metadata)
    case = {n: t if t.dtype == torch.int64 else t.double() for n, t in case.items()}
    p = {n[6:]: t for n, t in case.items() if n.startswith("param.")}
    states = {n[7:]: t for n, t in case.items() if n.startswith("buffer.")}
    keys = {int(n.rsplit(".", 1)[1]): t for n, t in case.items() if n.startswith("key.valid.")}
    want = {}
    for group, site_keys in (("valid", keys), ("none", {})):
        def answers(weights):
            z, a = forward(network, rounded_weights(network, p, states, weights), states,
                           case["x"].reshape(-1, *network.input), injection(metadata, network, [site_keys], 1), False)
            return z if a is None else torch.cat([z, a[:, None]], 1)
        want[f"eval.{group}"] = answers("fp32")
        for weights in ("fp32", "bf16", "int8"):
            for engine in ("reference", "cpu"):
                want[f"session.{weights}.{engine}.{group}"] = answers(weights)
    return want


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
    parser.add_argument("--count", type=int, default=153)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    arguments = parser.parse_args()
    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    for case in cases(arguments.count, arguments.seed, arguments.precision):
        write_case(arguments.out_dir, *case)
        print(case[0], flush=True)


if __name__ == "__main__":
    main()
