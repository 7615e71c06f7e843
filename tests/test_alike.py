"""Submissions that are alike: the same code whatever its names, and what that tells of a pair."""

import sys
from math import log2
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "assignments"))

import alike  # noqa: E402
from alike import find_alike, pairs, plain, up_to_names  # noqa: E402

CODE = """
def rounded(z, step=1.0):
    # to the grid
    ties = torch.floor(z / step + 0.5)
    return step * ties
"""
RENAMED = '''
def my_round(values, width=1.0):
    """Rounds."""
    whole = torch.floor(values / width + 0.5)

    return width * whole
'''
OTHER = CODE.replace("torch.floor", "torch.ceil")


def test_comments_layout_and_docstrings_do_not_matter():
    assert plain(CODE) == plain(
        CODE.replace("    # to the grid\n", "\n").replace("z / step", "(z/step)")
    )
    assert plain(CODE) != plain(RENAMED)


def test_made_up_names_do_not_matter_and_others_do():
    assert up_to_names(CODE) == up_to_names(RENAMED)
    assert up_to_names(CODE) != up_to_names(OTHER)
    assert up_to_names("y = min(x)") != up_to_names("y = max(x)")
    assert up_to_names("def f(a, b):\n    return a - b") != up_to_names(
        "def f(a, b):\n    return b - a"
    )
    assert up_to_names("f = lambda q: g(q=q)") == up_to_names("h = lambda p: g(p=p)")


@pytest.mark.parametrize("text", ["def f(:", "x = '\x00'", "(" * 10_000, "", "just words, no code"])
def test_what_is_no_python_is_compared_as_text(text):
    assert up_to_names(text) == up_to_names(f"  {text}\n\n")


def test_groups_are_by_question_with_their_kind_and_rarity():
    answers = {name: {"q1": CODE, "q2": "x = 1"} for name in ("Ann", "Bob")}
    answers |= {"Cy": {"q1": RENAMED, "q2": "x = 1"}, "Dan": {"q1": OTHER, "q10": CODE}}
    answers |= {"Eve": {"q10": CODE.replace("# to the grid", "# x")}}
    one, other = find_alike(answers)
    assert (one.question, one.students, one.of) == ("q1", ("Ann", "Bob", "Cy"), 4)
    assert one.kind == "identical up to names" and one.bits == pytest.approx(log2(4 / 3))
    assert (other.question, other.kind, other.bits) == ("q10", "identical", 0)


def test_pairs_are_listed_by_bits_and_what_all_share_tells_nothing():
    answers = {f"s{i}": {"q1": CODE, "q2": CODE + f"\nx = {i}"} for i in range(8)}
    answers["s3"]["q2"] = answers["s5"]["q2"]
    ((bits, one, other, own),) = pairs(find_alike(answers))
    assert (bits, one, other) == (pytest.approx(log2(8 / 2)), "s3", "s5")
    assert [group.question for group in own] == ["q2"]


def test_the_command_reads_a_folder_and_never_gives_a_verdict(tmp_path, capsys):
    release = ROOT / "assignments/release/ps1_rounding_and_noise/ps1.ipynb"
    folder = tmp_path / "submissions"
    folder.mkdir()
    for name, code in (("Ann", CODE), ("Bob", RENAMED), ("Cy", OTHER), ("Zoë", OTHER + "\ny = 2")):
        notebook = nbformat.read(release, as_version=4)
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == "q2":
                cell.source = code
        nbformat.write(notebook, folder / f"{name}.ipynb")
    (folder / "none.ipynb").write_text("<script>")
    page = tmp_path / "alike.html"
    assert alike.main(["ps1", str(folder), "--out", str(page)]) == 0
    said = capsys.readouterr().out
    assert "not compared: none: the file is not a notebook" in said
    assert "1.0 bits  Ann, Bob: q2 (identical up to names)" in said and "no verdict" in said
    text = page.read_text()
    assert "never a verdict" in text and "my_round" in text and "def rounded" in text
    assert "Zoë" not in text
    assert alike.main(["ps1", str(tmp_path / "nothing")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "nothing" in error
