"""What nbval does not see: that notebooks are whole, in order, and say what a reader needs."""

import json
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MACHINE_PATH = re.compile(r"/(home|root|Users|work|tmp|opt|mnt|usr)/[\w.-]+")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def outputs(notebook):
    return [
        (cell, output)
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


def test_there_are_notebooks():
    assert {"00_compress_a_photo", "11_jpeg_comparison"} <= {path.stem for path in NOTEBOOKS}


def test_cells_were_executed_in_order_from_one(notebook):
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_nothing_was_written_to_stderr_or_raised(notebook):
    for cell, output in outputs(notebook):
        assert output.output_type != "error", cell.id
        assert output.get("name") != "stderr", cell.id


def test_every_picture_has_alternative_text_and_a_sentence_above_it(notebook):
    cells = notebook.cells
    for index, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        pictures = [o for o in cell.outputs if "image/png" in o.get("data", {})]
        for picture in pictures:
            assert len(picture.metadata["image/png"]["alt"]) > 30, cell.id
        if pictures:
            above = cells[index - 1]
            while above.cell_type == "code" and "image/png" not in str(above.outputs):
                index -= 1
                above = cells[index - 1]
            assert above.cell_type == "markdown", cell.id


def test_metadata_is_in_normal_form(notebook):
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


def test_first_cell_says_aims_slides_cost_and_what_to_know(notebook):
    first = notebook.cells[0].source
    assert re.match(r"# \d\d \w", first)
    for heading in ("you will be able to", "**Slides:**", "**Before:**"):
        assert heading in first
    seconds, gigabytes = re.search(r"\*\*Measured:\*\* (\d+) s and ([\d.]+) GB", first).groups()
    assert int(seconds) <= 90 and float(gigabytes) <= 3


def test_cells_are_short(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.source.count("\n") < 30, cell.id
            assert "\n!" not in cell.source and "warnings." not in cell.source, cell.id


def test_there_are_questions_with_folded_answers_and_checkpoints(notebook):
    text = "\n".join(cell.source for cell in notebook.cells)
    assert text.count("**Predict before you run:**") >= 2
    assert text.count("<details>") >= 5 and text.count("<details>") == text.count("</details>")
    assert text.count("assert ") >= 3
    assert "**Takeaway.**" in text


def test_no_path_of_a_machine(notebook):
    assert not MACHINE_PATH.search(json.dumps(notebook))
