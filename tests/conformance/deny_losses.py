"""The deny losses (docs/method.md, section 3) in PyTorch."""
import math

import torch
import torch.nn.functional as F


def deny_loss(metadata, logits, aux, y, hinge):
    """L_deny of the groups in `logits` and `aux` ({"valid": ..., "invalid": ..., "none": ...}); `hinge` is a ReLU.
    Logits behind those of the classes take part in the softmax of a refusal alone."""
    mode, valid = metadata["deny"], logits["valid"]
    margin1, margin2, gap, seal = (float(metadata[key]) for key in ("margin1", "margin2", "gap", "seal_weight"))
    classes = int(metadata["classes"])

    def entropy(z):
        log_p = F.log_softmax(z[:, :classes], 1)
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
        others = z[:, :classes].masked_fill(F.one_hot(y, classes).bool(), -torch.inf).max(1).values
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
        "sealed": lambda z: refused(z) + seal * (math.log(classes) - entropy(z).mean()),
    }
    terms = [of_group[mode](z) for group, z in logits.items() if group != "valid"]
    return torch.stack(terms).mean() if terms else torch.zeros((), dtype=valid.dtype)
