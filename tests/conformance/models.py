"""Networks as lists of layers, in the text form that layer_text.hpp describes: what they are made of, as PyTorch has it.
gpt has a few words more.

Needs no PyTorch. Activations have extents (C, H, W); a vector of features is (C, 1, 1), T tokens are (C, T, 1).
"""
import dataclasses
import math

CLASSES = {"mlp": 5, "small_cnn": 10, "small_resnet": 10, "resnet18": 10, "vit_tiny": 10, "gpt": 258}
# Of gpt: rows of its table; those from 258 on are no answers.
VOCABULARY = 272
ACTIVATIONS = ("relu", "gelu", "gelu_tanh", "silu")
PRODUCTS = ("conv2d", "linear", "project", "head", "token_head")


@dataclasses.dataclass
class Layer:
    kind: str
    name: str  # with those of the blocks that it stands in
    x: tuple  # extents of what it reads
    y: tuple
    options: dict  # "a=b" as text, a bare word as True
    heads: int = 0
    index: int = 0

    def number(self, option, usual):
        return type(usual)(self.options.get(option, usual))


@dataclasses.dataclass
class Network:
    layers: list
    sites: list  # extents of the key of every site
    keys: str = ""  # of a transformer: element, channel or token: in files they are (tokens, C), (C), (tokens)

    @property
    def input(self):
        return self.layers[0].x

    @property
    def of_tokens(self):
        return self.layers[0].kind == "embedding"

    def sample_shape(self):
        """Of x in files, without the batch."""
        return self.input[1:2] if self.of_tokens else file_shape(self.input)

    def key_shape(self, site):
        """Of a key in files."""
        c, tokens, _ = extents = self.sites[site]
        return {"": file_shape(extents), "element": (tokens, c), "channel": (c,), "token": (tokens,)}[self.keys]


def window(extent, kernel, stride, around):
    return (extent + around - kernel) // stride + 1


def key_extents(x, shape):
    return {"element": x, "channel": (x[0], 1, 1), "token": (1, *x[1:])}[shape]


def parse(text):
    """The network of a text, which has to be right: the program is what judges texts."""
    first, *lines = text.splitlines()
    now, layers, sites, blocks, prefix = tuple(map(int, first.split()[1:])), [], [], [], ""
    for line in lines:
        kind, *words = line.split()
        options = dict(w.split("=") if "=" in w else (w, True) for w in words)
        if kind == "join":
            before, prefix = blocks.pop()
            layers.append(Layer(kind, prefix, now, now, options))
            continue
        x, name = now, words[0]
        layer = Layer(kind, prefix + name, x, x, options)
        if kind == "conv2d":
            kernel, stride = layer.number("kernel", 3), layer.number("stride", 1)
            around = 0 if options.get("pad") == "none" else kernel - 1
            now = (int(words[1]), *(window(e, kernel, stride, around) for e in x[1:]))
        elif kind == "max_pool2d":
            kernel, stride = layer.number("kernel", 2), layer.number("stride", 2)
            now = (x[0], *(window(e, kernel, stride, 2 * layer.number("padding", 0)) for e in x[1:]))
        elif kind == "mean_pool2d":
            now = (x[0], 1, 1)
        elif kind == "linear":
            now = (int(words[1]), 1, 1)
        elif kind == "tokens":
            now = (x[0], x[1] * x[2] + ("class_token" in options), 1)
        elif kind == "project":
            now = (int(words[1]), *x[1:])
        elif kind == "embedding":
            now = (int(words[2]), x[1], 1)
        elif kind == "attention":
            layer.heads, now = int(words[1]), (x[0] // 3, *x[1:])
        elif kind == "token":
            layer.index, now = int(words[1]), (x[0], 1, 1)
        elif kind == "site":
            sites.append(key_extents(x, words[1] if len(words) > 1 else "element"))
        elif kind == "residual":
            blocks.append((x, prefix))
            prefix = layer.name + "."
        elif kind == "skip":
            now, prefix = blocks[-1][0], layer.name + "."
        layer.y = now
        layers.append(layer)
    return Network(layers, sites)


def file_shape(extents):
    """Shape of a sample in files."""
    return extents[:1] if extents[1:] == (1, 1) else extents


def parameter_shapes(network, classes, deny):
    """{name: shape} of parameters, and of running statistics; the deny mode decides about the head."""
    parameters, states = {}, {}

    def add(name, shape, bias=True):
        parameters[f"{name}.weight"] = shape
        if bias:
            parameters[f"{name}.bias"] = shape[:1]

    for layer in network.layers:
        if layer.kind == "conv2d":
            kernel, inputs = layer.number("kernel", 3), layer.x[0] // layer.number("groups", 1)
            add(layer.name, (layer.y[0], inputs, kernel, kernel), "bias" in layer.options)
        elif layer.kind in ("batch_norm2d", "layer_norm"):
            if "unscaled" not in layer.options:
                add(layer.name, layer.x[:1])
            elif "shifted" in layer.options:
                parameters[f"{layer.name}.bias"] = layer.x[:1]
            if layer.kind == "batch_norm2d":
                states[f"{layer.name}.running_mean"] = states[f"{layer.name}.running_var"] = layer.x[:1]
        elif layer.kind == "project":
            add(layer.name, (layer.y[0], layer.x[0]))
            if "inputs_first" in layer.options:
                parameters[f"{layer.name}.weight"] = (layer.x[0], layer.y[0])
        elif layer.kind == "embedding":
            parameters[f"{layer.name}.weight"] = (VOCABULARY, layer.y[0])
        elif layer.kind == "tokens" and "positions" in layer.options:
            parameters[layer.name] = (layer.number("positions", 0), layer.x[0])
        elif layer.kind == "tokens":
            if "class_token" in layer.options:
                parameters["cls_token"] = (1, 1, layer.x[0])
            parameters[layer.name] = (1, layer.y[1], layer.x[0])
        elif layer.kind == "linear":
            add(layer.name, (layer.y[0], math.prod(layer.x)))
        elif layer.kind == "head":
            add(layer.name, (classes + (deny in ("B", "sealed")), math.prod(layer.x)))
            if deny == "B_aux":
                add("fc_aux", (1, math.prod(layer.x)))
    return parameters, states


def basic_blocks(stages, channels):
    """Two blocks a stage: (channels, stride, the site behind it or None)."""
    for stage, (out, stride, site) in enumerate(stages, start=1):
        for block in range(2):
            step = stride if block == 0 else 1
            yield (f"residual layer{stage}.{block}\nconv2d conv1 {out} stride={step}\nbatch_norm2d bn1 relu\n"
                   f"conv2d conv2 {out}\nbatch_norm2d bn2")
            if step != 1 or channels != out:
                yield f"skip downsample\nconv2d 0 {out} kernel=1 stride={step}\nbatch_norm2d 1"
            yield "join relu"
            channels = out
        if site is not None:
            yield f"site {site}"


def residual_text(extents, stages):
    channels = stages[0][0]
    return "\n".join([f"input {extents}", "site 0", f"conv2d conv1 {channels}", "batch_norm2d bn1 relu", "site 1",
                      *basic_blocks(stages, channels), "mean_pool2d pool", "head fc"])


def vit_text(extents, patch, channels, heads, depth, keys="element"):
    """The vision transformer of model/vit_tiny.hpp."""
    lines = [f"input {extents}", f"conv2d patch_embed.proj {channels} kernel={patch} stride={patch} pad=none bias",
             "tokens pos_embed class_token", f"site 0 {keys}"]
    for block in range(depth):
        lines += [f"residual blocks.{block}", "layer_norm norm1 epsilon=1e-6", f"project attn.qkv {3 * channels}",
                  f"attention attn.heads {heads}", f"project attn.proj {channels}", "join",
                  f"residual blocks.{block}", "layer_norm norm2 epsilon=1e-6", f"project mlp.fc1 {4 * channels}",
                  "gelu mlp.act", f"project mlp.fc2 {channels}", "join"]
        if block + 1 == depth // 2:
            lines.append(f"site 1 {keys}")
    return "\n".join([*lines, "layer_norm norm epsilon=1e-6", "token class 0", "head head"])


def gpt_text(tokens, context=128, channels=128, heads=4, depth=4, keys="element"):
    """The language model of model/gpt.hpp; a token is one number here."""
    lines = [f"input 1 {tokens} 1", f"embedding wte {VOCABULARY} {channels}", f"tokens wpe.weight positions={context}",
             f"site 0 {keys}"]
    for block in range(depth):
        lines += [f"residual h.{block}", "layer_norm ln_1", f"project attn.c_attn {3 * channels} inputs_first",
                  f"attention attn.heads {heads} causal", f"project attn.c_proj {channels} inputs_first", "join",
                  f"residual h.{block}", "layer_norm ln_2", f"project mlp.c_fc {4 * channels} inputs_first",
                  "gelu_tanh mlp.gelu", f"project mlp.c_proj {channels} inputs_first", "join"]
        if block + 1 == depth // 2:
            lines.append(f"site 1 {keys}")
    return "\n".join([*lines, "layer_norm ln_f", "token_head wte"])


TEXTS = {
    "mlp": "input 20 1 1\nsite 0\nlinear fc1 64\nsite 1\nrelu relu1\nlinear fc2 32\nsite 2\nrelu relu2\nhead fc3",
    "small_cnn": "input 1 28 28\nsite 0\nconv2d conv1 16 bias\nrelu relu1\nmax_pool2d pool1\nsite 1\n"
                 "conv2d conv2 32 bias\nrelu relu2\nmax_pool2d pool2\nsite 2\nhead fc",
    "small_resnet": residual_text("1 28 28", [(32, 1, None), (64, 2, 2), (128, 2, 3)]),
    "resnet18": residual_text("3 32 32", [(64, 1, None), (128, 2, 2), (256, 2, 3), (512, 2, 4)]),
    "vit_tiny": vit_text("3 32 32", patch=4, channels=192, heads=3, depth=12),
}
NETWORKS = {name: parse(text) for name, text in TEXTS.items()}


def network_of(metadata, tokens=None):
    """The network of a case; `tokens` of a sample are gpt's."""
    model, keys = metadata["model"], metadata.get("key_shape", "element")
    if model == "layers":
        return parse(metadata["layers"])
    if model == "vit_tiny":
        return dataclasses.replace(parse(vit_text("3 32 32", 4, 192, 3, 12, keys)), keys=keys)
    if model == "gpt":
        text = gpt_text(tokens, int(metadata.get("context", 128)), heads=int(metadata.get("heads", 4)), keys=keys)
        return dataclasses.replace(parse(text), keys=keys)
    return NETWORKS[model]
