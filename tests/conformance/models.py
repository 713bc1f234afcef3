"""Names and shapes of the four models, as PyTorch has them: classes, key sites, parameters, running statistics."""

CLASSES = {"mlp": 5, "small_cnn": 10, "small_resnet": 10, "resnet18": 10}
SITES = {
    "mlp": [(20,), (64,), (32,)],
    "small_cnn": [(1, 28, 28), (16, 14, 14), (32, 7, 7)],
    "small_resnet": [(1, 28, 28), (32, 28, 28), (64, 14, 14), (128, 7, 7)],
    "resnet18": [(3, 32, 32), (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)],
}
# Channels and first stride of every stage of two basic blocks, and the site behind it.
STAGES = {
    "small_resnet": [(32, 1, None), (64, 2, 2), (128, 2, 3)],
    "resnet18": [(64, 1, None), (128, 2, 2), (256, 2, 3), (512, 2, 4)],
}


def parameter_shapes(model, deny):
    """{name: shape} of parameters, and of running statistics; the deny mode decides about the head."""
    parameters, states = {}, {}
    outputs = CLASSES[model] + (deny in ("B", "sealed"))

    def add(name, *shape, bias=True):
        parameters[f"{name}.weight"] = shape
        if bias:
            parameters[f"{name}.bias"] = shape[:1]

    def add_norm(name, channels):
        add(name, channels)
        states[f"{name}.running_mean"] = states[f"{name}.running_var"] = (channels,)

    if model == "mlp":
        add("fc1", 64, 20), add("fc2", 32, 64), add("fc3", outputs, 32)
    elif model == "small_cnn":
        add("conv1", 16, 1, 3, 3), add("conv2", 32, 16, 3, 3), add("fc", outputs, 32 * 7 * 7)
    else:
        channels = STAGES[model][0][0]
        add("conv1", channels, SITES[model][0][0], 3, 3, bias=False), add_norm("bn1", channels)
        for stage, (out, stride, _) in enumerate(STAGES[model], start=1):
            for block in range(2):
                name = f"layer{stage}.{block}"
                add(f"{name}.conv1", out, channels, 3, 3, bias=False), add_norm(f"{name}.bn1", out)
                add(f"{name}.conv2", out, out, 3, 3, bias=False), add_norm(f"{name}.bn2", out)
                if block == 0 and (stride != 1 or channels != out):
                    add(f"{name}.downsample.0", out, channels, 1, 1, bias=False), add_norm(f"{name}.downsample.1", out)
                channels = out
        add("fc", outputs, channels)
    if deny == "B_aux":
        add("fc_aux", 1, {"mlp": 32, "small_cnn": 32 * 7 * 7}.get(model) or STAGES[model][-1][0])
    return parameters, states
