"""Whoever names a lesson, by number, by name or by file, names one that is there."""

import json
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
LESSONS = {path.stem[:2]: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}

NUMBERS = re.compile(
    r"\b[Ll]essons?\s+(\d+(?:(?:,\s*and\s+|,\s*|\s+and\s+|\s+to\s+|\s+or\s+)\d+\b)*)"
)
FILE = re.compile(r"\b\d\d_\w+\.ipynb")
# A number with the name beside it: "**Next:** 03, additive noise" or, as a link, "**Next:** [03,
# additive noise](03_additive_noise.ipynb)"; a row of lesson 00's map; a row of the README's table.
NAMED = (
    re.compile(r"\*\*Next:\*\* \[?(\d\d), ([^.:\]]+)"),
    re.compile(r"\| \*\*(\d\d)\*\* ([^|]+) \|"),
    re.compile(r"\| \[(\d\d) ([^\]]+)\]\(notebooks/"),
)


def prose():
    """Every text that a reader meets: {file: text}. Outputs of cells are left out."""
    texts = {}
    for folder in ("notebooks", "assignments/source", "assignments/release"):
        for path in sorted((ROOT / folder).rglob("*.ipynb")):
            cells = nbformat.read(path, as_version=4).cells
            texts[path] = "\n".join(cell.source for cell in cells)
    for pattern in (
        "*.md",
        "rdalib/*.py",
        "notebooks/*.py",
        "assignments/*.*",
        "tests/benchmarks/*.*",
    ):
        for path in sorted(ROOT.glob(pattern)):
            if path.suffix in (".py", ".md"):
                texts[path] = path.read_text()
    return texts


TEXTS = {str(path.relative_to(ROOT)): text for path, text in prose().items()}


def unknown(text):
    """The lessons, by number or by file, that a text names and that do not exist."""
    numbers = [n for found in NUMBERS.findall(text) for n in re.findall(r"\d+", found)]
    files = {path.name for path in LESSONS.values()}
    return [n for n in numbers if n not in LESSONS] + [
        name for name in FILE.findall(text) if name not in files
    ]


def title(number):
    """The words of a lesson's file and title, without the endings that grammar changes."""
    first = nbformat.read(LESSONS[number], as_version=4).cells[0].source
    return stems(LESSONS[number].stem.replace("_", " ") + " " + first.split("\n")[0])


def stems(name):
    small = {"a", "and", "the", "of", "with", "against"}
    return {word[:5] for word in re.findall(r"\w+", name.lower()) if word not in small}


def misnamed(text):
    """(number, name) of each lesson that a text gives a name which is not its own."""
    pairs = [pair for pattern in NAMED for pair in pattern.findall(text)]
    return [(n, name) for n, name in pairs if n in LESSONS and not stems(name) & title(n)]


@pytest.mark.parametrize("name", TEXTS)
def test_every_lesson_that_is_named_exists_and_is_named_so(name):
    assert not unknown(TEXTS[name])
    assert not misnamed(TEXTS[name])


def test_wrong_references_are_found():
    assert unknown("as lessons 01, 02 and 77 say; lesson 7 too") == ["77", "7"]
    assert unknown("[here](notebooks/08_train_the_codec.ipynb)") == ["08_train_the_codec.ipynb"]
    assert misnamed("**Next:** 08, training the full codec.") == [("08", "training the full codec")]
    assert misnamed("**Next:** [08, sound](13_sound.ipynb).") == [("08", "sound")]
    assert misnamed("**Next:** 08, side information.") == []


def test_every_lesson_leads_to_the_next():
    for number, following in pairwise(LESSONS):
        text = TEXTS[str(LESSONS[number].relative_to(ROOT))]
        assert re.findall(r"\*\*Next:\*\* \[?(\d\d)", text) == [following]


def linked(text):
    """The notebooks that a lesson links to, as paths from its own folder."""
    return re.findall(r"\]\(([^)\s]+\.ipynb)\)", text)


@pytest.mark.parametrize("number", LESSONS)
def test_every_notebook_that_a_lesson_links_to_is_there(number):
    text = TEXTS[str(LESSONS[number].relative_to(ROOT))]
    for target in linked(text):
        assert (LESSONS[number].parent / target).exists(), target


def test_the_map_and_the_readme_list_every_lesson_and_every_problem_set():
    sets = sorted(path.stem for path in (ROOT / "assignments" / "release").glob("ps*/ps*.ipynb"))
    first = TEXTS[str(LESSONS["00"].relative_to(ROOT))]
    table = first[first.index("## The map of the course") : first.index("## The letters")]
    assert sorted(Path(t).stem for t in linked(table)) == sorted(
        [*(path.stem for path in LESSONS.values()), *sets]
    )
    readme = TEXTS["README.md"]
    readme = readme[readme.index("## The lessons") : readme.index("## Results")]
    assert (
        sorted({Path(t).stem for t in linked(readme)} - {p.stem for p in LESSONS.values()}) == sets
    )
    assert {Path(t).stem for t in linked(readme)} >= {path.stem for path in LESSONS.values()}


def test_readme_and_the_map_of_lesson_00_list_every_lesson():
    assert NAMED[2].findall(TEXTS["README.md"]) and NAMED[1].findall(json.dumps(TEXTS))
    first = TEXTS[str(LESSONS["00"].relative_to(ROOT))]
    assert [n for n, _ in NAMED[1].findall(first)] == list(LESSONS)
    assert [n for n, _ in NAMED[2].findall(TEXTS["README.md"])] == list(LESSONS)
