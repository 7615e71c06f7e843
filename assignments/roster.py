"""Who is in the class: a table of students, and the student that a file's name means.

A roster is any CSV with a column of names. What Canvas or Moodle exports is one: Canvas's
gradebook (Student, ID, SIS Login ID ...), Moodle's grading worksheet (Identifier, Full name,
Email address ...) and its gradebook (First name, Last name, ID number ...).
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace

from tables import TableError, read_table

NAMES = ("name", "student", "full name", "student name")
PARTS = (("first name", "last name"), ("first name", "surname"))
# the LMS's own number, which it writes into names of files
NUMBERS = ("id", "identifier", "user_id")
OTHERS = (
    "email",
    "email address",
    "id number",
    "login",
    "sis login id",
    "sis user id",
    "student id",
    "username",
)


@dataclass(frozen=True)
class Student:
    name: str
    number: str = ""  # the LMS's own, "" if the table has none
    others: frozenset = frozenset()  # e-mail address, login ...
    key: str = ""  # what tables and pages call the student; in a Roster no two share it


def spellings(name):
    """The ways in which an LMS may write a name: "Ann Lee", "Lee, Ann", "leeann". A set."""
    words = [letters(word) for word in re.split(r"[\s,_]+", unicodedata.normalize("NFKC", name))]
    words = [word for word in words if word]
    return {"".join(words[i:] + words[:i]) for i in range(len(words))}


def letters(text):
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def file_name(name):
    """A name that can be a file's: composed letters, no slash, nothing that controls a screen."""
    name = unicodedata.normalize("NFC", name).strip()
    return re.sub(r"[/\\\x00-\x1f\x7f]+", "-", name)


class Roster:
    """The students of a table, in its order."""

    def __init__(self, students):
        names = Counter(file_name(student.name).casefold() for student in students)
        self.students = []
        for one in students:
            key = file_name(one.name)
            if names[key.casefold()] > 1 and one.number:
                key += f" ({one.number})"
            self.students.append(replace(one, key=key))

    def find(self, name, number=""):
        """The student of a name, or of the LMS's number. Returns Student, or None.

        None also where a name is that of two students, or the number is one student's and the
        name another's: nobody is guessed.
        """
        numbered = [student for student in self.students if number and student.number == number]
        if len(numbered) == 1:
            named = self.find(name)
            return numbered[0] if named in (None, numbered[0]) else None
        plain = name.strip().casefold()
        rules = [
            lambda s: plain == s.key.casefold(),
            lambda s: spellings(name) & spellings(s.name),
            lambda s: plain in {s.number, *s.others},
        ]
        for rule in rules:
            found = [student for student in self.students if rule(student)]
            if found:
                return found[0] if len(found) == 1 else None
        return None


def read_roster(path):
    """The roster in a CSV file. Raises: TableError, OSError."""
    return Roster([student for student in students_of(read_table(path)) if student])


def students_of(table):
    """A Student for each row of a table; None for a row that is nobody's, Canvas's points say.

    Without a column of names the LMS's numbers serve. Raises: TableError, if there are none.
    """
    name = table.column(*NAMES)
    columns = [name] if name is not None else []
    for parts in PARTS:
        found = [table.column(part) for part in parts]
        columns = columns or (found if None not in found else [])
    number = table.column(*NUMBERS)
    if not columns and number is not None:
        columns = [number]
    if not columns:
        raise TableError(
            f"{table.path}: no column of names; wanted is one of {', '.join(NAMES)}, "
            f"or first name and last name; there are: {', '.join(table.header)}"
        )
    others = [column for column in map(table.column, OTHERS) if column is not None]
    students = []
    for row in table.rows:
        whole = " ".join(row[column].strip() for column in columns)
        if not letters(whole) or letters(whole) == "pointspossible":
            students.append(None)
            continue
        its_number = row[number].strip().removeprefix("Participant ") if number is not None else ""
        own = {row[column].strip().casefold() for column in others}
        own |= {value.split("@")[0] for value in own if "@" in value}
        students.append(Student(whole, its_number, frozenset(own - {""})))
    return students
