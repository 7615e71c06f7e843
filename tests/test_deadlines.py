"""Deadlines: days that have begun, extensions, and times as an LMS writes them."""

import math
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent / "assignments"))

from deadlines import Rule, due_time, parse_time, read_deadlines, read_times
from roster import Student
from tables import TableError, read_table

DUE = datetime(2026, 11, 27, 23, 59)
TABLE = (
    "set,student,due,percent_a_day,most_days\n"
    "ps3,,2026-11-20,10,5\n"
    "ps4,,2026-11-27 23:59,10,5\n"
    'ps4,"Lee, Ann",2026-11-30 12:00,,\n'
    "ps4,Bob Ray,,0,\n"
)
ANN, BOB, CY = Student("Ann Lee"), Student("Bob Ray"), Student("Cy Young")


@pytest.fixture
def table(tmp_path):
    def write(text):
        (tmp_path / "t.csv").write_text(text)
        return tmp_path / "t.csv"

    return write


@pytest.mark.parametrize(
    ("late", "days"),
    [
        (timedelta(days=-3), 0),
        (timedelta(0), 0),
        (timedelta(seconds=59), 0),  # still 23:59
        (timedelta(minutes=1), 1),
        (timedelta(days=1), 1),
        (timedelta(days=1, minutes=1), 2),
    ],
)
def test_a_day_counts_once_it_has_begun(late, days):
    assert Rule(DUE, 10).days_late(DUE + late) == days


@given(st.integers(0, 20), st.floats(0, 100), st.integers(0, 10))
def test_what_is_left_falls_with_the_days_and_stays_from_1_to_0(days, percent, most):
    rule = Rule(DUE, percent, most)
    assert rule.kept(0) == 1 and 0 <= rule.kept(days + 1) <= rule.kept(days) <= 1
    assert rule.kept(most + 1) == 0


def test_rules_of_a_set_and_its_extensions(table):
    rules = read_deadlines(table(TABLE), "ps4").of([ANN, BOB, CY])
    ann, bob, cy = rules.values()
    assert [student.name for student in rules] == ["Ann Lee", "Bob Ray", "Cy Young"]
    assert cy == Rule(DUE, 10, 5)
    assert ann == Rule(datetime(2026, 11, 30, 12), 10, 5)
    assert bob == Rule(DUE, 0, 5)
    assert cy.kept(2) == 0.8 and cy.kept(6) == 0


def test_without_a_penalty_lateness_costs_nothing(table):
    rule = read_deadlines(table("set;student;due\nPS4;;2026-11-27\n"), "ps4").everybody
    assert rule == Rule(DUE, 0, math.inf) and rule.kept(100) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("set,student\nps4,\n", "has no column due"),
        ("set,student,due\nps3,,2026-11-27\n", "0 rows for ps4 without a student"),
        ("set,student,due\nps4,,tomorrow\n", "'tomorrow' is no time"),
        ("set,student,due,percent_a_day\nps4,,2026-11-27,ten\n", "ten"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(table, text, says):
    with pytest.raises(TableError, match=says) as error:
        read_deadlines(table(text), "ps4")
    assert "\n" not in str(error.value) and "t.csv" in str(error.value)


def test_an_extension_of_nobody_is_an_error(table):
    with pytest.raises(TableError, match="'Bob Ray'"):
        read_deadlines(table(TABLE), "ps4").of([ANN, CY])


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-10 14:14",
        "2026-06-10T14:14:00",
        "Wednesday, 10 June 2026, 2:14 PM",
        "Wednesday, June 10, 2026, 2:14 PM",
        "Wednesday, 10 June 2026, 2:14\u202fPM",
        "10 June 2026, 14:14",
    ],
)
def test_times_as_moodle_and_iso_write_them(text):
    assert parse_time(text) == datetime(2026, 6, 10, 14, 14)


def test_a_time_with_a_zone_is_converted_to_the_computers(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert parse_time("2026-06-10T14:14:30Z") == datetime(2026, 6, 10, 10, 14, 30)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_date_alone_is_due_at_its_end():
    assert due_time("2026-11-27") == DUE and due_time("2026-11-27 12:00").hour == 12


def test_times_come_from_the_export_with_a_dash_for_none(table):
    path = table(
        "Identifier,Full name,Last modified (submission)\n"
        'Participant 7,Ann Lee,"Wednesday, 10 June 2026, 2:14 PM"\nParticipant 8,Bob Ray,-\n'
    )
    assert read_times(read_table(path)) == [
        (Student("Ann Lee", "7"), datetime(2026, 6, 10, 14, 14)),
        (Student("Bob Ray", "8"), None),
    ]
    path = table("user_id,submitted_at\n7,2026-06-10 14:14\n")
    assert read_times(read_table(path)) == [(Student("7", "7"), datetime(2026, 6, 10, 14, 14))]
    assert read_times(read_table(table("Student,ID\nAnn Lee,7\n"))) is None
    with pytest.raises(TableError, match=r"Ann Lee: 'soon' is no time"):
        read_times(read_table(table("name,submitted\nAnn Lee,soon\n")))
