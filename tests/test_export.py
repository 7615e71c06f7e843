"""Points go into the table that Canvas or Moodle exported, and nothing else of it changes."""

import csv
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "assignments"))

import export  # noqa: E402
from marking import Marks, Result  # noqa: E402
from questions import find_source, read_problem_set  # noqa: E402
from results import Graded, Results  # noqa: E402

PS4 = read_problem_set(find_source("ps4"))
(WRITTEN,) = [c for q in PS4.questions for c in q.of_kind("written")]
CHECKED = [q for q in PS4.questions if q.of_kind("check")]
MOST = sum(q.points("check") for q in CHECKED)

# Layouts of June 2026: what the two systems export, with rows that are nobody's.
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,ps3 distortion (986),ps4 entropy coding (987),"
    "Current Score,Final Score\n"
    ",,,,,Manual Posting,,,\n"
    "    Points Possible,,,,,100.00,100.00,(read only),(read only)\n"
    '"Lee, Ann",11,u11,alee,"Section 1, Monday",90.00,,90.00,45.00\n'
    '"Lee, Ivan",12,u12,ilee,S1,,3.00,,\n'
    '"Ray, Bob",13,u13,bray,S1,80.00,EX,80.00,80.00\n'
    '"van der Berg, Zoë",14,u14,zberg,S1,,,,\n'
    '"Student, Test",15,,x,S1,,,,\n'
)
MOODLE = (
    "\ufeffIdentifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\r\n"
    "Participant 11,Ann Lee,a@x.edu,Submitted for grading,,100.00,Yes,"
    '"Friday, 27 November 2026, 9:00 PM",-,\r\n'
    "Participant 12,Ivan Lee,i@x.edu,Submitted for grading - 1 day late,,100.00,Yes,"
    '"Sunday, 29 November 2026, 12:05 AM",-,\r\n'
    "Participant 13,Bob Ray,b@x.edu,Submitted for grading,,100.00,No,"
    '"Friday, 27 November 2026, 9:00 PM",-,\r\n'
    "Participant 14,Zoë van der Berg,z@x.edu,Submitted for grading,,100.00,Yes,-,-,mine\r\n"
    "Participant 15,Kim Noor,k@x.edu,No submission,,100.00,Yes,-,-,\r\n"
)
DEADLINES = "set,student,due,percent_a_day,most_days\nps4,,2026-11-27,10,5\n"


@pytest.fixture
def grades(tmp_path):
    """A class's grades: Ann has all, the others half of the automatic points; all are marked."""
    folder = tmp_path / "grades"
    results = Results(folder, PS4)
    for student, part in (
        ("Ann Lee", 1),
        ("leeivan", 0.5),
        ("Bob Ray", 0.5),
        ("Zoë van der Berg", 0.5),
    ):
        checked = [Result(q.name, q.points("check") * part, q.points("check"), "") for q in CHECKED]
        written = {WRITTEN.grade_id: ("Because.", WRITTEN.points)}
        marks = Marks(checked, [])
        results.keep(Graded(student, f"{student}.ipynb", marks, written, "2026-11-28 10:00", "k"))
    rows = [f"{student},{WRITTEN.grade_id},{WRITTEN.points:g},4,good" for student in results.known]
    head = "submission,question,max,points,comment\n"
    (folder / "manual.csv").write_text(head + "\n".join(rows) + "\n")
    return folder


def run(grades, text, *options):
    """(exit status, the table written as lists or None)."""
    table, out = grades.parent / "lms.csv", grades.parent / "filled.csv"
    table.write_bytes(text.encode())
    status = export.main(["ps4", str(grades), str(table), "--out", str(out), *options])
    if not out.exists():
        return status, None
    return status, list(csv.reader(out.read_bytes().decode().splitlines(keepends=True)))


def read(text):
    return list(csv.reader(text.splitlines(keepends=True)))


def test_canvass_gradebook_is_filled_in_and_nothing_else_changes(grades, capsys):
    status, filled = run(grades, CANVAS)
    expected = read(CANVAS)
    expected[3][6] = f"{MOST + 4:.2f}"
    expected[4][6] = expected[6][6] = f"{MOST / 2 + 4:.2f}"
    assert status == 0 and filled == expected
    table = csv.DictReader((grades / "grades.csv").read_text().splitlines())
    rows = {row["submission"]: row for row in table}
    assert rows["Ann Lee"]["total"] == f"{MOST + 4:g}" and rows["Ann Lee"]["to_mark"] == "0"
    said = capsys.readouterr().out
    assert "excused, left as it is: Ray, Bob" in said
    assert "without a submission, left empty: Student, Test" in said


def test_moodles_worksheet_is_filled_in_with_a_comment_and_lateness(grades, capsys):
    (grades.parent / "deadlines.csv").write_text(DEADLINES)
    status, filled = run(grades, MOODLE, "--deadlines", str(grades.parent / "deadlines.csv"))
    text = (grades.parent / "filled.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbfIdentifier") and text.count(b"\r\n") == 6
    grade = [row[4] for row in filled[1:]]
    assert status == 0
    assert grade == [
        f"{MOST + 4:.2f}",
        f"{0.8 * (MOST / 2 + 4):.2f}",
        "",
        f"{MOST / 2 + 4:.2f}",
        "",
    ]
    assert "and 4 of" in filled[1][9] and "late" not in filled[1][9]
    assert filled[2][9].endswith("2 days late, 20 % off") and filled[4][9] == "mine"
    expected = read(MOODLE)
    for row, other in zip(filled, expected, strict=True):
        assert row[:4] == other[:4] and row[5:9] == other[5:9]
    said = capsys.readouterr().out
    assert "2 days late, 20 % off: Ivan Lee" in said
    assert "no time of submission, counted as in time: Zoë van der Berg" in said
    assert "does not let this grade change, left as it is: Bob Ray" in said
    assert "without a submission, left empty: Kim Noor" in said


def test_canvass_times_come_from_a_table_beside(grades, capsys):
    folder = grades.parent
    (folder / "deadlines.csv").write_text(DEADLINES)
    options = ["--deadlines", str(folder / "deadlines.csv")]
    assert run(grades, CANVAS, *options)[0] == 2
    assert "--times" in capsys.readouterr().err
    (folder / "times.csv").write_text(
        "user_id,submitted_at\n11,2026-11-28T12:00\n12,2026-11-27T12:00\n"
    )
    status, filled = run(grades, CANVAS, *options, "--times", str(folder / "times.csv"))
    assert status == 0 and filled[3][6] == f"{0.9 * (MOST + 4):.2f}"
    assert filled[4][6] == f"{MOST / 2 + 4:.2f}"


def test_decimal_commas_of_the_lms_are_kept(grades):
    text = MOODLE.replace("100.00", '"100,00"')
    assert run(grades, text)[1][1][4] == f"{MOST + 4:.2f}".replace(".", ",")


@pytest.mark.parametrize(
    ("before", "after", "options", "says"),
    [
        ("ps4 entropy coding", "Homework 4", [], "no column for ps4"),
        ("ps3 distortion", "ps4 again", [], "2 columns that name ps4"),
        ("100.00,100.00", "100.00,10.00", [], "has 10 points for ps4, which has 100"),
        ("", "", ["--column", "ps9"], "no column 'ps9'"),
    ],
)
def test_what_cannot_be_filled_in_is_one_line_and_no_file(
    grades, capsys, before, after, options, says
):
    status, filled = run(grades, CANVAS.replace(before, after, 1) if before else CANVAS, *options)
    error = capsys.readouterr().err
    assert status == 2 and filled is None and says in error and error.count("\n") == 1


def test_points_are_scaled_when_asked(grades):
    text = CANVAS.replace("100.00,100.00", "100.00,10.00")
    assert run(grades, text, "--scale")[1][3][6] == f"{(MOST + 4) / 10:.2f}"


def test_a_column_can_be_named(grades):
    text = CANVAS.replace("ps4 entropy coding (987)", "Homework")
    assert run(grades, text, "--column", "Homework")[1][3][6] == f"{MOST + 4:.2f}"


def test_open_marks_are_refused_unless_forced(grades, capsys):
    path = grades / "manual.csv"
    path.write_text(path.read_text().replace(",4,good", ",,", 1))
    assert run(grades, CANVAS) == (2, None)
    assert (
        f"{path}: 1 still to be marked, Ann Lee {WRITTEN.grade_id}; --force"
        in capsys.readouterr().err
    )
    assert run(grades, CANVAS, "--force")[1][3][6] == f"{MOST:.2f}"


def test_who_is_graded_and_not_in_the_table_is_named(grades, capsys):
    without_ann = "".join(line for line in CANVAS.splitlines(True) if "Lee, Ann" not in line)
    assert run(grades, without_ann)[0] == 0
    assert "not in lms.csv, left out: Ann Lee" in capsys.readouterr().out


def test_two_of_one_name_are_told_apart_by_the_number_of_the_lms(grades):
    known = Results(grades, PS4)
    ann = known.known["Ann Lee"]
    (grades / "results" / "Ann Lee.json").unlink()
    for number, points in ((11, 3.0), (99, 5.0)):
        marks = Marks([Result("q1", points, 10, "")], [])
        known.keep(Graded(f"Ann Lee ({number})", "x.ipynb", marks, {}, ann.when, "k"))
    text = CANVAS + '"Lee, Ann",99,u99,alee2,S1,,,,\n'
    filled = run(grades, text)[1]
    assert filled[3][6] == "3.00" and filled[8][6] == "5.00"


def test_the_exported_file_itself_is_never_overwritten(grades, capsys):
    table = grades.parent / "lms.csv"
    table.write_text(CANVAS)
    assert export.main(["ps4", str(grades), str(table), "--out", str(table)]) == 2
    assert table.read_text() == CANVAS and "--out" in capsys.readouterr().err


def test_a_folder_without_results_says_what_to_run(tmp_path, capsys):
    (tmp_path / "t.csv").write_text(CANVAS)
    assert export.main(["ps4", str(tmp_path), str(tmp_path / "t.csv")]) == 2
    assert "run grade.py" in capsys.readouterr().err and not (tmp_path / "results").exists()
