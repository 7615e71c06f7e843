"""Make the students' releases from the sources: python assignments/release.py

assignments/source/NAME/*.ipynb becomes assignments/release/NAME/*.ipynb, without solutions and
hidden checks, by nbgrader's own steps: two runs write the same bytes. Other files of a source
folder (an expected picture, say) are copied, unless their names begin with "hidden_".

A release whose answer cells differ from what is to be written there may be somebody's solved set:
then nothing is written, unless --force is given.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

import nbformat
from nbgrader.converters.generate_assignment import GenerateAssignment
from nbgrader.preprocessors import SaveCells
from traitlets.config.loader import PyFileConfigLoader

FOLDER = Path(__file__).resolve().parent
STEPS = [
    step for step in GenerateAssignment().preprocessors if step is not SaveCells
]  # no database


def release(source):
    """The release of a source notebook, as a notebook. source: a path."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(FOLDER)).load_config()
    notebook, resources = nbformat.read(source, as_version=4), {}
    for step in STEPS:
        notebook, resources = step(config=config).preprocess(notebook, resources)
    return notebook


class Answered(ValueError):
    """Answers stand where a release is to be written. The message names them."""


def release_all(sources=FOLDER / "source", to=FOLDER / "release", force=False):
    """Write the release of every source folder. Returns the paths written.

    Raises: Answered, before anything is written, unless force is given.
    """
    made = {}
    for path in sorted(path for path in sources.glob("*/[!.]*") if path.is_file()):
        if not path.name.startswith("hidden_"):
            target = to / path.relative_to(sources)
            made[target] = release(path) if path.suffix == ".ipynb" else path
    answered = {target: answers(target, new) for target, new in made.items() if target.exists()}
    lines = [f"{target}: {', '.join(ids)}" for target, ids in answered.items() if ids]
    if lines and not force:
        raise Answered("\n".join(["answers that a release would overwrite:", *lines]))
    for target, new in made.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".ipynb":
            nbformat.write(new, target)
        else:
            shutil.copyfile(new, target)
    return list(made)


def answers(target, new):
    """The answer cells of the notebook at `target` that differ from those of the notebook `new`."""
    if target.suffix != ".ipynb":
        return []
    try:
        old = answer_cells(nbformat.read(target, as_version=4))
    except Exception:  # whatever stands there, it is no release of ours
        return ["the file is no notebook"]
    stubs = answer_cells(new)
    return [grade_id for grade_id, source in old if (grade_id, source) not in stubs]


def answer_cells(notebook):
    """[(grade_id, source)] of a notebook's answers, written ones among them."""
    cells = [(cell.metadata.get("nbgrader", {}), cell.source) for cell in notebook.cells]
    return [(meta.get("grade_id"), source) for meta, source in cells if meta.get("solution")]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--force", action="store_true", help="overwrite answers too")
    try:
        written = release_all(force=parser.parse_args(arguments).force)
    except Answered as error:
        print(error, file=sys.stderr)
        print("Keep a copy if it is a solved set, or write over it: --force", file=sys.stderr)
        return 1
    for path in written:
        print(os.path.relpath(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
