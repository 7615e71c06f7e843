"""Everything in a folder is a submission, or is skipped by name: all layouts that an LMS gives."""

import csv
import os
import sys
import unicodedata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "assignments"))

import grade  # noqa: E402
import submissions  # noqa: E402
from roster import Roster, Student, read_roster, spellings  # noqa: E402
from submissions import NothingHandedIn, find  # noqa: E402
from tables import TableError, read_table  # noqa: E402
from test_grader import HONEST, Q2, WRONG, notebook_text, small_set  # noqa: E402, F401


@pytest.fixture
def folder(tmp_path):
    """A function that makes a folder of files by their names; one that ends in / is a folder."""

    def make(*names):
        place = tmp_path / "submissions"
        place.mkdir()
        for name in names:
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir()
            else:
                path.write_text("{}")
        return place

    return make


def found(place, roster=None, set_name="ps4", takes_weights=True):
    """({student: name of the notebook}, {name: why it was skipped})."""
    handed_in, skipped = find(place, set_name, roster, takes_weights)
    files = [one.name for one in skipped]
    files += [path for one in handed_in for path in (one.path, one.weights) if path]
    assert len(files) == len(set(files))  # nothing is named twice
    names = {one.student: one.path.relative_to(place).as_posix() for one in handed_in}
    assert len(names) == len(handed_in)
    return names, {one.name: one.why for one in skipped}


def test_every_file_of_a_flat_folder_is_graded_or_named(folder):
    place = folder(
        "Ann Lee.ipynb", "BOB.IPYNB", "Cleo.ipynb.txt", "Dan.Ipynb.json", "._Ann Lee.ipynb",
        ".DS_Store", "Eve.pdf", "Finn.zip", "Gil.ipynb/", ".hidden.ipynb", "Hal.ipynb.bak",
        "__MACOSX/._Ann Lee.ipynb", ".ipynb_checkpoints/Ann Lee-checkpoint.ipynb", "Ina/",
    )  # fmt: skip
    os.mkfifo(place / "pipe.ipynb")
    (place / "link.ipynb").symlink_to("nowhere")
    (place / "linked").symlink_to("/")
    names, skipped = found(place)
    assert names == {
        "Ann Lee": "Ann Lee.ipynb", "BOB": "BOB.IPYNB", "Cleo": "Cleo.ipynb.txt",
        "Dan": "Dan.Ipynb.json", "Gil": "Gil.ipynb", "pipe": "pipe.ipynb", "link": "link.ipynb",
    }  # fmt: skip
    assert skipped == {
        "._Ann Lee.ipynb": "macOS's notes on a file",
        "__MACOSX/._Ann Lee.ipynb": "macOS's notes on a file",
        ".DS_Store": "made by the system",
        "Eve.pdf": "not a notebook",
        "Finn.zip": "packed: unpack it",
        ".hidden.ipynb": "a hidden file",
        "Hal.ipynb.bak": "not a notebook",
        ".ipynb_checkpoints/Ann Lee-checkpoint.ipynb": "Jupyter's older copy",
        "Ina/": "an empty folder",
        "linked": "a link",
    }
    lines = submissions.report(find(place, "ps4")[1])
    assert "skipped, not a notebook: Eve.pdf, Hal.ipynb.bak" in lines


MOODLE = (
    "Ann Lee_1234567_assignsubmission_file_/ps4.ipynb",
    "Ann Lee_1234568_assignsubmission_file_/ps4.ipynb",
    "Zoë van der Berg_1234569_assignsubmission_file_/my answers.IPYNB",
    "Zoë van der Berg_1234569_assignsubmission_onlinetext_/onlinetext.html",
    "Bob Ray_1234570_assignsubmission_file_/notes.pdf",
    "Cy Young_1234571_assignsubmission_file_ps4.ipynb",  # not "in folders"
)
WORKSHEET = (
    "\ufeffIdentifier,Full name,Email address,Status,Grade,Maximum Grade\r\n"
    "Participant 1234567,Ann Lee,ann1@x.edu,Submitted for grading,,100.00\r\n"
    "Participant 1234568,Ann Lee,ann2@x.edu,Submitted for grading,,100.00\r\n"
    "Participant 1234569,Zoë van der Berg,z@x.edu,Submitted for grading,,100.00\r\n"
    "Participant 1234570,Bob Ray,bob@x.edu,Submitted for grading,,100.00\r\n"
    "Participant 1234572,Kim Noor,kim@x.edu,No submission,,100.00\r\n"
)


def test_moodles_folders_are_read_and_matched_to_the_roster(folder, tmp_path):
    place = folder(*MOODLE)
    (tmp_path / "worksheet.csv").write_text(WORKSHEET, newline="")
    roster = read_roster(tmp_path / "worksheet.csv")
    for who in (None, roster):
        names, skipped = found(place, who)
        assert names == {
            "Ann Lee (1234567)": MOODLE[0],
            "Ann Lee (1234568)": MOODLE[1],
            "Zoë van der Berg": MOODLE[2],
            "Cy Young": MOODLE[5],
        }
        assert skipped == dict.fromkeys([MOODLE[3], MOODLE[4]], "not a notebook")
    handed_in, skipped = find(place, "ps4", roster)
    (cy,) = [one for one in handed_in if one.student == "Cy Young"]
    assert "not in the roster" in cy.notes[0]
    assert all(one.notes == () for one in handed_in if one is not cy)
    assert submissions.report(skipped, handed_in, roster)[-1] == (
        "without a submission: Bob Ray; Kim Noor"
    )


CANVAS = (
    "leeivan_LATE_12345_67890_ps4-1 (final).ipynb",
    "leeivan_LATE_12345_67891_ps4-2.ipynb",  # the later upload
    "leeann_12346_67900_ps4.ipynb",
    "leeann_12346_67901_weights.safetensors",
    "vanderbergzoë_12347_67910_Untitled.ipynb.txt",
    "noorkim_12348_text.html",
    "LATE_anon_x7Yz2_67920_ps4.ipynb",
)
GRADEBOOK = (
    "Student,ID,SIS User ID,SIS Login ID,Section,ps4 entropy coding (987),Current Score\n"
    "    Points Possible,,,,,100.00,(read only)\n"
    '"Lee, Ivan",12345,u1,ilee,A,,\n"Lee, Ann",12346,u2,alee,A,,\n'
    '"van der Berg, Zoë",12347,u3,zberg,A,,\n"Noor, Kim",12348,u4,knoor,A,,\n'
)


def test_canvass_names_are_read_and_matched_to_the_roster(folder, tmp_path):
    place = folder(*CANVAS)
    (tmp_path / "gradebook.csv").write_text(GRADEBOOK)
    roster = read_roster(tmp_path / "gradebook.csv")
    names, skipped = found(place)
    assert list(names) == ["anon_x7Yz2", "leeann", "leeivan", "vanderbergzoë"]
    assert names["leeivan"] == CANVAS[1]
    assert skipped[CANVAS[0]] == f"of the same student {CANVAS[1]} is taken"
    handed_in, _ = find(place, "ps4", roster)
    by_name = {one.student: one for one in handed_in}
    assert list(by_name) == ["Lee, Ann", "Lee, Ivan", "anon_x7Yz2", "van der Berg, Zoë"]
    assert by_name["Lee, Ann"].weights.name == CANVAS[3]
    assert by_name["Lee, Ivan"].notes[0] == "Canvas calls it late"
    assert "2 notebooks were handed in" in by_name["Lee, Ivan"].notes[1]
    assert "read as a notebook" in by_name["van der Berg, Zoë"].notes[0]
    assert "not in the roster" in by_name["anon_x7Yz2"].notes[0]


def test_nbgraders_folders_give_the_notebook_of_the_set(folder):
    place = folder(
        "ann/ps4_entropy_coding/ps4.ipynb",
        "ann/ps4_entropy_coding/timestamp.txt",
        "ann/ps5_train/ps5.ipynb",
        "ann/ps5_train/weights.safetensors",
        "bob/ps5_train/ps5.ipynb",
    )
    names, skipped = found(place, takes_weights=False)
    assert names == {"ann": "ann/ps4_entropy_coding/ps4.ipynb", "bob": "bob/ps5_train/ps5.ipynb"}
    assert skipped["ann/ps5_train/weights.safetensors"] == "ps4 asks for none"
    handed_in, _ = find(place, "ps5")
    assert [one.weights and one.weights.name for one in handed_in] == ["weights.safetensors", None]


def test_a_students_own_folder_name_with_numbers_is_not_taken_for_canvass(folder):
    names, _ = found(folder("Ann Lee/ps4_2026_11_27.ipynb", "Bob_2026_11_27.ipynb"))
    assert list(names) == ["Ann Lee", "Bob_2026_11_27"]


def test_one_notebook_alone_is_found_with_its_owner_and_weights(folder):
    place = folder(
        *CANVAS, *MOODLE, "Ann.ipynb", "Ann.safetensors", "ps5/ps5.ipynb", "ps5/weights.safetensors"
    )

    def alone(name):
        ((one,), skipped) = find(place / name, "ps5")
        assert skipped == []
        return one.student, one.weights and one.weights.name

    assert alone("Ann.ipynb") == ("Ann", "Ann.safetensors")
    assert alone(CANVAS[2]) == ("leeann", CANVAS[3])
    assert alone(CANVAS[0]) == ("leeivan", None)
    assert alone(MOODLE[0]) == ("Ann Lee", None)
    assert alone("ps5/ps5.ipynb") == ("ps5", "weights.safetensors")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ((), "it is empty"),
        (("ps4.pdf",), "ps4.pdf (not a notebook)"),
        (("a.zip", "b.zip"), "a.zip (packed: unpack it) and 1 more"),
    ],
)
def test_a_folder_without_a_notebook_is_an_error_that_says_what_it_holds(folder, names, says):
    place = folder(*names)
    with pytest.raises(NothingHandedIn) as error:
        find(place, "ps4")
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_packed_folder_is_an_error_that_says_so(folder):
    with pytest.raises(NothingHandedIn, match="unpack it"):
        find(folder("submissions.zip") / "submissions.zip", "ps4")


# ---- the roster


def test_names_match_in_every_order_and_composition_of_letters():
    assert "leeivan" in spellings("Ivan Lee") & spellings("Lee, Ivan")
    assert "vanderbergzoë" in spellings("Zoë van der Berg")
    assert spellings(unicodedata.normalize("NFD", "Zoë")) == spellings("Zoë")
    assert not spellings("Ann Lee") & spellings("Anna Lee")


def test_nobody_is_guessed_where_two_have_a_name():
    roster = Roster([Student("Ann Lee", "1"), Student("Lee Ann", "2"), Student("Bo", "3")])
    assert roster.find("leeann") is None and roster.find("leeann", "2").name == "Lee Ann"
    assert roster.find("Ann Lee").number == "1"
    assert roster.find("Bo", "1") is None and roster.find("group 7, Bo", "3").name == "Bo"
    assert roster.find("nobody") is None and roster.find("nobody", "99") is None


def test_a_student_is_found_by_login_and_mail_too(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text("First name;Last name;Email address\nAnn;Lee;ALee3@x.edu\n")
    roster = read_roster(path)
    assert [student.name for student in roster.students] == ["Ann Lee"]
    assert roster.find("alee3") == roster.find("alee3@x.edu") == roster.find("Lee, Ann")


def test_a_name_with_a_slash_cannot_leave_its_folder():
    (student,) = Roster([Student("../Ann s/o Lee")]).students
    assert "/" not in student.key


def test_a_table_without_names_says_what_it_has(tmp_path):
    (tmp_path / "r.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TableError, match=r"no column of names.*there are: a, b"):
        read_roster(tmp_path / "r.csv")
    (tmp_path / "r.xlsx").write_bytes(b"PK\x03\x04\0\0\0")
    with pytest.raises(TableError, match="save it as CSV"):
        read_table(tmp_path / "r.xlsx")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_table_is_written_as_it_was_read(tmp_path, encoding, delimiter, newline):
    lines = ["name|points|comment", "Zoë|4|", '"a; b, c"|5|"two\nlines"', ""]
    text = newline.join(lines).replace("|", delimiter)
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    table = read_table(path)
    assert table.header == ["name", "points", "comment"]
    assert [row[0] for row in table.rows] == ["Zoë", "a; b, c"]
    path.write_text(table.text(), encoding=table.encoding, newline="")
    again = read_table(path)
    assert (again.header, again.rows, again.encoding) == (table.header, table.rows, table.encoding)
    assert path.read_bytes().decode(encoding).count(newline) == text.count(newline)


# ---- and through the grader


def test_what_moodle_and_canvas_give_is_graded_by_the_roster_and_nobody_is_lost(
    small_set,  # noqa: F811
    tmp_path,
    monkeypatch,
    capsys,
):
    monkeypatch.setattr(grade, "find_source", lambda name: small_set.path)
    place = tmp_path / "submissions"
    for name, code in (
        ("Ann Lee_101_assignsubmission_file_/ps9.ipynb", Q2),
        ("Ann Lee_102_assignsubmission_file_/PS9.IPYNB", WRONG),
        ("rayivan_LATE_103_90003_ps9-1 (final).ipynb", Q2),
        ("Zoë.ipynb.txt", WRONG),
    ):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(notebook_text(HONEST | {"q2": code}))
    (place / "._Zoë.ipynb.txt").write_text("")
    (place / "notes.pdf").write_text("")
    (tmp_path / "roster.csv").write_text(
        'name,id\nAnn Lee,101\nAnn Lee,102\n"Ray, Ivan",103\nKim Noor,104\n'
    )
    out = tmp_path / "grades"
    options = ["ps9", str(place), "--out", str(out), "--roster", str(tmp_path / "roster.csv")]
    assert grade.main(options) == 0
    with open(out / "grades.csv", newline="") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    points = {name: row["automatic"] for name, row in rows.items()}
    assert points == {"Ann Lee (101)": "30", "Ann Lee (102)": "20", "Ray, Ivan": "30", "Zoë": "20"}
    assert rows["Ray, Ivan"]["flags"] == "Canvas calls it late"
    assert "not in the roster" in rows["Zoë"]["flags"] and "ipynb.txt" in rows["Zoë"]["flags"]
    assert (out / "Ann Lee (102).html").exists()
    assert "Because &lt;i&gt;I&lt;/i&gt; say so." in (out / "marking/q4_written.html").read_text()
    said = capsys.readouterr().out
    assert "skipped, macOS's notes on a file: ._Zoë.ipynb.txt" in said
    assert "skipped, not a notebook: notes.pdf" in said
    assert "without a submission: Kim Noor" in said
    monkeypatch.setattr(grade.Batch, "_mark", None)  # nothing runs again
    (place / "Zoë.ipynb.txt").unlink()
    assert grade.main(options) == 0
    assert "graded earlier and kept: Zoë" in capsys.readouterr().out


def test_a_roster_that_cannot_be_used_is_one_line(folder, tmp_path, capsys):
    place = folder("Ann.ipynb")
    (tmp_path / "roster.csv").write_text("x,y\n1,2\n")
    with pytest.raises(SystemExit) as stopped:
        grade.main(["ps1", str(place), "--roster", str(tmp_path / "roster.csv")])
    error = capsys.readouterr().err
    assert stopped.value.code == 2 and "no column of names" in error and error.count("\n") == 1
