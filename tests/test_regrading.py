"""A class graded more than once: interrupted, one student again, marks entered by hand.

The small set of test_grader.py; what one submission can do to the grader is tested there.
"""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "assignments"))

import grade  # noqa: E402
import gradebook  # noqa: E402
import results  # noqa: E402
from marking import Marks, Result  # noqa: E402
from submissions import HandedIn  # noqa: E402
from test_grader import (  # noqa: E402
    HONEST,
    Q1,
    Q2,
    WRONG,
    find,
    marked,
    notebook,
    notebook_text,
    small_set,  # noqa: F401, a fixture
)


@pytest.fixture
def classroom(small_set, tmp_path, monkeypatch):  # noqa: F811
    """A folder of submissions and one of grades, the command, and what it wrote."""
    monkeypatch.setattr(grade, "find_source", lambda name: small_set.path)
    return Classroom(tmp_path)


class Classroom:
    def __init__(self, folder):
        self.submissions, self.out = folder / "submissions", folder / "grades"
        self.submissions.mkdir()

    def hand_in(self, name, answers, change=lambda made: None):
        path = self.submissions / f"{name}.ipynb"
        path.write_text(notebook_text(answers, change))
        return path

    def grade(self, *options, place=None):
        place = str(place or self.submissions)
        return grade.main(["ps9", place, "--out", str(self.out), *map(str, options)])

    @property
    def rows(self):
        with open(self.out / "grades.csv", newline="") as file:
            return {row["submission"]: row for row in csv.DictReader(file)}

    @property
    def manual(self):
        with open(self.out / "manual.csv", newline="") as file:
            return {row["submission"]: row for row in csv.DictReader(file)}

    def enter(self, name, points, comment=""):
        """Enter a mark as with a text editor."""
        rows = self.manual
        rows[name] |= {"points": points, "comment": comment}
        with open(self.out / "manual.csv", "w", newline="") as file:
            table = csv.DictWriter(file, rows[name])
            table.writeheader()
            table.writerows(rows.values())


@pytest.fixture
def no_code_runs(monkeypatch):
    """From here on a submission whose code is run fails the test."""

    def refuse(self, submission, work):
        raise SystemExit("code was run")

    return lambda: monkeypatch.setattr(grade.Batch, "_mark", refuse)


@pytest.fixture
def no_kernels(monkeypatch):
    """For what concerns hand marks and texts alone: all code has 0 points, and none is run."""

    def nothing(self, submission, work):
        questions = self.set.questions
        none = [Result(q.name, 0.0, q.points("check"), "not answered") for q in questions]
        return Marks(none, submission.flags)

    monkeypatch.setattr(grade.Batch, "_mark", nothing)


# ---- interruption


def test_interrupted_and_taken_up_again_the_grades_are_those_of_one_go(classroom, capsys):
    slow = "import time\ntime.sleep(2)\n" + Q2
    for i, code in enumerate((Q2, WRONG, "1 / 0", "import os\nos._exit(0)", slow, Q2)):
        classroom.hand_in(f"student {i}", HONEST | {"q2": code})
    classroom.hand_in("student 5", {})
    whole = classroom.out.with_name("in one go")
    assert grade.main(["ps9", str(classroom.submissions), "--out", str(whole)]) == 0
    capsys.readouterr()

    def interrupt():
        while len(list(classroom.out.glob("results/*.json"))) < 2:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    assert classroom.grade("--jobs", 1) == 130
    stopped = capsys.readouterr()
    assert "interrupted" in stopped.err and "Traceback" not in stopped.err
    first = {path: path.stat().st_mtime_ns for path in classroom.out.glob("results/*.json")}
    assert 2 <= len(first) < 6 and len(classroom.rows) == len(first)
    assert classroom.grade() == 0
    assert all(path.stat().st_mtime_ns == at for path, at in first.items())  # not run again
    for name in ("grades.csv", "manual.csv"):
        assert (classroom.out / name).read_text() == (whole / name).read_text()


def test_an_interruption_does_not_wait_for_what_hangs(classroom, small_set):  # noqa: F811
    path = classroom.hand_in("Ann", HONEST | {"q2": "import time\ntime.sleep(50)"})
    batch = grade.Batch(small_set)
    threading.Timer(3, batch.stop.set).start()
    assert batch.grade([HandedIn("Ann", path)], progress=False) == []
    assert not [t for t in threading.enumerate() if "ThreadPool" in t.name]


def test_a_full_disk_is_one_line_and_what_was_graded_is_printed(classroom, monkeypatch, capsys):
    classroom.hand_in("Ann", HONEST)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(results.os, "replace", full)
    assert classroom.grade() == 2
    said = capsys.readouterr()
    assert "30 of 30" in said.out
    last = said.err.splitlines()[-1]
    assert "No space left on device" in last and "Traceback" not in said.err
    monkeypatch.undo()
    assert not [path for path in classroom.out.rglob("*") if path.is_file()]


def test_a_disk_that_is_full_at_the_tables_keeps_the_results(
    classroom, monkeypatch, capsys, no_code_runs
):
    classroom.hand_in("Ann", HONEST)
    real = gradebook.replaced

    def full(path, encoding="utf-8"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(gradebook, "replaced", full)
    assert classroom.grade() == 2
    assert "No space left on device" in capsys.readouterr().err
    monkeypatch.setattr(gradebook, "replaced", real)
    no_code_runs()
    assert classroom.grade() == 0
    assert classroom.rows["Ann"]["automatic"] == "30"


# ---- what is stored


def test_one_student_graded_again_leaves_the_class_in_the_table(classroom):
    for name in ("Ann Lee", "Bob", "Cem"):
        classroom.hand_in(name, HONEST | {"q2": WRONG})
    assert classroom.grade() == 0
    classroom.enter("Bob", "4")
    path = classroom.hand_in("Ann Lee", HONEST)
    assert classroom.grade(place=path) == 0
    assert list(classroom.rows) == ["Ann Lee", "Bob", "Cem"]
    assert [row["automatic"] for row in classroom.rows.values()] == ["30", "20", "20"]
    assert classroom.rows["Bob"]["total"] == "24"
    assert all((classroom.out / f"{name}.html").exists() for name in classroom.rows)


def test_entering_marks_runs_no_code_and_a_changed_submission_does(classroom, no_code_runs):
    classroom.hand_in("Ann", HONEST)
    classroom.hand_in("Bob", HONEST)
    assert classroom.grade() == 0
    classroom.enter("Ann", "4.5", "good")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grade.Batch, "_mark", None)
        assert classroom.grade() == 0
    ann = classroom.rows["Ann"]
    assert (ann["q4"], ann["manual"], ann["total"], ann["to_mark"]) == ("4.5", "4.5", "34.5", "0")
    assert classroom.rows["Bob"]["q4"] == "" and classroom.rows["Bob"]["to_mark"] == "1"

    def outputs(made):  # run again and saved: the answers are what they were
        find(made, "q1").outputs = []
        find(made, "q1").execution_count = 7

    classroom.hand_in("Ann", HONEST, outputs)
    classroom.hand_in("Bob", HONEST | {"q2": WRONG})
    calls = []
    mark = grade.Batch._mark
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grade.Batch, "_mark", lambda s, *a: calls.append(a) or mark(s, *a))
        assert classroom.grade() == 0
    assert len(calls) == 1 and classroom.rows["Bob"]["automatic"] == "20"
    no_code_runs()
    with pytest.raises(SystemExit, match="code was run"):  # other limits, other results
        classroom.grade("--seconds", 7)


def test_results_of_another_set_are_not_mixed_in(classroom, capsys, no_kernels):
    classroom.hand_in("Ann", {})
    assert classroom.grade() == 0
    stored = classroom.out / "results" / "Ann.json"
    before = (classroom.out / "grades.csv").read_bytes()
    stored.write_text(stored.read_text().replace('"set": "ps9"', '"set": "ps8"'))
    for expected in ("holds results of ps8", "is damaged"):
        with pytest.raises(SystemExit) as stopped:
            classroom.grade()
        assert stopped.value.code == 2 and expected in capsys.readouterr().err
        stored.write_text("{")
    assert (classroom.out / "grades.csv").read_bytes() == before


# ---- marks by hand


def test_a_blank_answers_automatic_zero_is_nobodys_mark(classroom, no_kernels):
    classroom.hand_in("Bob", {})
    assert classroom.grade() == 0
    bob = classroom.manual["Bob"]
    assert (bob["points"], bob["comment"], classroom.rows["Bob"]["to_mark"]) == (
        "0", "not answered", "0",
    )  # fmt: skip
    classroom.hand_in("Bob", HONEST)
    assert classroom.grade() == 0
    assert classroom.manual["Bob"]["points"] == "" and classroom.rows["Bob"]["to_mark"] == "1"
    assert "to be marked" in (classroom.out / "Bob.html").read_text()


def test_a_table_of_an_earlier_grader_is_read(classroom, no_kernels):
    classroom.hand_in("Ann", HONEST)
    classroom.hand_in("Bob", HONEST)
    classroom.out.mkdir()
    (classroom.out / "manual.csv").write_text(
        "submission,question,max,points,comment\n"
        "Ann,q4_written,5,4,good\nBob,q4_written,5,0,not answered\n"
    )
    assert classroom.grade() == 0
    assert classroom.manual["Ann"]["points"] == "4" and classroom.manual["Bob"]["points"] == ""


def test_a_mark_is_asked_for_again_once_its_answer_has_changed(classroom):
    classroom.hand_in("Ann", HONEST)
    assert classroom.grade() == 0
    classroom.enter("Ann", "4", "short")
    assert classroom.grade() == 0 and classroom.rows["Ann"]["total"] == "34"
    classroom.hand_in("Ann", HONEST | {"q4_written": "At length, because."})
    for _ in range(2):
        assert classroom.grade() == 0
        ann = classroom.manual["Ann"]
        assert ann["points"] == "" and "4 of 5, short" in ann["note"]
        assert classroom.rows["Ann"]["to_mark"] == "1"
        assert "short" not in (classroom.out / "Ann.html").read_text()
    classroom.enter("Ann", "5")
    assert classroom.grade() == 0 and classroom.rows["Ann"]["total"] == "35"


SPREADSHEETS = {
    "English Excel": (",", "utf-8-sig", "4.5"),
    "English Excel, CSV without UTF-8": (",", "cp1252", "4.5"),
    "German Excel": (";", "cp1252", "4,5"),
    "German Excel, CSV UTF-8": (";", "utf-8-sig", "4,5"),
    "Excel, Unicode text": ("\t", "utf-16", "4,5"),
    "LibreOffice": (",", "utf-8", "4.5"),
}


@pytest.mark.parametrize("program", SPREADSHEETS)
def test_marks_come_back_from_a_spreadsheet(classroom, program, no_kernels):
    delimiter, encoding, points = SPREADSHEETS[program]
    for name in ("Zoë Müller", "0371"):
        classroom.hand_in(name, {"q4_written": "Because."})
    assert classroom.grade() == 0
    rows = [[*row.values()] for row in classroom.manual.values()]
    rows.insert(0, [*classroom.manual["0371"]])
    rows[1][0] = "371"  # a spreadsheet reads a number
    rows[1][3] = rows[2][3] = points
    rows[1][4] = "größer; “ja”"
    path = classroom.out / "manual.csv"
    with open(path, "w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)  # line ends of Windows
    for _ in range(2):  # it is written back as it was found, and read again
        assert classroom.grade() == 0
        assert [row["total"] for row in classroom.rows.values()] == ["4.5", "4.5"]
        assert "größer; “ja”" in (classroom.out / "0371.html").read_text(encoding="utf-8")
        assert path.read_bytes().decode(encoding).startswith(f"submission{delimiter}question")


@pytest.mark.parametrize("points", ["4/5", "05. Apr", "five", "-1", "5.5", "nan", "80%", "1e999"])
def test_a_bad_mark_is_named_by_row_before_any_code_runs(
    classroom, points, capsys, no_kernels, no_code_runs
):
    for name in ("Ann", "Bob"):
        classroom.hand_in(name, {})
    assert classroom.grade() == 0
    classroom.enter("Bob", points)
    before = {path: path.read_bytes() for path in classroom.out.iterdir() if path.is_file()}
    no_code_runs()
    with pytest.raises(SystemExit) as stopped:
        classroom.grade("--again")
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert "row 3 (Bob, q4_written)" in line and repr(points) in line and "0 to 5" in line
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("submission;question\nAnn;q4_written\n", "no column points, comment"),
        ("", "no table"),
        ("submission,question,points,comment\nAnn,q7_written,1,\n", "no written answer 'q7_w"),
        ("submission,question,points,comment\nAnn,q4_written,1,\nAnn,q4_written,2,\n", "another"),
    ],
)
def test_a_table_that_is_none_is_named(classroom, text, expected, capsys):
    classroom.hand_in("Ann", {})
    classroom.out.mkdir()
    (classroom.out / "manual.csv").write_text(text)
    with pytest.raises(SystemExit) as stopped:
        classroom.grade()
    assert stopped.value.code == 2 and expected in capsys.readouterr().err
    assert (classroom.out / "manual.csv").read_text() == text


def test_points_for_a_name_that_nobody_has_are_reported_and_kept(classroom, capsys, no_kernels):
    classroom.hand_in("Ann", {})
    classroom.out.mkdir()
    (classroom.out / "manual.csv").write_text(
        "submission,question,points,comment\nAnnn,q4_written,3,\n"
    )
    assert classroom.grade() == 0
    assert "'Annn'" in capsys.readouterr().err and classroom.manual["Annn"]["points"] == "3"


# ---- written answers and where students put them


def beside(cell, at):
    def change(made):
        written = next(i for i, c in enumerate(made.cells) if c.metadata.nbgrader.grade_id == at)
        made.cells.insert(written + 1, cell)

    return change


def add_to_the_question(made):
    find(made, "intro").source += "\n\nMy answer stands here."


PLACES = {
    "in a cell below": beside(new_markdown_cell("My answer stands here."), "q4_written"),
    "in a cell above": beside(new_markdown_cell("My answer stands here."), "q3_check"),
    "in a code cell": beside(new_code_cell("# My answer stands here."), "q4_written"),
    "in a copy of the cell": beside(
        new_markdown_cell(
            "My answer stands here.", metadata=marked("q4_written", grade=True, solution=True)
        ),
        "q4_written",
    ),
    "anywhere": beside(new_markdown_cell("My answer stands here."), "q1_check"),
    "in a text of the set": add_to_the_question,
    "without its cell": lambda made: (
        made.cells.remove(find(made, "q4_written")),
        made.cells.append(new_markdown_cell("My answer stands here.")),
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_written_answer_that_stands_elsewhere_reaches_the_marker(classroom, place, no_kernels):
    classroom.hand_in("Ann", {}, PLACES[place])
    assert classroom.grade() == 0
    assert "My answer stands here." in (classroom.out / "Ann.html").read_text()
    assert classroom.rows["Ann"]["to_mark"] == "1" and classroom.manual["Ann"]["points"] == ""
    if "copy" not in place:
        assert classroom.rows["Ann"]["flags"]


def test_text_in_the_cell_and_beside_it_is_one_answer(classroom, no_kernels):
    change = beside(new_markdown_cell("Second."), "q4_written")
    classroom.hand_in("Ann", {"q4_written": "First."}, change)
    classroom.hand_in("Bob", {"q1": Q1, "q4_written": "Only."}, beside(
        new_markdown_cell("A remark on q1."), "q1_check"
    ))  # fmt: skip
    assert classroom.grade() == 0
    assert "First.\n\nSecond." in (classroom.out / "Ann.html").read_text()
    assert "remark" not in (classroom.out / "Bob.html").read_text()


# ---- what is printed and written


def test_marks_by_hand_stand_in_the_console_and_in_their_column(classroom, capsys):
    path = classroom.hand_in("Ann", HONEST)
    assert classroom.grade() == 0
    assert "q4_written still to be marked" in capsys.readouterr().out
    classroom.enter("Ann", "4", "good")
    assert classroom.grade(place=path) == 0
    line, *questions = capsys.readouterr().out.splitlines()
    assert "30 of 30" in line and "4 of 5" in line and "34 of 35" in line
    assert "4 of 5" in questions[3] and "good" in questions[3]
    assert classroom.rows["Ann"]["q4"] == "4"


def test_a_page_names_set_questions_and_date(classroom, small_set):  # noqa: F811
    made = notebook({}, source=True)
    made.cells[0].source = "# Problem set 9: small things"
    made.cells.insert(
        2, new_markdown_cell("## Question 1: a sum (10 points)", metadata=marked("q1_text"))
    )
    folder = classroom.submissions.parent / "named" / "ps9_small"
    folder.mkdir(parents=True)
    (folder / "ps9.ipynb").write_text(json.dumps(made))
    named = grade.read_problem_set(folder / "ps9.ipynb")
    path = classroom.hand_in("Ann", {})
    (one,) = grade.Batch(small_set).grade([HandedIn("Ann", path)], progress=False)
    page = gradebook.page(named, one, {})
    assert "ps9: small things" in page and "q1 a sum<" in page and "<h1>Ann</h1>" in page
    assert f"Graded on {int(one.when[8:10])} " in page and one.when[:4] in page


def test_names_that_the_console_cannot_show_are_no_error(tmp_path):
    path = tmp_path / "学生.ipynb"
    path.write_text("{}")
    command = [sys.executable, str(ROOT / "assignments/grade.py"), "ps1", str(path)]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert "\\u5b66\\u751f.ipynb" in done.stdout


def test_the_wrong_set_is_told_which_it_looks_like(tmp_path):
    assignments = Path(grade.__file__).parent
    ps2 = grade.read_problem_set(assignments / "source/ps2_priors_and_bits/ps2.ipynb")
    path = assignments / "release/ps1_rounding_and_noise/ps1.ipynb"
    (one,) = grade.Batch(ps2).grade([HandedIn("Ann", path)], progress=False)
    assert one.marks.flags == ["not scored: not made from the release of ps2: it looks like ps1"]
