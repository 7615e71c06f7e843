"""The marks that people enter: OUT/manual.csv, a row for each written answer.

The columns `points` and `comment` are the marker's; `note` and `answer` are the grader's. `answer`
stands for the text that the mark was given for: where a student has handed in another one since,
the mark is asked for again, and the note shows the old one.
"""

import csv
import hashlib
import io
import math
from dataclasses import dataclass, replace

from questions import QUESTION
from results import replaced
from tables import TableError, read_table

COLUMNS = ("submission", "question", "max", "points", "comment", "note", "answer")
NEEDED = ("submission", "question", "points", "comment")
BLANK = ("0", "not answered")  # points and comment that the grader itself enters


@dataclass(frozen=True)
class Entry:
    """What stands in a row for one written answer."""

    points: str = ""
    comment: str = ""
    note: str = ""
    answer: str = ""

    @property
    def value(self):
        """The points as a number; 0 as long as there are none."""
        return number(self.points) if self.points else 0.0


def number(text):
    """The points in a field, with a point or a comma. Raises: ValueError."""
    value = float(text.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError
    return value


def most_points(problem_set):
    """{written answer: the most points for it} of a set."""
    cells = [cell for question in problem_set.questions for cell in question.of_kind("written")]
    return {cell.grade_id: cell.points for cell in cells}


class HandMarks:
    """manual.csv in memory: `entries`, {(student, question): Entry}.

    Raises: TableError, one line for each row that cannot be used; OSError.
    """

    def __init__(self, path, problem_set):
        self.path, self.most, self.entries = path, most_points(problem_set), {}
        self.delimiter, self.encoding, self.newline = ",", "utf-8", "\n"
        if path.exists():
            self._read(problem_set.name)

    def _read(self, set_name):
        table = read_table(self.path)
        at = {name: table.column(name) for name in COLUMNS}
        missing = [name for name in NEEDED if at[name] is None]
        if missing:
            raise TableError(f"{self.path} has no column {', '.join(missing)}")
        self.delimiter, self.encoding = table.delimiter, table.encoding
        self.newline = table.newline
        wrong = []
        for row_number, row in enumerate(table.rows, 2):
            field = {name: row[i].strip() if i is not None else "" for name, i in at.items()}
            if not any(field.values()):
                continue
            key = field["submission"], field["question"]
            entry = Entry(field["points"], field["comment"], field["note"], field["answer"])
            problem = self._problem(key, entry, set_name)
            if problem:
                wrong.append(f"{self.path}, row {row_number} ({', '.join(key)}): {problem}")
            self.entries[key] = entry
        if wrong:
            raise TableError("\n".join(wrong))

    def _problem(self, key, entry, set_name):
        """Why a row cannot be used, or None."""
        student, question = key
        if not student:
            return "it names no submission"
        if question not in self.most:
            known = " and ".join(self.most) or "none"
            return f"{set_name} has no written answer {question!r}, only {known}"
        if key in self.entries and self.entries[key] != entry:
            return "there is another row for the same answer"
        if entry.points:
            most = self.most[question]
            try:
                if 0 <= number(entry.points) <= most:
                    return None
            except ValueError:
                pass
            return f"{entry.points!r} is no number of points from 0 to {most:g}"
        return None

    def update(self, graded):
        """Bring the entries in line with results, and write the table.

        graded: {student: Graded}, of the whole class.
        Returns ({student: {question: Entry}}, names with points of whom nothing was graded).
        """
        left, rows, marks = dict(self.entries), [], {}
        for student, one in sorted(graded.items()):
            for question, (text, most) in one.written.items():
                # a spreadsheet takes the zeros off a number that serves as a name
                short = (student.lstrip("0"), question) if student.isdecimal() else None
                entry = left.pop((student, question), None) or left.pop(short, None)
                entry = _current(entry, text.strip(), most)
                marks.setdefault(student, {})[question] = self.entries[student, question] = entry
                rows.append([student, question, f"{most:g}", *_fields(entry)])
        for (student, question), entry in left.items():
            rows.append([student, question, f"{self.most[question]:g}", *_fields(entry)])
        text = io.StringIO()
        table = csv.writer(text, delimiter=self.delimiter, lineterminator=self.newline)
        table.writerows([COLUMNS, *rows])
        with replaced(self.path, self._encoding(text.getvalue())) as file:
            file.write(text.getvalue())
        return marks, [student for (student, _), entry in left.items() if entry.points]

    def _encoding(self, text):
        """The one in which the table was found, if it can hold this text."""
        try:
            text.encode(self.encoding)
            return self.encoding
        except UnicodeEncodeError:
            return "utf-8-sig"


def _fields(entry):
    return [entry.points, entry.comment, entry.note, entry.answer]


def _current(entry, text, most):
    """The entry for an answer as it is now. entry: what the table holds, or None."""
    version = _version(text)
    untouched = Entry(*(BLANK if not text else ("", "")), answer=version)
    if entry is None or ((entry.points, entry.comment) == BLANK and entry.answer in ("", "blank")):
        return replace(untouched, note=entry.note if entry and not text else "")
    if entry.answer in ("", version):
        return replace(entry, answer=version)
    if not (entry.points or entry.comment):
        return replace(untouched, note=entry.note)
    before = f"{entry.points or 'no points'} of {most:g}"
    before += f", {entry.comment}" if entry.comment else ""
    return Entry(note=f"the answer has changed; before: {before}", answer=version)


def _version(text):
    """Eight letters that stand for a text; letters, since a spreadsheet rewrites numbers."""
    if not text:
        return "blank"
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return "".join(chr(ord("a") + byte % 26) for byte in digest[:8])


def by_question(problem_set, entries):
    """{"q7": [Entry, ...]}, of a student's {written answer: Entry}."""
    found = {question.name: [] for question in problem_set.questions}
    for grade_id, entry in entries.items():
        found[QUESTION.match(grade_id).group()].append(entry)
    return found
