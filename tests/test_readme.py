"""The README says what was measured, and nothing else."""

import importlib.util
import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_results_are_those_of_the_measured_file():
    path = ROOT / "tests" / "benchmarks" / "kodak.py"
    spec = importlib.util.spec_from_file_location("kodak", path)
    kodak = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kodak)
    measured = json.loads((ROOT / "rdalib" / "kodak" / "measured.json").read_text())
    table = kodak.results_table(measured)
    assert table in README
    assert kodak.with_results(README, table) == README


def test_every_file_the_readme_links_to_is_there():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_lambda_conversions():
    assert f"{255**2 // 3} λ" in README
    assert f"{255**2 * 0.6931471805599453 / 3:.0f} λ" in README
