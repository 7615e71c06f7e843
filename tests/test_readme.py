"""The README says what was measured, and nothing else."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from rdalib.codec import DEFAULT_MODEL
from rdalib.shipped import shipped_names

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.fixture
def kodak():
    path = ROOT / "tests" / "benchmarks" / "kodak.py"
    spec = importlib.util.spec_from_file_location("kodak", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_results_are_those_of_the_measured_file(kodak):
    measured = json.loads((ROOT / "rdalib" / "kodak" / "measured.json").read_text())
    table = kodak.results_table(measured)
    assert table in README
    assert kodak.with_results(README, table) == README


def test_every_model_that_ships_has_a_row_and_its_weights(kodak):
    measured = json.loads((ROOT / "rdalib" / "kodak" / "measured.json").read_text())
    assert set(measured["weights"]) == set(kodak.MODELS) == set(shipped_names())
    assert set(measured["dates"]) == set(measured["codecs"]) >= {*kodak.MODELS, "jpeg2000", "avif"}
    assert {
        f"{DEFAULT_MODEL} vs {name}" for name in measured["codecs"] if name != DEFAULT_MODEL
    } == (set(measured["bd_rate_percent"]))


def test_every_file_the_readme_links_to_is_there():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_lambda_conversions():
    assert f"{255**2 // 3} λ" in README
    assert f"{255**2 * 0.6931471805599453 / 3:.0f} λ" in README
