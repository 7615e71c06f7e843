"""The "Your turn" cells of the lessons.

A turn is three code cells in a row, tagged with the name of a function:

    your-turn:NAME  the function with its docstring and `return ...`, for the reader to fill in
    answer:NAME     the course's `NAME_answer`, folded by JupyterLab ("source_hidden")
    check:NAME      `check(f)`, whose assertions say what is wrong, and the line
                    `NAME = your_turn(NAME, NAME_answer, check)` with which the lesson goes on

Untouched, a turn goes on with the course's answer, and nbval runs it so. Here each turn is run
solved, wrong and empty, after the imports of the set-up cell, the twin cells and the turns before
it, and whatever other cells the turn's cell names in its metadata ("needs": ids).
"""

import ast
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

from rdalib.exercises import your_turn

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TURNS = tuple(f"{number:02}" for number in range(1, 15))  # lessons that must have some
SETS = sorted((ROOT / "assignments" / "source").glob("*/*.ipynb"))


@cache
def cells_of(path):
    return nbformat.read(path, as_version=4).cells


def tagged(cell, kind):
    """The name after "kind:" in a cell's tags, or None."""
    tags = [t for t in cell.metadata.get("tags", []) if t.startswith(f"{kind}:")]
    return tags[0].split(":")[1] if tags else None


def turns():
    for path in NOTEBOOKS:
        for index, cell in enumerate(cells_of(path)):
            if name := tagged(cell, "your-turn"):
                yield pytest.param(path, index, name, id=f"{path.stem[:2]}-{name}")


def before(path, index):
    """The names that a turn may use, and its three cells."""
    cells = cells_of(path)
    needed = cells[index].metadata.get("needs", [])
    names, imported = {}, False
    for cell in cells[:index]:
        if cell.cell_type != "code":
            continue
        if not imported:
            imported = True
            statements = ast.parse(cell.source).body
            imports = [s for s in statements if isinstance(s, ast.Import | ast.ImportFrom)]
            exec(compile(ast.Module(imports, type_ignores=[]), path.name, "exec"), names)
        kinds = ("twin", "your-turn", "answer", "check")
        if cell.id in needed or any(tagged(cell, kind) for kind in kinds):
            exec(cell.source, names)
    return names, cells[index : index + 3]


def function_of(source):
    """The first function that a cell defines, as a syntax tree."""
    return next(s for s in ast.parse(source).body if is_function(s))


def body_of(function):
    """A function's statements without its docstring."""
    return function.body[1:] if ast.get_docstring(function) else function.body


@pytest.mark.parametrize("path, index, name", list(turns()))
def test_a_turn_is_whole_and_short(path, index, name):
    _, (stub, answer, check) = before(path, index)
    assert tagged(answer, "answer") == tagged(check, "check") == name
    assert answer.metadata["jupyter"]["source_hidden"] is True
    empty, solved = function_of(stub.source), function_of(answer.source)
    assert (empty.name, solved.name) == (name, f"{name}_answer")
    assert ast.get_docstring(empty) and ast.dump(empty.args) == ast.dump(solved.args)
    assert ast.unparse(body_of(empty)[-1]) == "return ..."
    assert len(answer.source.splitlines()) <= 9  # the line with its name and up to eight more
    assert check.source.rstrip().splitlines()[-1] == (
        f"{name} = your_turn({name}, {name}_answer, check)"
    )


@pytest.mark.parametrize("path, index, name", list(turns()))
def test_a_solved_turn_passes_and_an_empty_one_goes_on(path, index, name, capsys):
    names, (stub, answer, check) = before(path, index)
    exec(stub.source + "\n" + answer.source, names)
    empty = names[name]
    exec(check.source, names)
    assert names[name] is names[f"{name}_answer"] and "not written yet" in capsys.readouterr().out
    names[name] = solved = names[f"{name}_answer"]
    exec(check.source.splitlines()[-1], names)
    assert names[name] is solved and "right" in capsys.readouterr().out
    assert empty is not solved


@pytest.mark.parametrize("path, index, name", list(turns()))
def test_a_check_says_what_is_wrong(path, index, name):
    names, (stub, answer, check) = before(path, index)
    exec(stub.source + "\n" + answer.source + "\n" + check.source, names)
    right, checked = names[f"{name}_answer"], names["check"]
    for wrong in (lambda value: 1.1 * value + 0.01, lambda value: 0 * value, lambda value: -value):
        with pytest.raises(AssertionError) as error:
            checked(lambda *a, wrong=wrong, **named: wrong(right(*a, **named)))
        assert len(str(error.value)) > 20, "an assertion without a message"


def test_what_returns_nothing_is_told_so():
    def no_return(x):
        x + 1

    with pytest.raises(AssertionError, match="no_return returns nothing"):
        your_turn(no_return, abs, lambda f: f(1))


def shape(function):
    """A function's tokens with names and numbers taken out, but not what it calls."""
    text = " ".join(ast.unparse(statement) for statement in body_of(function))
    tokens = re.findall(r"\w+\(|[A-Za-z_]\w*|[\d.]+|\S", text)
    plain = re.compile(r"(?!return$|for$|in$|if$|else$)[\w.]+")
    return ["x" if plain.fullmatch(token) and token != "." else token for token in tokens]


def copied(answer, graded, length=8):
    """The share of an answer's runs of tokens that a graded solution has too."""
    runs = [tuple(answer[i : i + length]) for i in range(max(1, len(answer) - length + 1))]
    text = {tuple(graded[i : i + len(runs[0])]) for i in range(len(graded))}
    return sum(run in text for run in runs) / len(runs)


@cache
def graded_functions():
    """Every function in a solution of the problem sets: a list of (set, syntax tree)."""
    found = []
    for path in SETS:
        for cell in cells_of(path):
            if cell.cell_type == "code" and "BEGIN SOLUTION" in cell.source:
                functions = [n for n in ast.walk(ast.parse(cell.source)) if is_function(n)]
                found += [(path.stem, node) for node in functions]
    return found


def is_function(node):
    return isinstance(node, ast.FunctionDef)


@pytest.mark.parametrize("path, index, name", list(turns()))
def test_no_answer_gives_away_a_graded_question(path, index, name):
    _, (_, answer, _) = before(path, index)
    ours = function_of(answer.source)
    for where, graded in graded_functions():
        assert graded.name != name, f"{where} asks for {name}"
        assert copied(shape(ours), shape(graded)) < 0.5, f"{where}: {graded.name}"


def test_a_copied_solution_is_found():
    graded = [node for where, node in graded_functions() if where == "ps1"]
    for node in graded:
        if len(shape(node)) > 12:
            assert copied(shape(node), shape(node)) == 1


def test_lessons_that_should_have_turns_have_two_or_three():
    found = [parameter.values[0].stem[:2] for parameter in turns()]
    assert all(found.count(number) in (2, 3) for number in TURNS)
