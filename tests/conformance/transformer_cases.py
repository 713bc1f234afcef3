"""Cases of the two transformers, vit_tiny and gpt: every shape of a key, every injector, every deny mode.

gpt has one head and several, one sample and several, one token, odd numbers of them, more than a block of attention's
queries (96) and of its keys (128), and a table of positions that is longer than a sample or not.
"""
import random

import torch

from draw_architectures import Deck
from generate_cases import DENIALS, Objectives, case_name, draw_case
from models import CLASSES, network_of

# Samples, and tokens of one.
SHAPES = [(1, 1), (3, 13), (1, 97), (2, 131), (5, 3), (2, 33), (1, 128), (1, 7), (2, 100), (1, 259)]
HEADS = [1, 4, 2, 1, 8]
# One number added to all channels of a token is what every norm takes out again: those keys multiply.
KEYS = ["element", "channel", "token"]
INJECTORS = ["add", "mul", "add", "mul", "none", "mul", "add"]
SITES = [(0, 1), (0,), (1,), (0, 1)]
# A hinge of hundreds of tokens is never clear of zero in bf16 (generate_cases.py, NEARLY_KEPT).
SMOOTH_MODES = ("none", "A", "B", "sealed")
NO_LOGIT_BESIDE = [d for d in DENIALS if d[0] != "B_aux"]
GPT_DENIALS = {"fp32": NO_LOGIT_BESIDE, "bf16": [d for d in NO_LOGIT_BESIDE if d[0] in SMOOTH_MODES]}
# Cases of each.
COUNTS = {"fp32": {"gpt": 20, "vit_tiny": 6}, "bf16": {"gpt": 14, "vit_tiny": 3}}


def transformer_cases(precision, seed=1, counts=None):
    """As generate_cases.cases."""
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    objectives = Objectives(rng)
    for model, count in (counts or COUNTS[precision]).items():
        decks = {name: Deck(cards, rng) for name, cards in {
            "keys": KEYS, "inject": INJECTORS, "sites": SITES, "heads": HEADS, "context": ["nano", "tokens"],
            "n": [1, 2, 3], "deny": GPT_DENIALS[precision] if model == "gpt" else DENIALS}.items()}
        shapes = Deck(SHAPES)
        for number in range(count):
            inject, denial, keys = decks["inject"].draw(), decks["deny"].draw(), decks["keys"].draw()
            if (inject, keys) == ("add", "token"):
                inject = "mul"
            sites = () if inject == "none" else decks["sites"].draw()
            metadata = objectives.draw(model, CLASSES[model], inject, sites, denial, precision, "per_group")
            metadata["key_shape"] = keys
            n, tokens, what = decks["n"].draw(), None, model
            if model == "gpt":
                n, tokens = shapes.draw()
                metadata["heads"] = str(decks["heads"].draw())
                if decks["context"].draw() == "tokens" or tokens > 128:
                    metadata["context"] = str(tokens)
                what = f"gpt_t{tokens}_h{metadata['heads']}"
            network = network_of(metadata, tokens)
            case, finished = draw_case(network, metadata, n, objectives.deviations.draw(), generator)
            yield case_name(number, f"{what}_{metadata['key_shape']}", n, metadata), case, metadata, *finished
