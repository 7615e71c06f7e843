"""What was graded, kept: one file a student in OUT/results, so that no code runs twice.

A stored result holds as long as its key is the same: a hash of what was handed in (with its
weights), of the set, of the limits and of the grader's own modules. The class's table is made
from all that is stored, so grading a part of the class leaves the others where they are.
"""

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from marking import Marks, Result

FOLDER = Path(__file__).resolve().parent
GRADER = ("marking", "messages", "questions", "answers", "guard")
GRADER += ("student_kernel", "limited_kernel")


class StoreError(Exception):
    """What is stored cannot be used. The message is one line for the instructor."""


@dataclass
class Graded:
    """One submission and what it got."""

    student: str  # as tables and pages call the student
    name: str  # the file's name
    marks: Marks
    written: dict  # question: (the student's text, most points)
    when: str = ""  # it was graded: "2026-11-27 23:10"
    key: str = ""  # ResultsKey.of; "": to be graded again the next time

    @property
    def score(self):
        return sum(result.points for result in self.marks.results)

    @property
    def most(self):
        return sum(result.max for result in self.marks.results)

    @property
    def manual_max(self):
        return sum(most for _, most in self.written.values())

    def as_json(self):
        return {
            "submission": self.name,
            "score": self.score,
            "max": self.most,
            "manual_max": self.manual_max,
            "flags": self.marks.flags,
            "questions": [asdict(result) for result in self.marks.results],
        }


class Key:
    """Makes the keys of a batch: the set, the limits and the grader are hashed once."""

    def __init__(self, problem_set, limits):
        self.common = hashlib.sha256(repr(limits).encode())
        files = [path for path in sorted(problem_set.path.parent.iterdir()) if path.is_file()]
        for path in [*files, *(FOLDER / f"{name}.py" for name in GRADER)]:
            self.common.update(hashlib.sha256(path.read_bytes()).digest())

    def of(self, submission, notes=()):
        """The key of an answers.Submission. notes: what the name of its file gave rise to."""
        key = self.common.copy()
        key.update(repr((submission.digest(), notes)).encode())
        return key.hexdigest()


class Results:
    """The results of one set in a folder: {student: Graded} in `known`.

    Raises: StoreError, if the folder holds those of another set or a damaged one; OSError.
    """

    def __init__(self, out, problem_set):
        self.folder, self.set = out / "results", problem_set.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.known = {}
        for path in sorted(self.folder.glob("*.json")):
            one = self._read(path)
            self.known[one.student] = one

    def _read(self, path):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["set"] != self.set:
                raise StoreError(
                    f"{self.folder.parent} holds results of {record['set']}; "
                    f"give {self.set} a folder of its own"
                )
            marks = record["marks"]
            marks = Marks([Result(**one) for one in marks["results"]], marks["flags"])
            names = ("student", "name", "written", "when", "key")
            student, name, written, when, key = (record[field] for field in names)
            return Graded(student, name, marks, written, when, key)
        except (ValueError, KeyError, TypeError):
            raise StoreError(f"{path} is damaged: delete it, and grade again") from None

    def keep(self, one):
        """Store a result in place of an earlier one of the same student. Raises: OSError."""
        with replaced(self.folder / f"{one.student}.json") as file:
            json.dump({"set": self.set, **asdict(one)}, file, ensure_ascii=False, indent=1)
        self.known[one.student] = one


@contextmanager
def replaced(path, encoding="utf-8"):
    """A text file written beside `path` and renamed: whole, or not at all."""
    beside = path.with_name(f".part-{os.getpid()}")
    try:
        with open(beside, "w", encoding=encoding, newline="") as file:
            yield file
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
