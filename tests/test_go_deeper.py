"""Sections "Go deeper" can be skipped: no cell of a lesson's core uses what only they define."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def core_and_deeper(cells):
    """The code of both: two lists of sources. A section ends at the next heading of its level."""
    core, deeper, deep = [], [], False
    for cell in cells:
        if cell.cell_type == "code":
            (deeper if deep else core).append(cell.source)
        for heading in re.findall(r"^## .*", cell.source, re.MULTILINE):
            if cell.cell_type == "markdown":
                deep = heading.startswith("## Go deeper: ")
    return core, deeper


def names(sources):
    """(names that are defined, names that are used) in sources."""
    defined, used = set(), set()
    for node in ast.walk(ast.parse("\n".join(sources))):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else defined).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, ast.alias):
            defined.add((node.asname or node.name).split(".")[0])
    return defined, used


def missing(cells):
    """Names that the core takes from a section "Go deeper"."""
    core, deeper = core_and_deeper(cells)
    defined, used = names(core)
    return (used - defined) & names(deeper)[0]


def lessons_that_go_deeper():
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        if any(cell.source.startswith("## Go deeper") for cell in cells):
            yield pytest.param(cells, id=path.stem)


@pytest.mark.parametrize("cells", list(lessons_that_go_deeper()))
def test_the_core_needs_nothing_from_go_deeper(cells):
    assert not missing(cells)


def test_what_the_core_takes_is_found():
    def cell(kind, source):
        return getattr(nbformat.v4, f"new_{kind}_cell")(source)

    cells = [
        cell("code", "a = 1"),
        cell("markdown", "## Go deeper: b"),
        cell("code", "b = a"),
        cell("markdown", "## Recap"),
    ]
    assert not missing([*cells, cell("code", "print(a)")])
    assert missing([*cells, cell("code", "print(b)")]) == {"b"}
