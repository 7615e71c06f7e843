"""Replace a file whole or not at all: write beside it, then rename."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raises: OSError, with a line that says why, unless a file can be written at `path`.

    For commands that work long before they write: better to know at once.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a file in it")
    if target.exists() and not target.is_file():  # a file renamed to /dev/null would replace it
        raise OSError(f"{path} is not a regular file; name another")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {target.parent}; make it first")
    for needed in (target.parent, target):
        if needed.exists() and not os.access(needed, os.W_OK):
            raise PermissionError(f"{path}: no permission to write to {needed}")


@contextmanager
def written_beside(path: str | os.PathLike[str]) -> Iterator[str]:
    """Give the path of a temporary file; rename it to `path` if the block ends without an error.

    Readers of `path` see the old file or the new one, never half of one; after an error no trace
    of the new one stays. Raises: OSError, which names `path`.
    """
    check_writable(path)
    target = Path(os.path.realpath(path))  # a link stays a link
    # Not by tempfile, whose files are private: the system gives this one the rights of a new file.
    beside = f"{target.parent}/.rda-{secrets.token_hex(8)}{target.suffix}"
    os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        rights = stat.S_IMODE((target if target.exists() else Path(beside)).stat().st_mode)
        os.chmod(beside, rights | stat.S_IWUSR)  # from the start: what is replaced may be private
        yield beside
        os.chmod(beside, rights)
        os.replace(beside, target)
    except BaseException as error:
        os.unlink(beside)
        if isinstance(error, OSError) and error.errno:
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def write_file(path: str | os.PathLike[str], data: bytes | memoryview) -> None:
    """Write bytes to `path`, whole or not at all. Raises: OSError."""
    with written_beside(path) as beside:
        Path(beside).write_bytes(data)
