#!/usr/bin/env python3
"""What searches for a key find, and what losses of a key are, in float64 and from the formulas of their papers.

usage: make_key_searches.py > key_searches.hpp

The score is f(k) = -sum (i + 1) (k_i - cos i)^2 over six numbers; every search draws the numbers that the library's does
(Philox4x32-10 and Box-Muller), in the order in which its formulas name them.
"""
import math

D, SEED, RUN, STREAM = 6, 7, 3, 21
DEVIATION = 0.5
QUERIES = [100, 400]


def philox(counter, key):
    for _ in range(10):
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [(b >> 32) ^ counter[1] ^ key[0], b & 0xFFFFFFFF, (a >> 32) ^ counter[3] ^ key[1], a & 0xFFFFFFFF]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return counter


class Numbers:
    def __init__(self):
        self.next = 0

    def words(self):
        block = philox([self.next >> 2, 0, RUN, STREAM], [SEED, 0])
        self.next += 1
        return block, self.next - 1

    def gaussian(self):
        block, index = self.words()
        pair = index & 2
        radius = math.sqrt(-2 * math.log((block[pair] + 0.5) / 2**32))
        angle = 2 * math.pi * block[pair + 1] / 2**32
        return radius * (math.sin(angle) if index & 1 else math.cos(angle))

    def sign(self):
        block, index = self.words()
        return -1.0 if (block[index & 3] >> 8) / 2**24 < 0.5 else 1.0

    def vector(self, deviation):
        return [deviation * self.gaussian() for _ in range(D)]


class Asked:
    """The score, the best of it after every number of queries, and when to stop."""

    def __init__(self):
        self.best = []

    def __call__(self, key):
        found = -sum((i + 1) * (k - math.cos(i)) ** 2 for i, k in enumerate(key))
        self.best.append(max([found] + self.best[-1:]))
        return found

    def has(self, n):
        return len(self.best) + n <= QUERIES[-1]


def add(key, step, u):
    return [k + step * x for k, x in zip(key, u)]


def nes(ask, draw):
    key, velocity = draw.vector(DEVIATION), [0.0] * D
    sigma, rate = 0.1 * DEVIATION, 0.02 * DEVIATION * math.sqrt(D)
    while ask.has(50):
        gradient = [0.0] * D
        for _ in range(25):
            u = draw.vector(1)
            difference = ask(add(key, sigma, u)) - ask(add(key, -sigma, u))
            gradient = add(gradient, difference / (2 * 25 * sigma), u)
        velocity = [0.9 * v + g for v, g in zip(velocity, gradient)]
        key = add(key, rate / math.sqrt(sum(v * v for v in velocity)), velocity)


def spsa(ask, draw):
    key, j, a = draw.vector(DEVIATION), 0, None
    while ask.has(2):
        c = 0.1 * DEVIATION / (j + 1) ** 0.101
        signs = [draw.sign() for _ in range(D)]
        slope = (ask(add(key, c, signs)) - ask(add(key, -c, signs))) / (2 * c)
        if a is None:
            a = 0.05 * DEVIATION * (j + 50) ** 0.602 / abs(slope)
        key = add(key, a / (j + 50) ** 0.602 * slope, signs)
        j += 1


def sep_cma_es(ask, draw):
    population = 4 + int(3 * math.log(D))
    parents = population // 2
    w = [math.log(parents + 0.5) - math.log(i + 1) for i in range(parents)]
    w = [x / sum(w) for x in w]
    effective = 1 / sum(x * x for x in w)
    cs = (effective + 2) / (D + effective + 5)
    ds = 1 + 2 * max(0, math.sqrt((effective - 1) / (D + 1)) - 1) + cs
    cc = (4 + effective / D) / (D + 4 + 2 * effective / D)
    c1 = 2 / ((D + 1.3) ** 2 + effective)
    cmu = min(1 - c1, 2 * (effective - 2 + 1 / effective) / ((D + 2) ** 2 + effective))
    c1 = min(1, c1 * (D + 2) / 3)
    cmu = min(1 - c1, cmu * (D + 2) / 3)
    chi = math.sqrt(D) * (1 - 1 / (4 * D) + 1 / (21 * D * D))
    mean, sigma = draw.vector(DEVIATION), 0.3 * DEVIATION
    variance, ps, pc = [1.0] * D, [0.0] * D, [0.0] * D
    generation = 0
    while ask.has(population):
        generation += 1
        tried = []
        for _ in range(population):
            z = draw.vector(1)
            y = [math.sqrt(v) * x for v, x in zip(variance, z)]
            tried.append((ask(add(mean, sigma, y)), z, y))
        tried.sort(key=lambda t: -t[0])
        z = [sum(w[k] * tried[k][1][i] for k in range(parents)) for i in range(D)]
        y = [sum(w[k] * tried[k][2][i] for k in range(parents)) for i in range(D)]
        mean = add(mean, sigma, y)
        ps = [(1 - cs) * p + math.sqrt(cs * (2 - cs) * effective) * x for p, x in zip(ps, z)]
        length = math.sqrt(sum(p * p for p in ps))
        steady = length / math.sqrt(1 - (1 - cs) ** (2 * generation)) < (1.4 + 2 / (D + 1)) * chi
        pc = [(1 - cc) * p + (math.sqrt(cc * (2 - cc) * effective) * x if steady else 0) for p, x in zip(pc, y)]
        variance = [(1 - c1 - cmu) * v + c1 * (p * p + (0 if steady else cc * (2 - cc) * v)) +
                    cmu * sum(w[k] * tried[k][2][i] ** 2 for k in range(parents))
                    for i, (v, p) in enumerate(zip(variance, pc))]
        sigma *= math.exp(cs / ds * (length / chi - 1))


def best_of(search):
    ask = Asked()
    search(ask, Numbers())
    return [ask.best[min(q, len(ask.best)) - 1] for q in QUERIES]


SAMPLES, CLASSES = 5, 3
LOGITS = [round(2 * math.sin(1 + 3 * i) + math.cos(i * i), 3) for i in range(SAMPLES * (CLASSES + 1))]
LABELS = [i % CLASSES for i in range(SAMPLES)]


def softmax(z):
    e = [math.exp(x) for x in z]
    return [x / sum(e) for x in e]


def entropy(p):
    return -sum(x * math.log(x) for x in p)


def loss(kind, logits):
    rows = [logits[i * (CLASSES + 1):(i + 1) * (CLASSES + 1)] for i in range(SAMPLES)]
    p = [softmax(z[:CLASSES]) for z in rows]
    if kind == "labels":
        return sum(-math.log(q[y]) + max(0, z[CLASSES] - max(z[:CLASSES])) for q, y, z in zip(p, LABELS, rows)) / SAMPLES
    mean = [sum(q[c] for q in p) / SAMPLES for c in range(CLASSES)]
    return sum(map(entropy, p)) / SAMPLES - (entropy(mean) if kind == "information" else 0)


def slopes(kind, step=1e-6):
    found = []
    for i in range(len(LOGITS)):
        up, down = list(LOGITS), list(LOGITS)
        up[i] += step
        down[i] -= step
        found.append((loss(kind, up) - loss(kind, down)) / (2 * step))
    return found


def numbers(values):
    return ", ".join(f"{v:.15g}" for v in values)


if __name__ == "__main__":
    floats = ", ".join(f"{v!r}F" for v in LOGITS)
    print(f"""// By make_key_searches.py: do not edit.
#pragma once

#include <vector>

namespace golden {{

inline const std::vector<double> nes = {{{numbers(best_of(nes))}}},
    spsa = {{{numbers(best_of(spsa))}}},
    sep_cma_es = {{{numbers(best_of(sep_cma_es))}}};

inline const std::vector<float> logits = {{{floats}}};
inline const std::vector<int> labels = {{{numbers(LABELS)}}};
/// The loss, and its slope in every logit.
struct key_loss {{
  double loss;
  std::vector<double> slopes;
}};""")
    for kind in ("labels", "entropy", "information"):
        print(f"inline const key_loss of_{kind} = {{{loss(kind, LOGITS):.15g}, {{{numbers(slopes(kind))}}}}};")
    print("\n}  // namespace golden")
