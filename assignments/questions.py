"""A problem set as the grader sees it: questions, and the answers that a submission gives.

The source notebook is the instructor's. A question is a group of graded cells whose grade_id
starts with the same "q" and number: answer cells ("q1"), check cells ("q1_check", "q1_check_2")
and written answers ("q7_written"). Cells that are neither graded nor answers are given.
"""

import ast
import re
import threading
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import nbformat
from traitlets.config.loader import PyFileConfigLoader

FOLDER = Path(__file__).resolve().parent
LARGEST_NOTEBOOK, LARGEST_WEIGHTS = 50 * 2**20, 4 * 2**20  # bytes
QUESTION = re.compile(r"q\d+(?=_|$)")
ONE_PARSER = threading.Lock()  # CPython's parser counts its recursion in one place for all threads


class SubmissionError(ValueError):
    """A submission that cannot be graded. The message is one line for the student."""


@dataclass(frozen=True)
class Cell:
    """A code cell or a written answer of the source. kind: given, answer, check or written."""

    kind: str
    grade_id: str
    source: str  # with solution and hidden checks
    released: str  # as the student gets it
    points: float = 0.0


@dataclass(frozen=True)
class Question:
    name: str  # "q1"
    before: list = field(default_factory=list)  # every given cell above its first cell
    cells: list = field(default_factory=list)  # its own, in order; given ones may stand between

    def of_kind(self, *kinds):
        return [cell for cell in self.cells if cell.kind in kinds]

    def points(self, kind):
        return sum(cell.points for cell in self.of_kind(kind))


@dataclass(frozen=True)
class ProblemSet:
    name: str  # "ps1"
    path: Path
    questions: list
    locked: dict  # grade_id to the released source of every cell the student cannot edit

    @cached_property
    def secrets(self):
        """Lines that stand in the source and not in the release, stripped; short ones left out."""
        cells = [cell for question in self.questions for cell in question.cells]
        released = {line.strip() for cell in cells for line in cell.released.splitlines()}
        lines = {line.strip() for cell in cells for line in cell.source.splitlines()}
        return {line for line in lines - released if len(line) >= 15}


@dataclass(frozen=True)
class Submission:
    answers: dict  # grade_id to source
    flags: list
    extra: str  # the code that stands in no answer cell, which is not graded
    weights: bytes | None = None


def find_source(name, sources=FOLDER / "source"):
    """The path of a set's source notebook, by the set's name. Raises: FileNotFoundError."""
    found = sorted(sources.glob(f"{name}_*/{name}.ipynb")) if re.fullmatch(r"ps\d+", name) else []
    if not found:
        known = ", ".join(sorted(path.stem for path in sources.glob("*/*.ipynb")))
        raise FileNotFoundError(f"there is no problem set {name!r}; there are: {known}")
    return found[0]


def read_problem_set(path):
    """The instructor's notebook as a ProblemSet."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(FOLDER)).load_config()
    stubs = {"code": config.ClearSolutions.code_stub["python"]}
    stubs["markdown"] = config.ClearSolutions.text_stub
    notebook = nbformat.read(path, as_version=4)
    questions, given, locked = [], [], {}
    for original in notebook.cells:
        public = released(original.source, stubs[original.cell_type])
        meta = original.metadata.get("nbgrader", {})
        grade_id = meta.get("grade_id", original.id)
        answer, graded = meta.get("solution", False), meta.get("grade", False)
        if not answer:
            locked[grade_id] = public
        kind = {(1, 0): "answer", (0, 1): "check", (1, 1): "written"}.get((answer, graded), "given")
        points = float(meta.get("points", 0)) if graded else 0.0
        cell = Cell(kind, grade_id, original.source, public, points)
        if kind == "given":
            if original.cell_type == "code":
                given.append(cell)
                for question in questions[-1:]:
                    question.cells.append(cell)
            continue
        name = QUESTION.match(grade_id).group()
        if not questions or questions[-1].name != name:
            questions.append(Question(name, before=list(given)))
        questions[-1].cells.append(cell)
    for question in questions:  # what follows the last graded cell is given for the next question
        while question.cells[-1].kind == "given":
            question.cells.pop()
    return ProblemSet(Path(path).stem, Path(path), questions, locked)


def released(source, stub):
    """A cell as the student gets it: nbgrader's rules, without waiting for nbgrader's imports.

    A solution becomes the stub, indented as its first mark; hidden tests vanish.
    """
    lines, inside = [], False
    for line in source.split("\n"):
        if "BEGIN SOLUTION" in line:
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + text for text in stub.split("\n")]
        if "BEGIN SOLUTION" in line or "BEGIN HIDDEN TESTS" in line:
            inside = True
        elif "END SOLUTION" in line or "END HIDDEN TESTS" in line:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def read_submission(path, problem_set):
    """A student's notebook as a Submission. Raises: SubmissionError, whatever the file holds."""
    path = Path(path)
    _check_file(path, LARGEST_NOTEBOOK)
    try:
        text = path.read_bytes().decode("utf-8-sig")
        if not text.strip():
            raise SubmissionError("the file is empty")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about formats; what matters is checked below
            notebook = nbformat.reads(text, as_version=4)
        cells = [
            (str(cell.cell_type), dict(cell.metadata), _text(cell.source))
            for cell in notebook.cells
        ]
    except SubmissionError:
        raise
    except OSError as error:
        raise SubmissionError(f"the file cannot be read: {error.strerror}") from None
    except Exception as error:  # whatever a foreign file leads the reader to
        raise SubmissionError(f"the file is not a notebook ({type(error).__name__})") from None
    wanted = {
        cell.grade_id: cell
        for question in problem_set.questions
        for cell in question.of_kind("answer", "written")
    }
    found, unchanged, extra, flags = {}, set(), [], []
    for cell_type, metadata, source in cells:
        nbgrader = metadata.get("nbgrader")
        grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
        if not isinstance(grade_id, str) or grade_id not in wanted:
            if problem_set.locked.get(grade_id if isinstance(grade_id, str) else "") == source:
                unchanged.add(grade_id)
            elif cell_type == "code":
                extra.append(source)
            continue
        found.setdefault(grade_id, []).append(source)
        if (cell_type == "code") != (wanted[grade_id].kind == "answer"):
            flags.append(f"{grade_id} was turned into a {cell_type} cell; graded as what it was")
    if not unchanged:
        other = "its answer cells are there, but none of its other cells" if found else "no cell"
        raise SubmissionError(f"not made from the release of {problem_set.name}: {other}")
    answers = {}
    for grade_id, cell in wanted.items():
        copies = found.get(grade_id, [])
        own = [source for source in copies if source.strip() != cell.released.strip()]
        if not copies:
            flags.append(f"the cell {grade_id} is missing")
        if len(set(own)) > 1:
            flags.append(f"{len(copies)} cells are called {grade_id}; the last one is graded")
        if own:
            answers[grade_id] = own[-1]
    return Submission(answers, flags, "\n".join(extra), _weights(path, problem_set, flags))


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
    """The bytes of NAME.safetensors beside NAME.ipynb, or None."""
    weights = path.with_suffix(".safetensors")
    cells = [cell for question in problem_set.questions for cell in question.cells]
    if not any("weights.safetensors" in cell.source for cell in cells):
        return None
    try:
        _check_file(weights, LARGEST_WEIGHTS)
        return weights.read_bytes()
    except (SubmissionError, OSError) as error:
        flags.append(f"weights file {weights.name}: {error}")
        return None


def parse(source):
    """ast.parse, in one thread at a time: several notebooks are graded at once.

    Where the threads of CPython 3.11 parse together, ast.parse can end in a SystemError, "AST
    constructor recursion depth mismatch".
    """
    with ONE_PARSER:
        return ast.parse(source)


def defined_names(source):
    """The global names that a cell assigns or defines; of a cell with a syntax error, none."""
    try:
        found, todo = set(), list(parse(source).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.comprehension):  # its variables are its own
            todo.extend([node.iter, *node.ifs])
        elif not isinstance(node, ast.Lambda):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            todo.extend(ast.iter_child_nodes(node))
    return found


def scored(source, name):
    """A check cell that leaves its verdict in the global `name`, as nbgrader would read it.

    If the last line is a number, that number is the points (nbgrader's rule for partial credit);
    otherwise None, and reaching the end earns them all.
    """
    tree = parse(source)
    last = tree.body[-1]
    value = tree.body.pop().value if isinstance(last, ast.Expr) else ast.Constant(None)
    tree.body.append(ast.Assign(targets=[ast.Name(name, ast.Store())], value=value))
    return ast.unparse(ast.fix_missing_locations(tree))


def points_of(value, most):
    """Points for what `scored` left: None, or a number from 0 to most. Raises: ValueError."""
    points = most if value is None else float(value)
    if not 0 <= points <= most:
        raise ValueError(f"{points} points where at most {most} can be had")
    return points
