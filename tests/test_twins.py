"""What a lesson builds and the library also holds is the same function.

A cell with the tag "twin:module.function" defines `function`; it is run alone and compared with
the library's on random inputs, ties among them, values and gradients.
"""

import importlib
from pathlib import Path

import nbformat
import pytest
import torch

from rdalib.quantization import round_half_up

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def twins():
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            for tag in cell.metadata.get("tags", []):
                if tag.startswith("twin:"):
                    yield pytest.param(cell.source, tag.removeprefix("twin:"), id=tag)


def results(function, z):
    torch.manual_seed(3)  # for those that draw noise
    z = z.clone().requires_grad_()
    value = function(z)
    gradient = torch.autograd.grad(value.sum(), z)[0] if value.requires_grad else None
    return value, gradient


@pytest.mark.parametrize("source, name", list(twins()))
def test_a_lesson_builds_what_the_library_holds(source, name):
    module, function = name.split(".")
    built = {"torch": torch, "round_half_up": round_half_up}
    exec(source, built)
    held = getattr(importlib.import_module(f"rdalib.{module}"), function)
    ties = torch.arange(-20, 21) / 2
    for z in (ties, 10 * torch.randn(3, 4, 5), 0.3 * torch.randn(1000, dtype=torch.float64)):
        (ours, our_gradient), (theirs, their_gradient) = (
            results(f, z) for f in (built[function], held)
        )
        assert ours.dtype == theirs.dtype and torch.equal(ours, theirs)
        assert our_gradient is None or torch.equal(our_gradient, their_gradient)


def test_there_are_twins():
    assert len(list(twins())) >= 3
