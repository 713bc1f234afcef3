"""Forward passes of a network (models.py) in PyTorch."""
import torch
import torch.nn.functional as F

import models

SMOOTH = {"gelu": F.gelu, "gelu_tanh": lambda h: F.gelu(h, approximate="tanh"), "silu": F.silu}


def feeds_norm(network, i):
    """Whether a batch norm reads what layer i puts out, and nothing else does."""
    return i + 1 < len(network.layers) and network.layers[i + 1].kind == "batch_norm2d"


def convolve(layer, h, weight, bias):
    kernel = layer.number("kernel", 3)
    if layer.options.get("pad") != "none":
        before = (kernel - 1) // 2
        h = F.pad(h, (before, kernel - 1 - before) * 2)
    return F.conv2d(h, weight, bias, layer.number("stride", 1), 0, 1, layer.number("groups", 1))


def attend(layer, h):
    """Of (n, 3C, T, 1), by explicit matrices."""
    n, width, tokens, _ = h.shape
    q, k, v = h[..., 0].reshape(n, 3, layer.heads, width // 3 // layer.heads, tokens).transpose(3, 4).unbind(1)
    scores = q @ k.transpose(2, 3) * q.shape[3] ** -0.5
    if "causal" in layer.options:
        scores = scores.masked_fill(torch.ones(tokens, tokens).triu(1).bool(), -torch.inf)
    return (scores.softmax(3).to(h.dtype) @ v).transpose(2, 3).reshape(n, width // 3, tokens, 1).to(h.dtype)


def forward(network, p, states, x, inject, training, relu=F.relu, max_pool=F.max_pool2d, scale=1):
    """(logits, reject logit or None) of x (n, C, H, W); of tokens (n, 1, T, 1) logits (n, T, V). `inject(site, activation)`
    is called at every site; training updates `states` in place.

    `scale` multiplies the weights of every product; a batch norm behind it or a division takes it out again."""
    def product(i, name, multiply):
        weight, bias = (p.get(f"{name}.{part}") for part in ("weight", "bias"))
        if scale == 1:
            return multiply(weight, bias)
        z = multiply(weight * scale, None if bias is None else bias * scale)
        return z if feeds_norm(network, i) else (z.float() / scale).to(z.dtype)

    blocks, h = [], x
    autocast = torch.is_autocast_cpu_enabled()
    for i, layer in enumerate(network.layers):
        kind, name = layer.kind, layer.name
        if kind == "site":
            h = inject(int(name.rsplit(".", 1)[-1]), h)
        elif kind == "conv2d":
            h = product(i, name, lambda w, b: convolve(layer, h, w, b))
        elif kind == "batch_norm2d":
            unit = scale if i > 0 and network.layers[i - 1].kind in models.PRODUCTS else 1
            h = F.batch_norm(h, states[f"{name}.running_mean"], states[f"{name}.running_var"], p.get(f"{name}.weight"),
                             p.get(f"{name}.bias"), training, layer.number("momentum", 0.1),
                             layer.number("epsilon", 1e-5) * unit ** 2)
            h = relu(h) if "relu" in layer.options else h
        elif kind == "layer_norm":
            # Which has no bf16 input beside float weights.
            wide = h.float() if h.dtype == torch.bfloat16 else h
            h = F.layer_norm(wide.permute(0, 2, 3, 1), layer.x[:1], p.get(f"{name}.weight"), p.get(f"{name}.bias"),
                             layer.number("epsilon", 1e-5)).permute(0, 3, 1, 2).to(h.dtype)
        elif kind == "relu":
            h = relu(h)
        elif kind in SMOOTH:
            h = SMOOTH[kind](h)
        elif kind == "max_pool2d":
            h = max_pool(h, layer.number("kernel", 2), layer.number("stride", 2), layer.number("padding", 0))
        elif kind == "mean_pool2d":
            h = h.mean((2, 3), keepdim=True)
        elif kind == "linear":
            h = product(i, name, lambda w, b: F.linear(h.flatten(1), w, b))[:, :, None, None]
        elif kind == "project":
            by_row = (lambda w: w.T) if "inputs_first" in layer.options else (lambda w: w)
            h = product(i, name, lambda w, b: F.linear(h.permute(0, 2, 3, 1), by_row(w), b).permute(0, 3, 1, 2))
        elif kind == "embedding":
            rows = p[f"{name}.weight"][h[:, 0, :, 0]]
            h = (rows.bfloat16() if autocast else rows).transpose(1, 2)[..., None]
        elif kind == "tokens":
            rows = h.flatten(2).transpose(1, 2)
            if "class_token" in layer.options:
                rows = torch.cat([p["cls_token"].expand(len(h), 1, -1), rows], 1)
            positions = p[name][..., :rows.shape[1], :]
            h = (rows + positions).transpose(1, 2)[..., None].to(h.dtype)  # what lies between blocks is the library's
        elif kind == "attention":
            h = attend(layer, h)
        elif kind == "token":
            h = h[:, :, layer.index:layer.index + 1]
        elif kind == "residual":
            blocks.append((h, None))
        elif kind == "skip":
            blocks[-1], h = (blocks[-1][0], h), blocks[-1][0]
        elif kind == "join":
            before, inner = blocks.pop()
            h = h + (before if inner is None else inner)
            h = relu(h) if "relu" in layer.options else h
        elif kind == "token_head":
            return product(i, name, lambda w, b: F.linear(h[..., 0].transpose(1, 2), w)), None
        elif kind == "head":
            features = h.flatten(1)
            aux = product(i, "fc_aux", lambda w, b: F.linear(features, w, b))[:, 0] if "fc_aux.weight" in p else None
            return product(i, name, lambda w, b: F.linear(features, w, b)), aux
    raise ValueError("a network without a head")


def norm_units(network, scale):
    """{state: what a scaled pass multiplies it by}"""
    units = {}
    for before, layer in zip([None, *network.layers], network.layers):
        if layer.kind == "batch_norm2d":
            unit = scale if before is not None and before.kind in models.PRODUCTS else 1
            units.update({f"{layer.name}.running_mean": unit, f"{layer.name}.running_var": unit ** 2})
    return units


def rounded_weights(network, p, states, weights):
    """The parameters as a weight image of this type holds them: what an evaluation in float64 computes with them is what a
    session is to answer. Rounded is the weight with its batch norm, of every output channel by itself in int8."""
    def rounded(w, factor=None):
        if weights == "bf16":
            folded = w if factor is None else w * factor.reshape(-1, *[1] * (w.dim() - 1))
            stored = folded.bfloat16().double()
            return stored if factor is None else stored / factor.reshape(-1, *[1] * (w.dim() - 1))
        # A factor changes the scale alone. One number a channel is its own scale.
        step = w.reshape(len(w), -1).abs().amax(1).reshape(-1, *[1] * (w.dim() - 1)) / 127
        return torch.where(step > 0, (w / step).round() * step, w) if w.dim() > 1 else w

    result = dict(p)
    if weights == "fp32":
        return result
    for i, layer in enumerate(network.layers):
        name = f"{layer.name}.weight"
        if layer.kind in models.PRODUCTS:
            factor = None
            if layer.kind != "head" and feeds_norm(network, i):
                norm = network.layers[i + 1]
                gamma = p.get(f"{norm.name}.weight", torch.ones(()).double())
                factor = gamma * (states[f"{norm.name}.running_var"] + norm.number("epsilon", 1e-5)).rsqrt()
            result[name] = rounded(p[name], factor)
            if layer.kind == "head" and "fc_aux.weight" in p:
                result["fc_aux.weight"] = rounded(p["fc_aux.weight"])
        elif layer.kind == "tokens":
            # An image has the class token in the row of its position.
            rows = p[layer.name][0].clone()
            if "class_token" in layer.options:
                rows[0] += p["cls_token"][0, 0]
                result["cls_token"] = torch.zeros_like(p["cls_token"])
            result[layer.name] = rounded(rows.T).T[None]
        elif layer.kind == "layer_norm" and name in p:
            result[name] = rounded(p[name])
        elif layer.kind == "batch_norm2d" and not (i > 0 and network.layers[i - 1].kind in ("conv2d", "linear")):
            # By itself it is x factor + shift, and the shift is not rounded.
            mean, variance = (states[f"{layer.name}.running_{part}"] for part in ("mean", "var"))
            rstd, zero = (variance + layer.number("epsilon", 1e-5)).rsqrt(), torch.zeros(layer.x[0]).double()
            factor = p.get(name, zero + 1) * rstd
            stored = rounded(factor)
            result[name] = stored / rstd
            result[f"{layer.name}.bias"] = p.get(f"{layer.name}.bias", zero) + mean * (stored - factor)
    return result
