"""Fill in the table that Canvas or Moodle exported: python assignments/export.py ps4 grades/ FILE

FILE is Canvas's gradebook, or Moodle's "grading worksheet". What is written, grades/upload.csv, is
the same table with the points in it, to be imported there; every other cell stays as it was.
Marks entered in manual.csv count, and grades.csv and the students' pages follow. With --deadlines
lateness is taken off, see deadlines.py.
"""

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from deadlines import read_deadlines, read_times
from gradebook import total, write_gradebook
from hand_marks import HandMarks
from questions import find_source, read_problem_set
from results import Results, StoreError, replaced
from roster import Roster, students_of
from tables import TableError, read_table

EXCUSED = ("EX", "Excused")


@dataclass
class Columns:
    """Where a table of the LMS keeps what belongs to this set. Indices; None: it does not."""

    grade: int
    most: int | None = None  # a column with the most points in each row
    locked: int | None = None  # a column that says whether the grade can be changed
    comment: int | None = None
    most_row: int | None = None  # Canvas: a row with the most points


def columns(table, set_name, wanted=None):
    """Columns of Canvas's gradebook or Moodle's worksheet. Raises: TableError."""
    if wanted is not None:
        if table.column(wanted) is None:
            raise TableError(f"{table.path} has no column {wanted!r}: {', '.join(table.header)}")
        grade = table.column(wanted)
    elif table.column("identifier") is not None and table.column("grade") is not None:
        grade = table.column("grade")
    else:
        its_own = re.compile(rf"(?<![a-z0-9]){set_name}(?![0-9])", re.IGNORECASE)
        found = [i for i, name in enumerate(table.header) if its_own.search(name)]
        if len(found) != 1:
            named = (
                f"{len(found)} columns that name {set_name}"
                if found
                else f"no column for {set_name}"
            )
            raise TableError(
                f"{table.path} has {named}; say which with --column: {', '.join(table.header)}"
            )
        (grade,) = found
    first = [row[0].strip().casefold() for row in table.rows]
    return Columns(
        grade,
        table.column("maximum grade"),
        table.column("grade can be changed"),
        table.column("feedback comments"),
        first.index("points possible") if "points possible" in first else None,
    )


def points_possible(table, at):
    """The most points that the LMS has for the set, or None if its table does not say."""
    if at.most_row is not None:
        texts = [table.rows[at.most_row][at.grade]]
    elif at.most is not None:
        texts = [row[at.most] for row in table.rows]
    else:
        return None
    numbers = {float(text.replace(",", ".")) for text in texts if re.search(r"\d", text)}
    return numbers.pop() if len(numbers) == 1 else None


def lateness(table, source, deadlines):
    """{Student of the table: (days late, part of the points that is left)}.

    Who has no time of submission is missing. source: the table that has the times.
    Raises: TableError.
    """
    times = read_times(source)
    if times is None:
        raise TableError(
            f"{source.path} has no times of submission; name a table that has them with --times: "
            "a column submitted_at, and name or id"
        )
    roster = Roster([student for student, _ in times])
    submitted = dict(zip(roster.students, [when for _, when in times], strict=True))
    late = {}
    for student, rule in deadlines.of(list(_rows_of(table))).items():
        when = submitted.get(roster.find(student.name, student.number))
        if when is not None:
            days = rule.days_late(when)
            late[student] = days, rule.kept(days)
    return late


def fill(table, at, results, marks, late=None, scale=1.0):
    """Write points into the table. Returns lines for the instructor, who was left out among them.

    results: {student: Graded}; marks: {student: {written answer: Entry}}; late: of `lateness`.
    """
    rows = _rows_of(table)
    graded, lines = match(results, [student for student in rows if student], table.path.name)
    missing = []
    for student, row in rows.items():
        one = graded.get(student)
        if one is None:
            missing.append(student.name)
        elif row[at.grade].strip() in EXCUSED:
            lines.append(f"excused, left as it is: {student.name}")
        elif at.locked is not None and row[at.locked].strip().casefold() == "no":
            lines.append(f"the LMS does not let this grade change, left as it is: {student.name}")
        else:
            own = marks.get(one.student, {})
            earned = one.score + sum(entry.value for entry in own.values())
            said = total(one, own)
            days, kept = late.get(student, (None, 1.0)) if late is not None else (0, 1.0)
            if days is None:
                lines.append(f"no time of submission, counted as in time: {student.name}")
            elif days:
                off = f"{days} day{'s' * (days > 1)} late, {100 * (1 - kept):g} % off"
                lines.append(f"{off}: {student.name}")
                said += f"; {off}"
            if any(flag.startswith(("not scored", "could not")) for flag in one.marks.flags):
                lines.append(f"not scored, look at it before you upload: {student.name}")
            text = f"{earned * kept * scale:.2f}"
            if at.most is not None and "," in row[at.most]:  # a language with decimal commas
                text = text.replace(".", ",")
            row[at.grade] = text
            if at.comment is not None and not row[at.comment].strip():
                row[at.comment] = said
    if missing:
        lines.append(f"without a submission, left empty: {'; '.join(missing)}")
    return lines


def match(results, students, where):
    """({Student: Graded}, lines about those who are nobody of `students`)."""
    roster, graded, lines = Roster(students), {}, []
    for name, one in sorted(results.items()):
        numbered = re.fullmatch(r"(.+) \((\d+)\)", name)  # see submissions: two of one name
        student = roster.find(*(numbered.groups() if numbered else (name,)))
        if student is None:
            lines.append(f"not in {where}, left out: {name}")
        elif student in graded:
            lines.append(
                f"{student.name} is graded as {graded[student].student} too, left out: {name}"
            )
        else:
            graded[student] = one
    return graded, lines


def _rows_of(table):
    """{Student: row} of a table, with the keys that a Roster gives."""
    rows = [(s, row) for s, row in zip(students_of(table), table.rows, strict=True) if s]
    students = Roster([student for student, _ in rows]).students
    return dict(zip(students, [row for _, row in rows], strict=True))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", help="ps1, ps2, ...")
    parser.add_argument("grades", type=Path, help="the folder that grade.py --out wrote")
    parser.add_argument("table", type=Path, help="the CSV file that Canvas or Moodle exported")
    parser.add_argument("--out", type=Path, help="the filled table; default GRADES/upload.csv")
    parser.add_argument("--column", help="the column to fill, if it does not name the set")
    parser.add_argument("--deadlines", type=Path, help="a table, see deadlines.py")
    parser.add_argument("--times", type=Path, help="a table with times of submission")
    parser.add_argument("--scale", action="store_true", help="to the points that the LMS has")
    parser.add_argument("--force", action="store_true", help="also with marks still to be entered")
    options = parser.parse_args(arguments)
    out = options.out or options.grades / "upload.csv"
    try:
        problem_set = read_problem_set(find_source(options.set))
        if not (options.grades / "results").is_dir():
            raise FileNotFoundError(f"there are no results in {options.grades}: run grade.py --out")
        if out.resolve() == options.table.resolve():
            raise FileExistsError(f"{out} is the table that was exported; name another with --out")
        results = Results(options.grades, problem_set).known
        marks, _ = HandMarks(options.grades / "manual.csv", problem_set).update(results)
        write_gradebook(problem_set, results, marks, options.grades)
        table = read_table(options.table)
        at = columns(table, problem_set.name, options.column)
        late = None
        if options.deadlines:
            deadlines = read_deadlines(options.deadlines, problem_set.name)
            times = read_table(options.times) if options.times else table
            late = lateness(table, times, deadlines)
        to_mark = [
            f"{student} {question}"
            for student, own in marks.items()
            for question, entry in own.items()
            if not entry.points
        ]
        if to_mark and not options.force:
            some = ", ".join(to_mark[:3]) + ", ..." * (len(to_mark) > 3)
            raise TableError(
                f"{options.grades / 'manual.csv'}: {len(to_mark)} still to be marked, {some}; "
                "--force counts them as 0"
            )
        whole = sum(q.points("check") + q.points("written") for q in problem_set.questions)
        most = points_possible(table, at)
        scale = most / whole if most and options.scale else 1.0
        if most not in (None, whole) and not options.scale:
            raise TableError(
                f"{table.path} has {most:g} points for {problem_set.name}, which has {whole:g}; "
                "change it there, or use --scale"
            )
        lines = fill(table, at, results, marks, late, scale)
        with replaced(out, table.encoding) as file:
            file.write(table.text())
    except (OSError, TableError, StoreError) as error:
        print(error, file=sys.stderr)
        return 2
    print(*lines, sep="\n", end="\n" if lines else "")
    print(f"{out}: column {table.header[at.grade]!r} filled in")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # names that a console cannot show
    sys.exit(main())
