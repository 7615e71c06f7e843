"""What a lesson builds and the library also holds is the same function.

A cell with the tag "twin:module.function" defines `function`. Its notebook's twin cells and the
imports of its set-up cell are run, nothing else, and what it built is compared with what the
library holds on random inputs, in the way that COMPARISONS names for it.
"""

import ast
import importlib
from pathlib import Path

import nbformat
import pytest
import torch

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def twins():
    """(notebook, index of the cell, name of the twin) of every tagged cell."""
    for path in NOTEBOOKS:
        for index, cell in enumerate(nbformat.read(path, as_version=4).cells):
            for tag in cell.metadata.get("tags", []):
                if tag.startswith("twin:"):
                    name = tag.removeprefix("twin:")
                    yield pytest.param(path, index, name, id=f"{path.stem[:2]}-{name}")


def built_by(path, index):
    """The names that the imports and the twin cells of a notebook define, up to a cell."""
    cells = nbformat.read(path, as_version=4).cells
    setup = next(cell for cell in cells if cell.cell_type == "code")
    statements = ast.parse(setup.source).body
    imports = [s for s in statements if isinstance(s, ast.Import | ast.ImportFrom)]
    names = {}
    exec(compile(ast.Module(imports, type_ignores=[]), path.name, "exec"), names)
    for cell in cells[: index + 1]:
        if any(tag.startswith("twin:") for tag in cell.metadata.get("tags", [])):
            exec(cell.source, names)
    return names


def of_a_tensor(ours, theirs):
    """Functions of one tensor: values and gradients, ties among the inputs, the same noise."""
    ties = torch.arange(-20, 21) / 2
    for z in (ties, 10 * torch.randn(3, 4, 5), 0.3 * torch.randn(1000, dtype=torch.float64)):
        results = []
        for function in (ours, theirs):
            torch.manual_seed(3)  # for those that draw noise
            leaf = z.clone().requires_grad_()
            value = function(leaf)
            gradient = torch.zeros(())
            if value.requires_grad:
                gradient = torch.autograd.grad(value.sum(), leaf)[0]
            results.append((value, gradient))
        (value, gradient), (held_value, held_gradient) = results
        assert value.dtype == held_value.dtype and torch.equal(value, held_value)
        assert torch.equal(gradient, held_gradient)


COMPARISONS = {
    "quantization.round_half_up": of_a_tensor,
    "quantization.add_uniform_noise": of_a_tensor,
    "quantization.round_straight_through": of_a_tensor,
}


@pytest.mark.parametrize("path, index, name", list(twins()))
def test_a_lesson_builds_what_the_library_holds(path, index, name):
    torch.manual_seed(0)
    module, function = name.split(".")
    ours = built_by(path, index)[function]
    theirs = getattr(importlib.import_module(f"rdalib.{module}"), function)
    assert ours is not theirs  # an import is no twin
    COMPARISONS[name](ours, theirs)


def test_every_comparison_has_its_lesson():
    assert {parameter.values[2] for parameter in twins()} == set(COMPARISONS)
