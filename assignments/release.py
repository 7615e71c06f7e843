"""Make the students' releases from the sources: python assignments/release.py

assignments/source/NAME/*.ipynb becomes assignments/release/NAME/*.ipynb, without solutions and
hidden checks, by nbgrader's own steps: two runs write the same bytes. Other files of a source
folder (an expected picture, say) are copied, unless their names begin with "hidden_".
"""

import shutil
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


def release_all(sources=FOLDER / "source", to=FOLDER / "release"):
    """Write the release of every source folder. Returns the paths written."""
    written = []
    for path in sorted(path for path in sources.glob("*/[!.]*") if path.is_file()):
        if path.name.startswith("hidden_"):
            continue
        target = to / path.relative_to(sources)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".ipynb":
            nbformat.write(release(path), target)
        else:
            shutil.copyfile(path, target)
        written.append(target)
    return written


if __name__ == "__main__":
    for path in release_all():
        print(path.relative_to(FOLDER))
