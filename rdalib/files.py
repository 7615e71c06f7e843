"""Replace a file whole or not at all: write beside it, then rename."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path


def check_writable(path):
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
def written_beside(path):
    """Give the path of a temporary file; rename it to `path` if the block ends without an error.

    Readers of `path` see the old file or the new one, never half of one; after an error no trace
    of the new one stays. Raises: OSError, which names `path`.
    """
    check_writable(path)
    target = Path(os.path.realpath(path))  # a link stays a link
    handle, beside = tempfile.mkstemp(dir=target.parent, prefix=".rda-", suffix=target.suffix)
    os.close(handle)
    try:
        yield beside
        # mkstemp makes files private; give this one the rights of any newly created file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(beside, 0o666 & ~mask)
        os.replace(beside, target)
    except BaseException as error:
        os.unlink(beside)
        if isinstance(error, OSError) and error.errno:
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def write_file(path, data):
    """Write bytes to `path`, whole or not at all. Raises: OSError."""
    with written_beside(path) as beside:
        Path(beside).write_bytes(data)
