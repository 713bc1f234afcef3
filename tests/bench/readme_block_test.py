"""What bench/readme_block.py writes replaces its own section and leaves the others. Costs nothing."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench"))
import readme_block  # noqa: E402

before = "words\n\n<!-- growth: begin -->\n### a: one\n\nold\n\n### a: two\n\nkept\n<!-- growth: end -->\nmore\n"
with tempfile.TemporaryDirectory() as folder:
    readme_block.README = pathlib.Path(folder) / "README.md"
    readme_block.README.write_text(before, encoding="utf-8")
    readme_block.write_section("growth", "a: one", "new")
    readme_block.write_section("growth", "b: one", "added")
    page = readme_block.README.read_text(encoding="utf-8")
    assert page == before.replace("old", "new").replace("kept\n", "kept\n\n### b: one\n\nadded\n"), page
    try:
        readme_block.write_section("absent", "a", "text")
        raise AssertionError("a block that is not there was written")
    except SystemExit as refusal:
        assert "absent" in str(refusal)
    assert readme_block.README.read_text(encoding="utf-8") == page, "a refusal changes nothing"

readme_block.processor = lambda: "AMD EPYC (family 26, model 2)"
assert readme_block.section_of("avx2") == "avx2: AMD EPYC (family 26, model 2)"
assert readme_block.figure_of("avx2") == "growth_avx2_amd_epyc_family_26_model_2.svg"
