"""What the commands share: what they say on the terminal, and checks of what they will write."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from rdalib.files import check_writable

if TYPE_CHECKING:
    from argparse import ArgumentParser

PROGRAM = "rda"
EXTRAS = {  # what brings the modules that compress and decompress do without
    "evaluate": ("matplotlib", "scipy", "torchmetrics"),
    "train": ("pooch", "requests"),
    "lab": ("skimage",),
}


def note(text: str) -> None:
    """Say something on standard error, where it is no part of the output."""
    print(f"note: {text}", file=sys.stderr)


def complain(message: str) -> None:
    """Say what is wrong on standard error, in one line."""
    print(f"{PROGRAM}: {' '.join(message.splitlines())}", file=sys.stderr)


def explain(error: BaseException, command: str = "") -> str | None:
    """What is wrong, for the user: bad input, a machine too small. None for a mistake of ours."""
    if isinstance(error, ModuleNotFoundError):
        missing = (error.name or "").partition(".")[0]
        for extra, modules in EXTRAS.items():
            if missing in modules:
                return f"this needs {missing}: pip install 'rdalib[{extra}]'"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return where + error.strerror.lower() if error.strerror else str(error)
    if isinstance(error, ValueError):  # BitstreamError, PhotoError and all that the library refuses
        return str(error)
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "allocate" in str(error)
    ):
        what = "use a smaller --batch" if command == "train" else "use a smaller picture"
        return f"not enough memory: {what}"
    return None


@contextmanager
def refining(effort: int) -> Iterator[Callable[[float], None]]:
    """Give what a refinement calls with its loss: a bar that shows it, or nothing at effort 0."""
    if not effort:
        yield lambda loss: None
        return
    with bar("refining", "step")(total=None) as steps:

        def progress(loss: float) -> None:
            steps.set_postfix_str(f"loss {loss:.3f} of the first", refresh=False)
            steps.update()

        yield progress


def bar(what: str, unit: str, disable: bool | None = None) -> Callable[..., Any]:
    """A function that wraps a list in a progress bar, or makes a bar from keywords.

    disable: None for a bar on a terminal only, so that logs and error messages stay readable.
    """
    from tqdm import tqdm  # only here: `rda info` has no bar

    return partial(tqdm, desc=what, unit=unit, dynamic_ncols=True, leave=False, disable=disable)


def check_output(path: str | os.PathLike[str], *inputs: str | os.PathLike[str]) -> None:
    """Refuse before the work what cannot be written after it, and to replace what is read."""
    check_writable(path)
    for other in inputs:
        if os.path.exists(path) and os.path.exists(other) and os.path.samefile(path, other):
            raise ValueError(f"{path} is the file to read; name another one to write")


def refusing_in_one_line(parser: ArgumentParser) -> ArgumentParser:
    """argparse prints the whole usage before what is wrong; print what is wrong."""

    def error(message: str) -> NoReturn:
        parser.exit(2, f"{parser.prog}: {message}; see {parser.prog} --help\n")

    parser.error = error  # type: ignore[method-assign]
    return parser
