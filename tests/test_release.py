"""A release never overwrites what somebody has answered in it."""

import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "assignments"))

import release  # noqa: E402

SET = "ps1_rounding_and_noise"


@pytest.fixture
def places(tmp_path):
    sources = tmp_path / "source"
    sources.mkdir()
    (sources / SET).symlink_to(ROOT / "assignments" / "source" / SET)
    to = tmp_path / "release"
    release.release_all(sources, to)
    return sources, to


def change(path, grade_id, source):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            cell.source = source
    nbformat.write(notebook, path)


def test_a_release_is_written_again_over_itself_and_over_changed_checks(places):
    sources, to = places
    before = (to / SET / "ps1.ipynb").read_bytes()
    change(to / SET / "ps1.ipynb", "q1_check", "assert True")
    release.release_all(sources, to)
    assert (to / SET / "ps1.ipynb").read_bytes() == before


@pytest.mark.parametrize("grade_id", ["q1", "q10_written"])
def test_a_solved_set_is_refused_as_a_whole_and_forced_over(places, grade_id):
    sources, to = places
    path, picture = to / SET / "ps1.ipynb", to / SET / "q9_expected.png"
    before = path.read_bytes()
    change(path, grade_id, "my answer")
    picture.write_text("an older picture")
    solved = path.read_bytes()
    with pytest.raises(release.Answered, match=f"ps1.ipynb: {grade_id}$"):
        release.release_all(sources, to)
    assert path.read_bytes() == solved and picture.read_text() == "an older picture"
    release.release_all(sources, to, force=True)
    assert path.read_bytes() == before and picture.read_bytes().startswith(b"\x89PNG")


def test_what_is_no_notebook_any_more_is_refused(places):
    sources, to = places
    (to / SET / "ps1.ipynb").write_text("my notes")
    with pytest.raises(release.Answered, match="no notebook"):
        release.release_all(sources, to)


def test_the_command_says_which_answers_and_what_to_do(places, monkeypatch, capsys):
    sources, to = places
    monkeypatch.setattr(release.release_all, "__defaults__", (sources, to, False))
    assert release.main([]) == 0 and f"release/{SET}/ps1.ipynb" in capsys.readouterr().out
    change(to / SET / "ps1.ipynb", "q2", "x = 1")
    assert release.main([]) == 1
    assert "ps1.ipynb: q2\n" in (error := capsys.readouterr().err) and "--force" in error
    assert release.main(["--force"]) == 0
