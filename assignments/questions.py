"""A problem set as the grader sees it, and what its cells say.

The source notebook is the instructor's. A question is a group of graded cells whose grade_id
starts with the same "q" and number: answer cells ("q1"), check cells ("q1_check", "q1_check_2")
and written answers ("q7_written"). Cells that are neither graded nor answers are given.
"""

import ast
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from traitlets.config.loader import PyFileConfigLoader

FOLDER = Path(__file__).resolve().parent
QUESTION = re.compile(r"q\d+(?=_|$)")
TITLE = re.compile(r"^# Problem set \d+: (.+)$", re.MULTILINE)
HEADING = re.compile(r"^## Question (\d+): (.+?)(?: \(\d[^()]*\))?$", re.MULTILINE)
ONE_PARSER = threading.Lock()  # CPython's parser counts its recursion in one place for all threads


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
    title: str = ""  # "any grid"
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
    title: str  # "ps1: rounding and noise"
    questions: list
    locked: dict  # grade_id to the released source of every cell the student cannot edit

    @property
    def takes_weights(self):
        """Whether a file of weights is handed in beside the notebook."""
        cells = [cell for question in self.questions for cell in question.cells]
        return any("weights.safetensors" in cell.source for cell in cells)


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
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    titles = {f"q{number}": title for number, title in HEADING.findall(text)}
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
            questions.append(Question(name, titles.get(name, ""), list(given)))
        questions[-1].cells.append(cell)
    for question in questions:  # what follows the last graded cell is given for the next question
        while question.cells[-1].kind == "given":
            question.cells.pop()
    name, title = Path(path).stem, TITLE.search(text)
    title = f"{name}: {title.group(1)}" if title else name
    return ProblemSet(name, Path(path), title, questions, locked)


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
