"""A network of one's own in the program: a header with its list, and its name in one line of CMake; and a program that has some
of the commands only. CMake is asked what it makes of those lines; the program is then linked from this build's object files, all
but the two that name the networks and the commands.

About 15 s, most of it the linker and CMake."""
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

import program

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = program.PROGRAM.parents[1]
HEADER = """#include "spankey/model/layer_list.hpp"

constexpr spankey::layer_list own_layers(spankey::head_outputs outputs) {
  spankey::layer_list net("own", {3, 32, 32});
  net.conv2d("conv", 8, {.kernel = 5, .stride = 4}).batch_norm2d("bn", spankey::activation::relu);
  net.site(0).mean_pool2d("pool");
  return net.head("fc", outputs);
}
"""
NAMES = ("networks_of_this_build.cpp", "commands_of_this_build.cpp")


def commands():
    """The commands of the program's build: of the files that name the networks and the commands, and of the link."""
    listed = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", "spankey_program"], check=True, capture_output=True,
                            text=True).stdout.splitlines()
    compiles = [next(line for line in listed if " -c " in line and line.rstrip().endswith(name)) for name in NAMES]
    links = next(line for line in reversed(listed) if " -o bin/spankey " in line)
    return compiles, links


class OwnNetwork(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory())
                                  if hasattr(cls, "enterClassContext") else tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        (cls.folder / "own.hpp").write_text(HEADER, encoding="utf-8")
        configured = cls.folder / "configured"
        subprocess.run(["cmake", "-S", SOURCE, "-B", configured, "-G", "Ninja", "-DSPANKEY_BUILD_TESTS=OFF",
                        "-DSPANKEY_BUILD_BENCH=OFF", "-DSPANKEY_CUDA=OFF",
                        f"-DSPANKEY_PROGRAM_NETWORKS=small_cnn;{cls.folder / 'own.hpp'}",
                        "-DSPANKEY_PROGRAM_COMMANDS=train;convert"], check=True, capture_output=True)
        compiles, text = commands()
        cls.program = cls.folder / "spankey"
        text = text.replace(" -o bin/spankey ", f" -o {cls.program} ")
        for name, compiled in zip(NAMES, compiles):
            words = shlex.split(compiled)
            made = str(cls.folder / name) + ".o"
            text = text.replace(words[words.index("-o") + 1], made)
            words[-1], words[words.index("-o") + 1] = str(next(configured.rglob(name))), made
            subprocess.run(words, cwd=BUILD, check=True)
        subprocess.run(text, shell=True, cwd=BUILD, check=True)

    def start(self, *arguments):
        return subprocess.run([self.program, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True,
                              timeout=300, check=False)

    def test_trains_evaluates_and_converts(self):
        done = self.start("train", *program.TINY, "--model", "own", "--data", "glyphs", "--sites", "0", "--subspace-dim", "8",
                          "--out", "run")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        metrics = json.loads((self.folder / "run/metrics.json").read_text(encoding="utf-8"))
        self.assertIn("valid_key", metrics)
        made = self.start("convert", "--run", "run", "--out", "net.image", "--key-out", "unit.key", "--key-bound", "0",
                          "--evaluate")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn("session", made.stdout)

    def test_says_which_networks_fit(self):
        refused = self.start("train", *program.TINY, "--model", "own", "--data", "linear", "--out", "no")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("flag.115", refused.stderr)
        self.assertIn("own", self.start("train", "--help").stdout)
        self.assertIn("resnet18", self.start("train", "--model", "resnet18").stderr)  # not of this build

    def test_has_the_commands_that_it_was_built_with(self):
        listed = self.start("--help").stdout
        self.assertIn("convert", listed)
        self.assertNotIn("attack", listed)
        refused = self.start("attack", "run")
        self.assertEqual((refused.returncode, refused.stdout), (2, ""))
        self.assertEqual(refused.stderr, "[spankey.flag.221] command: found attack, which this program was built without, "
                                         "expected train or convert (CMake's SPANKEY_PROGRAM_COMMANDS)\n")


if __name__ == "__main__":
    if shutil.which("ninja") is None or not (BUILD / "build.ninja").exists():
        print("skipped: this build is not ninja's")
        sys.exit(77)
    unittest.main()
