"""Which files of a folder are submissions, and whose.

A folder may be flat (Ann Lee.ipynb), have a folder for each student (nbgrader's submitted/ too),
or be what Moodle or Canvas gives as "all submissions", unpacked. Every file in it is either a
submission, or a submission's weights, or skipped with a reason. Times of files are not read.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from roster import Student, file_name

NOTEBOOK = re.compile(r"(?P<stem>.+)\.ipynb(?P<added>\.txt|\.json)?", re.IGNORECASE)
WEIGHTS = re.compile(r"(?P<stem>.+)\.safetensors", re.IGNORECASE)
# Ann Lee_1234567_assignsubmission_file_ is a folder, or the beginning of a file's name.
MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_[a-z]+_.*")
# leeann_LATE_12345_67890_ps4-1 (final).ipynb: the student's number, then that of the upload.
CANVAS = re.compile(r"(?P<name>.+?)_(?P<late>LATE_)?(?P<number>\d{3,})_(?P<upload>\d{3,})_.+")
ANONYMOUS = re.compile(r"(?P<late>LATE_)?(?P<name>anon_[^_]+)_(?P<upload>\d+)_.+")
LITTER = (
    (re.compile(r"\._.*|__MACOSX"), "macOS's notes on a file"),
    (re.compile(r"\.ipynb_checkpoints"), "Jupyter's older copy"),
    (re.compile(r"\.DS_Store|Thumbs\.db|desktop\.ini|~\$.*"), "made by the system"),
    (re.compile(r"\..*"), "a hidden file"),
)
PACKED = (".zip", ".7z", ".rar", ".gz", ".tar", ".tgz")


class NothingHandedIn(FileNotFoundError):
    """A folder without one submission. The message is one line."""


@dataclass(frozen=True)
class HandedIn:
    """A student's notebook."""

    student: str  # as tables and pages call the student: a name of the roster, if there is one
    path: Path
    weights: Path | None = None  # of ps5
    notes: tuple = ()  # for the instructor's eye
    number: str = ""  # the LMS's own of the student


@dataclass(frozen=True)
class Skipped:
    name: str  # relative to the folder
    why: str


@dataclass(frozen=True)
class _File:
    """A file and what its name, or that of its folder, says of its owner."""

    path: Path
    name: str  # relative to the folder
    owner: str
    number: str = ""  # the LMS's own of the owner
    upload: int = 0  # Canvas counts uploads: the larger is the later
    late: bool = False  # as Canvas writes it

    def preference(self, set_name):
        """Of several files of one student, the one with the largest of these is taken."""
        called = re.search(rf"(?<![a-z0-9]){set_name}(?!\d)", self.name.casefold()) is not None
        return called, self.path.suffix.casefold() not in (".txt", ".json"), self.upload, self.name


def find(place, set_name, roster=None, takes_weights=True):
    """The submissions in a folder, or the one that is a file.

    set_name: "ps4"; a notebook called so goes before others of the same student. roster: a
    Roster; who is not in it is found all the same, with a note. takes_weights: whether the set
    asks for a file of weights.
    Returns ([HandedIn], [Skipped]), in the order of names. Raises: NothingHandedIn.
    """
    if place.is_dir() and not NOTEBOOK.fullmatch(place.name):
        files, skipped = _files(place)
    elif place.suffix.casefold() in PACKED:
        raise NothingHandedIn(f"{place} is packed: unpack it, and name the folder")
    else:
        files, skipped = _one_file(place), []
    owners = {}
    for file in files:
        student = roster.find(file.owner, file.number) if roster else None
        key = student or (file_name(file.owner).casefold(), file.number)
        owners.setdefault(key, []).append(file)
    found = []
    for key, owned in owners.items():
        notebooks = [file for file in owned if NOTEBOOK.fullmatch(file.path.name)]
        weights = [file for file in owned if WEIGHTS.fullmatch(file.path.name)]
        rest = [file for file in owned if file not in notebooks + weights]
        skipped += [Skipped(file.name, _no_notebook(file.path)) for file in rest]
        if not takes_weights or not notebooks:
            why = "weights without a notebook" if takes_weights else f"{set_name} asks for none"
            skipped += [Skipped(file.name, why) for file in weights]
            weights = []
        for several in (notebooks, weights):
            several.sort(key=lambda file: file.preference(set_name))
            why = f"of the same student {several[-1].name} is taken" if several else ""
            skipped += [Skipped(file.name, why) for file in several[:-1]]
        if notebooks:
            found.append(_handed_in(key, notebooks, weights, roster))
    skipped.sort(key=lambda one: one.name)
    if not found:
        holds = f"it holds {skipped[0].name} ({skipped[0].why})" if skipped else "it is empty"
        more = f" and {len(skipped) - 1} more" if len(skipped) > 1 else ""
        raise NothingHandedIn(f"there is no notebook in {place}: {holds}{more}")
    return sorted(_apart(found), key=lambda one: one.student), skipped


def _files(place):
    """What a folder holds, to any depth: (files that may be submissions, the others)."""
    files, skipped = [], []

    def unreadable(error):
        name = Path(error.filename).relative_to(place).as_posix()
        skipped.append(Skipped(name, f"cannot be read: {error.strerror}"))

    for folder, folders, names in os.walk(place, onerror=unreadable):
        folder = Path(folder)
        if not folders and not names and folder != place:
            skipped.append(Skipped(f"{folder.relative_to(place).as_posix()}/", "an empty folder"))
        # links are not followed, and a folder that is called a notebook was handed in as one
        single = {f for f in folders if NOTEBOOK.fullmatch(f) or (folder / f).is_symlink()}
        folders[:] = sorted({*folders} - single)
        for path in sorted(folder / name for name in single.union(names)):
            name = path.relative_to(place)
            reasons = [why for rule, why in LITTER if any(map(rule.fullmatch, name.parts))]
            if reasons:
                skipped.append(Skipped(name.as_posix(), reasons[0]))
            else:
                files.append(_owned(path, name.as_posix(), place.name))
    return files, skipped


def _one_file(place):
    """A notebook that is named alone, and the weights beside it."""
    above = place.absolute().parent
    own = _owned(place, place.name, above.name)
    beside = (
        sorted(p for p in above.iterdir() if WEIGHTS.fullmatch(p.name)) if above.is_dir() else []
    )
    beside = [_owned(path, path.name, above.name) for path in beside]
    same = [file for file in beside if (file.owner, file.number) == (own.owner, own.number)]
    own_name = [replace(f, owner=own.owner) for f in beside if f.name == "weights.safetensors"]
    return [own, *(same or own_name)]


def _owned(path, name, above):
    """A _File. name: relative to the folder; above: what that folder is called."""
    *folders, last = (os.fsencode(part).decode("utf-8", "replace") for part in Path(name).parts)
    name = "/".join([*folders, last])
    for part in (above, *folders, last):
        if found := MOODLE.fullmatch(part):
            return _File(path, name, found["name"], found["number"])
    if found := CANVAS.fullmatch(last):
        late, upload = bool(found["late"]), int(found["upload"])
        return _File(path, name, found["name"], found["number"], upload, late)
    if found := ANONYMOUS.fullmatch(last):
        return _File(path, name, found["name"], "", int(found["upload"]), bool(found["late"]))
    stem = NOTEBOOK.fullmatch(last) or WEIGHTS.fullmatch(last)
    return _File(path, name, folders[0] if folders else stem["stem"] if stem else last)


def _handed_in(key, notebooks, weights, roster):
    """One student's submission. notebooks, weights: _Files, the one to be taken last."""
    taken, notes = notebooks[-1], []
    if roster and not isinstance(key, Student):
        notes.append(f"{taken.owner!r} is not in the roster, or no single student is called so")
    if taken.late:
        notes.append("Canvas calls it late")
    if len(notebooks) > 1:
        notes.append(f"{len(notebooks)} notebooks were handed in; graded is {taken.name}")
    if not taken.path.name.casefold().endswith(".ipynb"):
        notes.append(f"the file is called {taken.path.name}; read as a notebook")
    student = key.key if isinstance(key, Student) else file_name(taken.owner)
    return HandedIn(
        student, taken.path, weights[-1].path if weights else None, tuple(notes), taken.number
    )


def _apart(found):
    """Two students whom their LMS calls the same get their numbers behind their names."""
    for one in found:
        others = [
            o for o in found if o is not one and o.student.casefold() == one.student.casefold()
        ]
        yield replace(one, student=f"{one.student} ({one.number})") if others else one


def _no_notebook(path):
    if path.is_symlink():
        return "a link"
    return "packed: unpack it" if path.suffix.casefold() in PACKED else "not a notebook"


def without_submission(found, roster):
    """The names of those in the roster who handed in nothing, in its order."""
    handed_in = {one.student for one in found}
    return [student.name for student in roster.students if student.key not in handed_in]


def report(skipped, found=(), roster=None):
    """What was not graded and why, a line for each reason; then who handed in nothing."""
    reasons = {}
    for one in skipped:
        reasons.setdefault(one.why, []).append(one.name)
    lines = [f"skipped, {why}: {', '.join(names)}" for why, names in reasons.items()]
    missing = without_submission(found, roster) if roster else []
    return lines + ([f"without a submission: {'; '.join(missing)}"] if missing else [])
