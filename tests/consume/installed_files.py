"""What `cmake --install` brings beside the package: program, documents whose links lead somewhere, examples, amalgamation.

usage: installed_files.py PREFIX [PROGRAM]      PROGRAM: the one of the build; without it none is expected
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)|srcset=\"([^\"]+)\"|src=\"([^\"]+)\"")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)  # a lambda is no link
# Of the repository only: measurements and the web page that builds itself.
ELSEWHERE = ("bench/", "examples/web", "tools/spankey", "tests/", "include/", "src/")


def run(*command):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60, check=False)


def check_documents(folder):
    assert (folder / "LICENSE").is_file()
    documents = [folder / "README.md", *sorted((folder / "docs").glob("*.md"))]
    assert len(documents) == 1 + len(list((ROOT / "docs").glob("*.md"))), documents
    for document in documents:
        for found in LINK.finditer(CODE.sub("", document.read_text(encoding="utf-8"))):
            link = next(filter(None, found.groups()))
            target = (document.parent / link).resolve()
            inside = target.relative_to(folder.resolve()).as_posix() if folder.resolve() in target.parents else link
            assert target.exists() or inside.startswith(ELSEWHERE), f"{document.name} links to {link}"


def check_examples(folder):
    for source in ROOT.glob("examples/[0-9]*"):
        assert (folder / source.name).read_bytes() == source.read_bytes(), source.name
    assert (folder / "import/pt_to_safetensors.py").is_file()
    assert list((folder / "experiments").glob("*.json"))
    assert not list(folder.glob("spankey*")) and not list(folder.glob("web*"))


def check_amalgamation(prefix):
    script = prefix / "share/spankey/amalgamate.py"
    said = run(sys.executable, script, "--help")
    assert said.returncode == 0 and said.stdout.startswith("usage: amalgamate.py"), said
    header = prefix / "spankey_infer.hpp"
    said = run(sys.executable, script, header)
    assert said.returncode == 0 and said.stderr == "", said
    assert "#pragma once" in header.read_text(encoding="utf-8")
    said = run(sys.executable, script, prefix / "no such folder", header)
    assert said.returncode == 2 and "spankey/infer.hpp" in said.stderr, said


def check_program(prefix, built):
    installed = prefix / "bin/spankey"
    if not built or not pathlib.Path(built).exists():
        return
    said = run(installed, "--version")
    assert said.returncode == 0 and said.stdout == run(built, "--version").stdout, said


def main():
    prefix = pathlib.Path(sys.argv[1])
    documents = next(prefix.glob("share/doc/[sS]pan[kK]ey"))
    check_documents(documents)
    check_examples(documents / "examples")
    check_amalgamation(prefix)
    check_program(prefix, sys.argv[2] if len(sys.argv) > 2 else None)
    print("installed files: ok")


if __name__ == "__main__":
    sys.exit(main())
