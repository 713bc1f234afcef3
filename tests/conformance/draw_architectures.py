"""Draws networks from the library's vocabulary, as text (layer_text.hpp).

usage: draw_architectures.py OUT_DIR [--count N] [--seed S]
Those in architectures/ were drawn once, with the defaults; the test runs the committed files. Every choice comes from a
deck that is dealt to its end before a card comes again, so that few networks have all of the vocabulary.
"""
import argparse
import pathlib
import random

from models import key_extents, window


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


CARDS = {
    "extent": [5, 7, 9, 11, 13, 15, 8, 17],
    "input": [1, 3, 2, 4],
    "kernel": [1, 2, 3, 4, 5, 6, 7],
    "stride": [1, 2, 1, 3, 1, 4],
    "pad": ["same", "none"],
    "groups": ["one", "two", "one", "depthwise"],
    "channels": [4, 6, 8, 12],
    "pool": [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 1, 0), (3, 3, 0), (4, 2, 2)],
    "norm": ["batch_norm2d", "layer_norm", "batch_norm2d", "none"],
    "norm options": ["", " epsilon=0.001", "", " unscaled", " epsilon=0.01"],
    "momentum": ["", " momentum=0.3", " momentum=0.05"],
    "act": ["relu", "gelu", "relu", "silu", "gelu_tanh"],
    "block": ["identity", "projection", "pre_activation", "nested", "ends_in_convolution", "pool_beside"],
    "stage": ["conv", "block", "conv", "block", "pool"],
    "key": ["element", "channel", "token"],
    "site": [True, False, False],
    "end": ["mean", "linear", "flat", "mean linear"],
    "dropout": [False, False, True],
}
MOST_SITES = 6


class Drawing:
    """One network, line by line."""

    def __init__(self, decks):
        self.decks, self.lines, self.sites, self.names = decks, [], 0, 0
        self.x = (self.draw("input"), self.draw("extent"), self.draw("extent"))
        self.lines.append("input " + " ".join(map(str, self.x)))

    def draw(self, deck):
        return self.decks[deck].draw()

    def name(self, word):
        self.names += 1
        return f"{word}{self.names}"

    def site(self):
        """Perhaps a key site."""
        if self.sites < MOST_SITES and self.draw("site"):
            key = self.draw("key")
            key = "element" if key_extents(self.x, key) == (1, 1, 1) else key
            self.lines.append(f"site {self.sites}" + ("" if key == "element" else f" {key}"))
            self.sites += 1

    def conv(self, channels=None, stride=None, bias=False):
        """`stride` given: with `same` padding, so that paths of a block meet in one shape."""
        kernel, pad = self.draw("kernel"), self.draw("pad") if stride is None else "same"
        if pad == "none" and kernel > min(self.x[1:]):
            pad = "same"
        stride = stride or self.draw("stride")
        around = 0 if pad == "none" else kernel - 1
        while min(window(e, kernel, stride, around) for e in self.x[1:]) < 2 and stride > 1:
            stride -= 1
        channels = channels or self.draw("channels")
        wanted = {"one": 1, "two": 2, "depthwise": self.x[0]}[self.draw("groups")]
        groups = wanted if self.x[0] % wanted == 0 and channels % wanted == 0 else 1
        self.lines.append(f"conv2d {self.name('conv')} {channels} kernel={kernel} stride={stride} pad={pad}" +
                          (f" groups={groups}" if groups > 1 else "") + (" bias" if bias else ""))
        self.x = (channels, *(window(e, kernel, stride, around) for e in self.x[1:]))
        self.site()

    def norm(self, kind=None, relu=False):
        """False where none is drawn, or there are too few numbers to normalise."""
        kind = kind or self.draw("norm")
        if kind == "batch_norm2d" and self.x[1] * self.x[2] >= 6:
            fused = " relu" if relu else ""
            self.lines.append(f"batch_norm2d {self.name('bn')}{fused}" + self.draw("norm options") + self.draw("momentum"))
        elif kind == "layer_norm" and self.x[0] >= 6:
            self.lines.append(f"layer_norm {self.name('ln')}" + self.draw("norm options"))
        else:
            return False
        return True

    def act(self):
        kind = self.draw("act")
        self.lines.append(f"{kind} {self.name('act')}")
        if self.draw("dropout"):
            self.lines.append(f"dropout {self.name('drop')} 0")
        self.site()

    def pool(self):
        kernel, stride, padding = self.draw("pool")
        if min(window(e, kernel, stride, 2 * padding) for e in self.x[1:]) < 2:
            return
        self.lines.append(f"max_pool2d {self.name('pool')} kernel={kernel} stride={stride} padding={padding}")
        self.x = (self.x[0], *(window(e, kernel, stride, 2 * padding) for e in self.x[1:]))
        self.site()

    def stage(self):
        norm = self.draw("norm")
        self.conv(bias=norm == "none")
        self.norm(norm)
        self.act()

    def block(self, kind=None):
        kind = kind or self.draw("block")
        x, lines, stride = self.x, self.lines, 1
        lines.append(f"residual {self.name('block')}")
        self.site()
        if kind == "pre_activation":
            if not self.norm("batch_norm2d", relu=True):
                self.act()
            self.conv(stride=1)
            self.norm()
            self.act()
            self.conv(channels=x[0], stride=1)
            lines.append("join")
        elif kind == "nested":
            self.conv(stride=1)
            self.norm("batch_norm2d")
            self.block("identity")
            self.conv(channels=x[0], stride=1)
            self.norm("batch_norm2d")
            lines.append("join relu")
        elif kind == "ends_in_convolution":
            self.conv(stride=1, bias=True)
            self.act()
            self.conv(channels=x[0], stride=1)
            lines.append("join relu")
        elif kind == "identity":
            self.conv(stride=1)
            if not self.norm("batch_norm2d", relu=True):
                self.act()
            self.conv(channels=x[0], stride=1)
            self.norm("batch_norm2d")
            lines.append("join relu")
        elif kind == "projection":
            stride = 2 if min(x[1:]) >= 4 else 1
            self.conv(stride=stride)
            self.act()
            self.conv(channels=self.x[0], stride=1)
            self.norm("batch_norm2d")
            y, self.x = self.x, x
            lines.append(f"skip {self.name('skip')}")
            self.site()
            self.conv(channels=y[0], stride=stride)
            self.norm("batch_norm2d")
            lines.append("join relu")
        else:
            self.conv(channels=x[0], stride=1)
            self.act()
            y, self.x = self.x, x
            lines.append(f"skip {self.name('skip')}")
            self.site()
            lines.append(f"max_pool2d {self.name('pool')} kernel=3 stride=1 padding=1")
            lines.append("join")
        self.site()

    def whole(self, depth):
        """`depth` layers with weights or blocks, the head being one."""
        self.site()
        done = 1
        end = self.draw("end")
        linear = "linear" in end and depth > 2
        while done < depth - linear:
            kind = self.draw("stage") if done > 1 else "conv"
            if kind == "pool":
                self.pool()
                continue
            self.stage() if kind == "conv" else self.block()
            done += 1
        if "mean" in end:
            self.lines.append(f"mean_pool2d {self.name('mean')}")
            self.x = (self.x[0], 1, 1)
            self.site()
        if linear:
            self.lines.append(f"linear {self.name('fc')} 12")
            self.x = (12, 1, 1)
            self.site()
            self.act()
        if self.sites == 0:
            self.lines.append("site 0")
            self.sites = 1
        self.lines.append("head fc")
        return "\n".join(self.lines) + "\n"


def architectures(count, seed):
    """Yields the text of every network; depths go from 2 to 9 and begin again."""
    rng = random.Random(seed)
    decks = {name: Deck(cards, rng) for name, cards in CARDS.items()}
    for number in range(count):
        yield Drawing(decks).whole(2 + number % 8)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out_dir", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--seed", type=int, default=2)
    arguments = parser.parse_args()
    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(architectures(arguments.count, arguments.seed)):
        (arguments.out_dir / f"{number:02}.txt").write_text(text)


if __name__ == "__main__":
    main()
