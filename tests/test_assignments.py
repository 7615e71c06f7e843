"""The problem sets: releases, solutions, and answers that are wrong or right on purpose.

Sets are found by their folders, the answers in tests/answers/psN.py. What the grader does with
hostile and broken submissions is in test_grader.py. One set alone: pytest -k ps3.
"""

import linecache
import locale
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pytest
from nbgrader.api import Gradebook

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "assignments"))

from grade import Batch  # noqa: E402
from questions import QUESTION, points_of, read_problem_set, scored  # noqa: E402
from release import release_all  # noqa: E402
from submissions import HandedIn  # noqa: E402

SOURCES = {path.stem: path for path in sorted((ROOT / "assignments/source").glob("*/ps*.ipynb"))}
HEADER = re.compile(r"^# %% (q\w+) (wrong|right): (.+)$", re.MULTILINE)
every_set = pytest.mark.parametrize("name", SOURCES)


def answers(name):
    """The variants of a set: [(grade_id, "wrong" or "right", why, code)]."""
    path = ROOT / "tests/answers" / f"{name}.py"
    if not path.exists():
        return []
    _, *parts = HEADER.split(path.read_text())
    return list(zip(*[iter(parts)] * 4, strict=True))


VARIANTS = [
    pytest.param(name, grade_id, kind, code, id=f"{name}-{grade_id}-{kind}: {why}")
    for name in SOURCES
    for grade_id, kind, why, code in answers(name)
]


def release_of(name):
    source = SOURCES[name]
    return ROOT / "assignments/release" / source.parent.name / source.name


# ---- the release


def test_releases_are_what_the_sources_generate(tmp_path):
    written = {p.relative_to(tmp_path): p.read_bytes() for p in release_all(to=tmp_path)}
    folder = ROOT / "assignments/release"
    committed = {
        p.relative_to(folder): p.read_bytes() for p in folder.glob("*/[!.]*") if p.is_file()
    }
    assert committed.keys() == written.keys()
    for path in written:
        assert committed[path] == written[path], f"{path}: run python assignments/release.py"


def marked_lines(cell):
    """The lines of a cell inside and outside of solutions and hidden tests, stripped."""
    lines, inside = ([], []), False
    for line in cell.source.splitlines():
        if "### BEGIN" in line or "### END" in line:
            inside = "### BEGIN" in line
        else:
            lines[inside].append(line.strip())
    return lines


@every_set
def test_no_line_of_a_solution_or_hidden_check_is_in_the_release(name):
    public, secret = set(), set()
    for cell in nbformat.read(SOURCES[name], as_version=4).cells:
        outside, inside = marked_lines(cell)
        public |= set(outside)
        secret |= set(inside)
    assert len(secret - public) > 30
    release = nbformat.read(release_of(name), as_version=4)
    lines = {line.strip() for cell in release.cells for line in cell.source.splitlines()}
    assert not lines & (secret - public)
    text = release_of(name).read_text()
    assert "BEGIN SOLUTION" not in text and "HIDDEN TESTS" not in text
    own = [line for line in secret if len(line) > 20 and not any(line in p for p in public)]
    assert own and not [line for line in own if line in text]


@every_set
def test_grader_and_nbgrader_agree_on_what_is_released(name):
    problem_set = read_problem_set(SOURCES[name])
    cells = nbformat.read(release_of(name), as_version=4).cells
    released = {cell.metadata.nbgrader.grade_id: cell.source for cell in cells}
    for question in problem_set.questions:
        for cell in [*question.before, *question.cells]:
            assert released[cell.grade_id] == cell.released


@every_set
def test_a_set_is_whole(name):
    problem_set = read_problem_set(SOURCES[name])
    questions = problem_set.questions
    by_hand = sum(question.points("written") for question in questions)
    assert sum(question.points("check") for question in questions) + by_hand == 100
    assert 10 <= by_hand <= 15 and 6 <= len(questions) <= 10
    assert [question.name for question in questions] == [f"q{i + 1}" for i in range(len(questions))]
    for question in questions:
        checks = question.of_kind("check")
        assert checks or question.of_kind("written")
        if checks:
            assert question.of_kind("answer")
            assert "public checks passed; hidden checks remain" in checks[-1].released
            assert any(cell.source != cell.released for cell in checks), "nothing is hidden"
    notebook = nbformat.read(SOURCES[name], as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert answers(name), f"tests/answers/{name}.py is missing"
    for question in questions:
        if question.of_kind("check"):
            mine = [k for i, k, *_ in answers(name) if QUESTION.match(i).group() == question.name]
            assert mine.count("wrong") >= 3 and mine.count("right") >= 1, question.name


# ---- the answers, in one process


def execute(code, names, title):
    linecache.cache[title] = (len(code), None, code.splitlines(keepends=True), title)
    exec(compile(code, title, "exec"), names)


@cache
def folder_of(name):
    """A working folder as the grader makes it: the source's files and the weights."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    for path in SOURCES[name].parent.iterdir():
        if path.is_file() and path.suffix != ".ipynb":
            shutil.copy(path, folder)
    weights = ROOT / "tests/answers" / f"{name}.safetensors"
    if weights.exists():
        shutil.copy(weights, folder / "weights.safetensors")
    return folder


@cache
def names_before(name, index):
    """The globals in which question `index` of a set is answered, without its given cells."""
    if index == 0:
        return {"__name__": "__main__"}
    question = read(name).questions[index - 1]
    names = dict(names_before(name, index - 1))
    for cell in [*question.before, *question.of_kind("given", "answer")]:
        execute(cell.source, names, f"<{name} {cell.grade_id}>")
    plt.close("all")
    return names


@cache
def read(name):
    return read_problem_set(SOURCES[name])


def points(name, index, answer):
    """What a question's checks give for {grade_id: code} (other answer cells: the solution)."""
    question = read(name).questions[index]
    names = dict(names_before(name, index))
    for cell in question.before:
        execute(cell.source, names, f"<{name} {cell.grade_id}>")
    earned = 0.0
    for cell in question.cells:
        if cell.kind == "check":
            try:
                execute(scored(cell.source, "_verdict"), names, f"<{name} {cell.grade_id}>")
                earned += points_of(names["_verdict"], cell.points)
            except Exception as error:
                assert len(str(error)) > 0 or not isinstance(error, AssertionError), (
                    f"{cell.grade_id} says nothing to the student"
                )
        elif cell.kind != "written":
            code = answer.get(cell.grade_id, cell.source)
            try:
                execute(code, names, f"<{name} {cell.grade_id} answered>")
            except Exception:
                assert cell.grade_id in answer, f"{cell.grade_id}: the set's own cell fails"
    plt.close("all")
    return earned


@pytest.fixture
def in_folder(name, monkeypatch):
    matplotlib.use("Agg")
    monkeypatch.chdir(folder_of(name))


@every_set
def test_solution_scores_every_point_and_the_untouched_release_none(name, in_folder):
    for index, question in enumerate(read(name).questions):
        untouched = {cell.grade_id: cell.released for cell in question.of_kind("answer")}
        assert points(name, index, {}) == question.points("check"), question.name
        assert points(name, index, untouched) == 0, question.name


@pytest.mark.filterwarnings("ignore")  # students' warnings cost nothing
@pytest.mark.parametrize(("name", "grade_id", "kind", "code"), VARIANTS)
def test_answer(name, grade_id, kind, code, in_folder):
    questions = [question.name for question in read(name).questions]
    index = questions.index(QUESTION.match(grade_id).group())
    most = read(name).questions[index].points("check")
    earned = points(name, index, {grade_id: code})
    assert earned == most if kind == "right" else earned < most


# ---- and through the grader


def with_answers(name, chosen, to):
    """A student's notebook: the release, with {grade_id: code} put in, and the set's weights."""
    notebook = nbformat.read(release_of(name), as_version=4)
    for cell in notebook.cells:
        cell.source = chosen.get(cell.metadata.nbgrader.grade_id, cell.source)
    nbformat.write(notebook, to)
    weights = folder_of(name) / "weights.safetensors"
    if weights.exists():
        shutil.copy(weights, to.with_suffix(".safetensors"))
    return to


@every_set
def test_in_the_grader_a_wrong_answer_loses_exactly_its_question(name, tmp_path):
    """Four notebooks: solved, untouched, and two in which wrong and right answers alternate."""
    problem_set = read(name)
    solved = {
        cell.grade_id: cell.source
        for question in problem_set.questions
        for cell in question.of_kind("answer")
    }
    paths = [with_answers(name, solved, tmp_path / "solved.ipynb")]
    paths += [with_answers(name, {}, tmp_path / "untouched.ipynb")]
    expected = [[question.points("check") for question in problem_set.questions]]
    expected += [[0.0] * len(problem_set.questions)]
    for parity in (0, 1):
        chosen, full = dict(solved), []
        for index, question in enumerate(problem_set.questions):
            kind = "wrong" if index % 2 == parity else "right"
            for grade_id, variant, _, code in answers(name):
                if QUESTION.match(grade_id).group() == question.name and variant == kind:
                    chosen[grade_id] = code
                    break
            full.append(kind == "right")
        paths += [with_answers(name, chosen, tmp_path / f"alternating-{parity}.ipynb")]
        expected += [full]
    handed_in = [HandedIn(path.stem, path) for path in paths]
    graded = Batch(problem_set).grade(handed_in, progress=False)
    for one, points_or_full in zip(graded, expected, strict=True):
        assert one.marks.flags == [], one.name
        for result, wanted in zip(one.marks.results, points_or_full, strict=True):
            if isinstance(wanted, bool):
                assert (result.points == result.max) == wanted or not result.max, (one.name, result)
            else:
                assert result.points == wanted, (one.name, result)


@pytest.mark.skipif(
    not sys.prefix.isascii() and locale.getencoding().lower() != "utf-8",
    reason="nbgrader's alembic reads the names of folders as the locale says",
)
def test_nbgrader_itself_releases_and_grades_a_set(tmp_path):
    name = next(iter(SOURCES))
    folder = SOURCES[name].parent.name
    shutil.copy(ROOT / "assignments/nbgrader_config.py", tmp_path)
    shutil.copytree(SOURCES[name].parent, tmp_path / "source" / folder)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "JUPYTER_CONFIG_DIR": str(tmp_path / "j")}
    programs = [str(Path(sys.executable).parent), os.environ["PATH"]]  # nbgrader calls alembic
    environment["PATH"] = os.pathsep.join(programs)

    def nbgrader(*arguments):
        command = [sys.executable, "-m", "nbgrader", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]

    nbgrader("generate_assignment", folder)
    released = tmp_path / "release" / folder / f"{name}.ipynb"
    assert nbformat.read(released, 4) == nbformat.read(release_of(name), 4)
    for student, notebook in (("solved", SOURCES[name]), ("blank", released)):
        target = tmp_path / "submitted" / student / folder / f"{name}.ipynb"
        target.parent.mkdir(parents=True)
        shutil.copy(notebook, target)
        weights = folder_of(name) / "weights.safetensors"
        if weights.exists():
            shutil.copy(weights, target.parent)
    nbgrader("autograde", folder)
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as gradebook:
        scores = {s: gradebook.find_submission(folder, s).score for s in ("solved", "blank")}
    most = sum(question.points("check") for question in read(name).questions)
    assert scores == {"solved": most, "blank": 0}


def test_counts(capsys):
    """What the tests above tried, in one line: pytest -k counts -rP."""
    kinds = [kind for name in SOURCES for _, kind, *_ in answers(name)]
    questions = sum(len(read(name).questions) for name in SOURCES)
    print(f"{len(SOURCES)} problem sets, {questions} questions; answers tried: ", end="")
    print(f"{kinds.count('wrong')} wrong, {kinds.count('right')} right")
    assert len(kinds) == len(VARIANTS) > 0
