"""Deadlines, extensions and what lateness costs.

deadlines.csv has a row for each set, and one more for each extension:

    set,student,due,percent_a_day,most_days
    ps4,,2026-11-27 23:59,10,5
    ps4,Ann Lee,2026-11-30 23:59,,

Each day that has begun after `due` costs `percent_a_day` of what was earned; after `most_days` it
earns nothing. Empty cells of an extension are the set's. When something was handed in is read
from what the LMS exports and never from the date of a file, which copying and unpacking change.
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, time

from roster import Roster, students_of
from tables import TableError, read_table

TIMES = ("last modified (submission)", "submitted_at", "submitted", "submitted at", "time")
MOODLE = ("%d %B %Y, %I:%M %p", "%B %d, %Y, %I:%M %p", "%d %B %Y, %H:%M")
DAY = 24 * 60 * 60  # seconds


@dataclass(frozen=True)
class Rule:
    """What holds for one student."""

    due: datetime
    percent_a_day: float = 0.0
    most_days: float = math.inf

    def days_late(self, submitted):
        """Days that have begun since it was due; 0 in time. submitted: whole minutes count."""
        late = (submitted.replace(second=0, microsecond=0) - self.due).total_seconds()
        return max(0, math.ceil(late / DAY))

    def kept(self, days):
        """The part of the points that is left after so many days, from 1 to 0."""
        return 0.0 if days > self.most_days else max(0.0, 1 - days * self.percent_a_day / 100)


class Deadlines:
    """The rules of one set: `everybody`, and `extensions`, {name: Rule}."""

    def __init__(self, everybody, extensions):
        self.everybody, self.extensions = everybody, extensions

    def of(self, students):
        """{Student: Rule}. Raises: TableError for an extension of somebody who is not there."""
        roster, rules = Roster(students), {}
        for name, rule in self.extensions.items():
            student = roster.find(name)
            if student is None:
                raise TableError(f"deadlines: no single student is called {name!r}")
            rules[student] = rule
        return {student: rules.get(student, self.everybody) for student in roster.students}


def read_deadlines(path, set_name):
    """The Deadlines of a set in a table. Raises: TableError, OSError."""
    table = read_table(path)
    at = {n: table.column(n) for n in ("set", "student", "due", "percent_a_day", "most_days")}
    missing = [name for name in ("set", "student", "due") if at[name] is None]
    if missing:
        raise TableError(f"{path} has no column {', '.join(missing)}")
    rows = [
        {name: row[i].strip() if i is not None else "" for name, i in at.items()}
        for row in table.rows
    ]
    rows = [row for row in rows if row["set"].casefold() == set_name]
    general = [row for row in rows if not row["student"]]
    if len(general) != 1:
        raise TableError(
            f"{path} has {len(general)} rows for {set_name} without a student; one is needed"
        )
    everybody = _rule(general[0], Rule(datetime.max), path)
    extensions = {row["student"]: _rule(row, everybody, path) for row in rows if row["student"]}
    return Deadlines(everybody, extensions)


def _rule(row, general, path):
    try:
        return Rule(
            due_time(row["due"]) if row["due"] else general.due,
            *(
                float(row[name].rstrip("% ").replace(",", ".")) if row[name] else otherwise
                for name, otherwise in (
                    ("percent_a_day", general.percent_a_day),
                    ("most_days", general.most_days),
                )
            ),
        )
    except ValueError as error:
        raise TableError(
            f"{path}, {row['set']} {row['student']}: {error}".replace(" :", ":")
        ) from None


def due_time(text):
    """When something is due; a date without a time means the end of that day."""
    when = parse_time(text)
    return when if re.search(r"\d:\d", text) else datetime.combine(when.date(), time(23, 59))


def parse_time(text):
    """A time as ISO 8601 or as Moodle writes it, in this computer's time zone. Raises: ValueError.

    A time that names its zone, as Canvas's do, is converted; another is taken as it stands.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    try:
        when = datetime.fromisoformat(plain)
        return when.astimezone().replace(tzinfo=None) if when.tzinfo else when
    except ValueError:
        plain = re.sub(r"^\w+day, ", "", plain)
        for form in MOODLE:
            try:
                return datetime.strptime(plain, form)
            except ValueError:
                continue
    raise ValueError(f"{text!r} is no time; write it as 2026-11-27 23:59")


def read_times(table):
    """[(Student, time or None)] of a table of the LMS; None, if it has no column of times.

    Moodle's grading worksheet has them; Canvas's gradebook does not, but its API does
    (submitted_at). Raises: TableError.
    """
    column = table.column(*TIMES)
    if column is None:
        return None
    times = []
    for student, row in zip(students_of(table), table.rows, strict=True):
        text = row[column].strip()
        try:
            when = parse_time(text) if text not in ("", "-") else None
        except ValueError as error:
            raise TableError(f"{table.path}, {student.name if student else row}: {error}") from None
        if student:
            times.append((student, when))
    return times
