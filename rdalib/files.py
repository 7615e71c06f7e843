"""Replace a file whole or not at all: write beside it, then rename."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_beside(path):
    """Give the path of a temporary file; rename it to `path` if the block ends without an error.

    Readers of `path` see the old file or the new one, never half of one; after an error no trace
    of the new one stays. Raises: OSError if the folder is missing or cannot be written to.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a file in it")
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    try:
        yield beside
        # mkstemp makes files private; give this one the rights of any newly created file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(beside, 0o666 & ~mask)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def write_file(path, data):
    """Write bytes to `path`, whole or not at all. Raises: OSError."""
    with written_beside(path) as beside:
        Path(beside).write_bytes(data)
