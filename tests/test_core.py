"""A lesson's core can be read, and run, without its sections named "Go deeper"."""

import re
import symtable
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def sections(cells):
    """Every code cell, and whether it stands in a section named "Go deeper"."""
    deeper = False
    for cell in cells:
        if cell.cell_type == "code":
            yield cell, deeper
        elif heading := re.match(r"## (.*)", cell.source):
            deeper = heading[1].startswith("Go deeper:")


def names_of(source):
    """The names that a cell gives to the notebook, and those that it takes from it."""
    gives, takes = set(), set()

    def visit(table, top):
        for symbol in table.get_symbols():
            ours = top or symbol.is_global()
            if ours and (symbol.is_assigned() or symbol.is_imported()):
                gives.add(symbol.get_name())
            if ours and symbol.is_referenced():
                takes.add(symbol.get_name())
        for child in table.get_children():
            visit(child, top=False)

    visit(symtable.symtable(source, "cell", "exec"), top=True)
    return gives, takes - gives


def borrowed(cells):
    """(cell, name) where a core cell takes a name that was last given by a deeper one."""
    giver, found = {}, []
    for cell, deeper in sections(cells):
        gives, takes = names_of(cell.source)
        if not deeper:
            found += [(cell.id, name) for name in sorted(takes) if giver.get(name)]
        giver |= dict.fromkeys(gives, deeper)
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_core_takes_nothing_from_what_goes_deeper(path):
    assert borrowed(nbformat.read(path, as_version=4).cells) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_goes_deeper_is_a_section_of_its_own(path):
    """A number or a lower level before the words would make the section a part of the core."""
    text = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells)
    headings = re.findall(r"^#+ .*go deeper.*", text, re.MULTILINE | re.IGNORECASE)
    assert [h for h in headings if not h.startswith("## Go deeper: ")] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_core_takes_forty_minutes_at_most(path):
    header = nbformat.read(path, as_version=4).cells[0].source
    if "**Core" in header:
        assert int(re.search(r"\*\*Core:\W*about (\d+) minutes", header)[1]) <= 40


def test_what_a_core_borrows_is_found():
    def code(name, source):
        return nbformat.v4.new_code_cell(source, id=name)

    core, deeper = (nbformat.v4.new_markdown_cell(f"## {t}") for t in ("1. A", "Go deeper: B"))
    cells = [core, code("a", "x = 1\ny = 2"), deeper, code("b", "x = 3\nz = y")]
    cells += [core, code("c", "def f(z):\n    return z + y")]
    assert borrowed(cells) == []
    cells += [code("d", "def g():\n    return x"), code("e", "print(z)"), code("f", "z = 0")]
    assert borrowed(cells) == [("d", "x"), ("e", "z")]
