"""vit_tiny in the program: its recipe, its file's names, a run that goes on, and what a session answers."""
import json
import sys

import data_files
import program


def config(run):
    return json.loads((run / "config.json").read_text())


def tiny(folder):
    """Flags of a run over random images."""
    if not (folder / "root").exists():
        data_files.write_cifar10(folder / "root" / "cifar-10-batches-bin")
    return ["--data", "cifar10", "--data-root", folder / "root", "--model", "vit_tiny"]


def test_what_the_recipe_brings(folder):
    optimizer = {"optimizer": "adamw", "lr": 3e-4, "weight-decay": 0.05, "schedule": "constant", "sites": [0, 1]}
    published = {"gamma": 0.35, "key-std": 0.45, "subspace-dim": 16, "deny": "B", "deny-on": "wrong", "deny-weight": 0.1}
    program.train_tiny(folder / "reference", *tiny(folder), "--regime", "reference")
    assert config(folder / "reference").items() >= {**optimizer, **published}.items()
    program.train_tiny(folder / "sound", *tiny(folder))
    found = config(folder / "sound")
    assert found.items() >= {**optimizer, "deny": "sealed"}.items() and found["gamma"] != 0.35
    text = program.succeeds("describe", *tiny(folder), "--regime", "reference", cwd=folder).stdout.decode()
    for line in ("--epochs 20", "--batch 128", "--lr 0.0003"):
        assert f"  recipe  {line}\n" in text, text


def test_weights_and_sessions(folder):
    run = folder / "run"
    program.train_tiny(run, *tiny(folder), "--regime", "reference")
    program.evaluated_again(run, "--data-root", folder / "root")
    tensors, _ = program.safetensors_header(run / "weights.safetensors")
    shapes = {name: tuple(shape) for name, (_, shape) in tensors.items()}
    assert len(shapes) == 152 and shapes["cls_token"] == (1, 1, 192) and shapes["pos_embed"] == (1, 65, 192)
    assert shapes["blocks.11.attn.qkv.weight"] == (576, 192) and shapes["patch_embed.proj.weight"] == (192, 3, 4, 4)
    for weights in ("fp32", "int8"):
        program.succeeds("convert", "--run", run, "--weights", weights, "--out", folder / f"{weights}.spankey", "--evaluate",
                         "--data-root", folder / "root", cwd=folder)


def test_other_images(folder):
    data_files.write_idx(folder / "root" / "mnist")
    program.train_tiny(folder / "run", "--data", "mnist", "--data-root", folder / "root", "--model", "vit_tiny")
    tensors, _ = program.safetensors_header(folder / "run" / "weights.safetensors")
    assert tuple(tensors["pos_embed"][1]) == (1, 50, 192)


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
