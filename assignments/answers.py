"""The answers in a student's notebook, whatever else the file may hold.

Cells are matched by nbgrader's grade_id. A cell that was split is put together again, and text
that stands in a cell of the student's own beside a written answer belongs to that answer.
"""

import hashlib
import os
import warnings
from dataclasses import astuple, dataclass
from pathlib import Path

import nbformat
from questions import parse, read_problem_set

LARGEST_NOTEBOOK, LARGEST_WEIGHTS = 50 * 2**20, 4 * 2**20  # bytes


class SubmissionError(ValueError):
    """A submission that cannot be graded. The message is one line for the student."""


@dataclass(frozen=True)
class Submission:
    answers: dict  # grade_id to the list of code to run, one after the other
    written: dict  # grade_id to the text of a written answer; a blank one is missing
    flags: list
    extra: str  # the code that stands in no answer cell, which is not graded
    weights: bytes | None = None

    def digest(self):
        """A hash of all that marks depend on: not of outputs, nor of what Jupyter notes down."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()


@dataclass(frozen=True)
class _Cell:
    """A cell of the student's notebook."""

    type: str
    grade_id: str | None
    source: str
    ours: bool  # it stands in the release; otherwise the student has added it


def read_submission(path, problem_set, weights=None):
    """A student's notebook as a Submission. Raises: SubmissionError, whatever the file holds.

    weights: the path of the weights file; by default NAME.safetensors beside NAME.ipynb.
    """
    path = Path(path)
    wanted = {
        cell.grade_id: cell
        for question in problem_set.questions
        for cell in question.of_kind("answer", "written")
    }
    cells = _read_cells(path, problem_set.locked.keys() | wanted.keys())
    _check_set(cells, problem_set, wanted)
    answers, written, flags = {}, {}, []
    for grade_id, cell in wanted.items():
        copies = [found for found in cells if found.grade_id == grade_id]
        if not copies:
            flags.append(f"the cell {grade_id} is missing")
        for copy in copies:
            if (copy.type == "code") != (cell.kind == "answer"):
                flags.append(
                    f"{grade_id} was turned into a {copy.type} cell; graded as what it was"
                )
        own = [copy.source for copy in copies if copy.source.strip() != cell.released.strip()]
        own = list(dict.fromkeys(source for source in own if source.strip()))
        if cell.kind == "written":
            text, note = _written(cells, grade_id, own, problem_set)
            if text:
                written[grade_id] = text
            flags += [f"{grade_id}: {note}"] if note else []
        elif own:
            answers[grade_id] = _pieces(own)
            if len(own) > 1:
                how = "joined" if len(answers[grade_id]) == 1 else "run one after the other"
                flags.append(f"{len(copies)} cells are called {grade_id}; they are {how}")
    extra = [
        cell.source
        for cell in cells
        if cell.type == "code"
        and cell.grade_id not in wanted
        and problem_set.locked.get(cell.grade_id) != cell.source
    ]
    weights = _weights(weights or path.with_suffix(".safetensors"), problem_set, flags)
    return Submission(answers, written, flags, "\n".join(extra), weights)


def _read_cells(path, ours):
    """The cells of a notebook. ours: the names of cells that the release has."""
    _check_file(path, LARGEST_NOTEBOOK)
    try:
        text = path.read_bytes().decode("utf-8-sig")
        if not text.strip():
            raise SubmissionError("the file is empty")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about formats; what matters is checked below
            notebook = nbformat.reads(text, as_version=4)
        cells = []
        for cell in notebook.cells:
            nbgrader = dict(cell.metadata).get("nbgrader")
            grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
            grade_id = grade_id if isinstance(grade_id, str) else None
            source = _text(cell.source)
            cells.append(_Cell(str(cell.cell_type), grade_id, source, grade_id in ours))
        return cells
    except SubmissionError:
        raise
    except OSError as error:
        raise SubmissionError(f"the file cannot be read: {error.strerror}") from None
    except Exception as error:  # whatever a foreign file leads the reader to
        raise SubmissionError(f"the file is not a notebook ({type(error).__name__})") from None


def _check_set(cells, problem_set, wanted):
    """Raises SubmissionError if the notebook was not made from this set's release."""
    found = {(cell.grade_id, cell.source) for cell in cells}
    unchanged = _unchanged(found, problem_set)
    if 2 * unchanged < len(problem_set.locked):  # a look at the others costs half a second
        others = {}
        for path in sorted(problem_set.path.parent.parent.glob("*/ps*.ipynb")):
            if path != problem_set.path:
                others[path.stem] = _unchanged(found, read_problem_set(path))
        likely = max(others, key=others.get, default="")
        if likely and others[likely] > unchanged:
            raise SubmissionError(
                f"not made from the release of {problem_set.name}: it looks like {likely}"
            )
    if not unchanged:
        answered = any(cell.grade_id in wanted for cell in cells)
        other = "its answer cells are there, but none of its other cells" if answered else "no cell"
        raise SubmissionError(f"not made from the release of {problem_set.name}: {other}")


def _unchanged(found, problem_set):
    """How many cells that students do not edit are as in the set. found: (grade_id, source)."""
    return sum(cell in found for cell in problem_set.locked.items())


def _pieces(own):
    """What to run for one answer: its cells one after the other, or joined if one is a fragment.

    A cell that was split inside a function makes sense only as a whole.
    """
    if len(own) > 1 and not all(map(_parses, own)) and _parses("\n".join(own)):
        return ["\n".join(own)]
    return own


def _parses(source):
    try:
        parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _written(cells, grade_id, own, problem_set):
    """The text of a written answer, and a note for the marker, both "" if there is none.

    The student's own cells right above and below belong to it. If there is nothing, text that
    stands anywhere else in such cells is shown: the marker decides.
    """
    at = [i for i, cell in enumerate(cells) if cell.grade_id == grade_id]
    beside = set()
    for i in at:
        for step in (-1, 1):
            j = i + step
            while 0 <= j < len(cells) and not cells[j].ours:
                beside.add(j)
                j += step
            if 0 <= j < len(cells) and _added(cells[j], problem_set):
                beside.add(j)
    beside = {j for j in beside if _added(cells[j], problem_set)}
    texts = [
        cells[j].source if j in at else _added(cells[j], problem_set)
        for j in sorted(beside.union(at))
        if j in beside or cells[j].source in own
    ]
    if texts:
        note = "text in a cell beside it is taken as part of the answer" if beside else ""
        return "\n\n".join(texts), note
    texts = [_added(cell, problem_set) for cell in cells if cell.type != "code"]
    if any(texts):
        note = "blank, but there is text elsewhere in the notebook"
        return "(Nothing in its cell. Elsewhere:)\n\n" + "\n\n".join(filter(None, texts)), note
    return "", ""


def _added(cell, problem_set):
    """What the student has written in a cell of their own, or into one of the set's texts."""
    if not cell.ours:
        return cell.source.strip()
    if cell.type == "code" or cell.grade_id not in problem_set.locked:
        return ""
    before = problem_set.locked[cell.grade_id].splitlines()
    return "\n".join(line for line in cell.source.splitlines() if line not in before).strip()


def _text(source):
    if not isinstance(source, str):
        raise TypeError("the source of a cell is no text")
    return source.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be sent on


def _check_file(path, largest):
    if path.is_symlink():
        raise SubmissionError("the file is a link; hand in the file itself")
    if path.is_dir():
        raise SubmissionError("this is a folder; hand in a file")
    if not path.is_file():
        raise SubmissionError("there is no such file, or it is not a regular one")
    if path.stat().st_size > largest:
        raise SubmissionError(f"the file is larger than {largest // 2**20} MB")


def _weights(path, problem_set, flags):
    """The bytes of a weights file, or None."""
    if not problem_set.takes_weights:
        return None
    try:
        _check_file(path, LARGEST_WEIGHTS)
        return path.read_bytes()
    except (SubmissionError, OSError) as error:
        name = os.fsencode(path.name).decode("utf-8", "replace")
        flags.append(f"weights file {name}: {error}")
        return None
