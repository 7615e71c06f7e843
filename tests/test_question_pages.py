"""A page for each written answer: everybody's text beside the rubric, safe to open."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "assignments"))

from hand_marks import Entry  # noqa: E402
from marking import Marks  # noqa: E402
from question_pages import write_pages  # noqa: E402
from questions import find_source, read_problem_set  # noqa: E402
from results import Graded  # noqa: E402


@pytest.mark.parametrize("name", ["ps1", "ps2", "ps3", "ps4", "ps5", "ps6"])
def test_a_page_has_the_question_the_rubric_and_every_answer(tmp_path, name):
    problem_set = read_problem_set(find_source(name))
    cells = [cell for question in problem_set.questions for cell in question.of_kind("written")]
    texts = {
        "Ann": "First <script>",
        "Bob": "The same",
        "Cy": "The same",
        "Dan": " ",
        "Zoë": "Last",
    }
    results = {
        student: Graded(student, "x", Marks(), {c.grade_id: (text, c.points) for c in cells})
        for student, text in texts.items()
    }
    marks = {student: {c.grade_id: Entry() for c in cells} for student in texts}
    marks["Ann"] = {c.grade_id: Entry("3", "good & short") for c in cells}
    marks["Zoë"] = {c.grade_id: Entry("", "", "the answer has changed; before: 2") for c in cells}
    paths = write_pages(problem_set, results, marks, tmp_path)
    assert [path.stem for path in paths] == [cell.grade_id for cell in cells] and cells
    for path, cell in zip(paths, cells, strict=True):
        page = path.read_text()
        assert "### BEGIN SOLUTION" not in page and "Question" in page
        rubric = [line for line in cell.source.splitlines() if "ubric" in line or "points" in line]
        assert rubric and all(line[:20].strip(" *|") in page for line in rubric[:1])
        assert "First &lt;script&gt;" in page and "<script>" not in page
        assert page.count("The same") == 1 and "Bob: to be marked; Cy: to be marked" in page
        assert "Ann: 3 points, good &amp; short" in page
        assert "to be marked (the answer has changed; before: 2)" in page
        assert "5 submissions, 4 still to be marked" in page
        order = [
            page.index(text) for text in ("First", "The same", "Last", "Nothing was answered by")
        ]
        assert order == sorted(order) and "</h2>Dan" in page
