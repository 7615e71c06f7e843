"""Measured points, kept in a file while a run lasts: one that was stopped goes on from there."""

from __future__ import annotations

import json
from collections import UserDict
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any


class KeptPoints(UserDict[str, Any]):
    """{what was measured: its values}, in a file of lines of JSON, to which each point is added."""

    def __init__(self, path: str | PathLike[str]) -> None:
        """path: of the file, which need not be there. Lines that are no point are passed over."""
        super().__init__()
        self.path = Path(path)
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        for line in lines:
            try:
                what, values = json.loads(line)
            except ValueError:  # the last, where a run was killed as it wrote
                continue
            self.data[what] = values

    def __setitem__(self, what: str, values: Any) -> None:
        super().__setitem__(what, values)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("\n" + json.dumps([what, values]))  # whatever half a line is there

    def remove(self) -> None:
        """The run is at its end: its results are elsewhere."""
        self.path.unlink(missing_ok=True)


def name_of_point(path: Path, codec: str, settings: Iterable[Any]) -> str:
    """Of what was measured: another photograph, codec or setting has another name."""
    file = path.stat()
    return f"{path} {file.st_size} {file.st_mtime_ns} {codec} {' '.join(map(str, settings))}"
