"""Execute notebooks and write them back in a normal form: `make notebooks`.

Two runs write the same file, apart from pictures and measured times: metadata that only one
machine knows is dropped, widgets are reduced to their text, and the alternative text of a
figure (the cell's metadata "alt") is copied to the figure. The line "Measured" in the first cell
is brought up to date. Names of notebooks may be given; by default all are executed, in order.
"""

import re
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.output_widget import OutputWidget

FOLDER = Path(__file__).parent
CELL_SECONDS = 600  # a busy machine is slow; what hangs must end
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
MEASURED = re.compile(r"\*\*Measured:\*\*[^\n]*")


class Output(OutputWidget):
    """Where a widget shows its output. It does not send it on to the kernel, which no cell needs:
    nbclient would do so as it waits for the cell's end, and may then sleep through that until the
    timeout (its issue 312).
    """

    def sync_state(self):
        pass


def execute(path):
    """Run one notebook from top to bottom. Returns (seconds, peak memory of its kernel in GB)."""
    notebook = nbformat.read(path, as_version=4)
    start = time.monotonic()
    resources = {"metadata": {"path": FOLDER}}
    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, resources=resources, coalesce_streams=True
    )
    client.widget_registry["@jupyter-widgets/output"]["OutputModel"] = Output
    client.execute()
    seconds = time.monotonic() - start
    kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # this process ran one
    gigabytes = kilobytes / (2**30 if sys.platform == "darwin" else 2**20)
    normalise(notebook)
    first = notebook.cells[0]
    measured = f"**Measured:** {seconds:.0f} s and {gigabytes:.1f} GB of memory on 2 CPU cores"
    first.source = MEASURED.sub(measured, first.source)
    nbformat.write(notebook, path)
    return seconds, gigabytes


def normalise(notebook):
    """Keep what a reader sees; drop what differs from run to run."""
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop("application/vnd.jupyter.widget-view+json", None)
            if "image/png" in data:
                output.metadata = {"image/png": {"alt": cell.metadata.get("alt", "")}}


if __name__ == "__main__":
    paths = [Path(name) for name in sys.argv[1:]] or sorted(FOLDER.glob("*.ipynb"))
    with ProcessPoolExecutor(max_workers=1, max_tasks_per_child=1) as pool:
        for path, (seconds, gigabytes) in zip(paths, pool.map(execute, paths), strict=True):
            print(f"{path.name:32}{seconds:6.1f} s{gigabytes:6.2f} GB", flush=True)
