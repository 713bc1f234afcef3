"""The same seed gives the same files, byte for byte, with 1, 2 and 3 threads; another seed gives others."""
import sys

import data_files
import program

SAME = ("config.json", "weights.safetensors", "key_space.safetensors", "metrics.json")


def check_threads(folder, *flags):
    runs = {}
    for name, more in {"1": ["--threads", 1], "2": ["--threads", 2], "3": ["--threads", 3], "all": [],
                       "seed": ["--seed", 1], "key seed": ["--key-seed", 1]}.items():
        program.train_tiny(folder / name, *flags, *more)
        runs[name] = program.contents(folder / name)
    for threads in ("2", "3", "all"):
        for file in SAME:
            assert runs[threads][file] == runs["1"][file], f"{file} with {threads} threads"
    for file in SAME:
        assert runs["seed"][file] != runs["1"][file], file
    # Other keys: other weights, the same configuration.
    for file in ("weights.safetensors", "key_space.safetensors"):
        assert runs["key seed"][file] != runs["1"][file], file
    assert runs["key seed"]["config.json"] == runs["1"]["config.json"]


def test_threads_do_not_change_a_run_of_the_sound_regime(folder):
    check_threads(folder, "--families", "gaussian,angle@20,permuted")


def test_threads_do_not_change_a_published_run(folder):
    check_threads(folder, "--regime", "reference", "--deny-on", "wrong+no")


def test_threads_do_not_change_adam_in_bf16(folder):
    data_files.write_idx(folder / "root" / "fashion-mnist")
    check_threads(folder, "--data", "fashion-mnist", "--data-root", folder / "root", "--precision", "bf16", "--deny",
                  "AC")


if __name__ == "__main__":
    program.run_tests(sys.modules[__name__])
