"""CSV files as spreadsheets and learning management systems write them, read and written back."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path


class TableError(ValueError):
    """A table that cannot be used. The message is one line for the instructor."""


@dataclass
class Table:
    """A CSV file in memory: what is not changed is written back as it was read."""

    path: Path
    header: list  # names of columns, as they stand in the file
    rows: list  # lists of text, as long as the header or longer
    delimiter: str = ","
    encoding: str = "utf-8"
    newline: str = "\n"
    first: list = field(default_factory=list)  # Excel's line "sep=;", if there is one

    def column(self, *names):
        """The index of the first column with one of these names, in any case; None without one."""
        wanted = {name.casefold() for name in names}
        found = [i for i, name in enumerate(self.header) if name.strip().casefold() in wanted]
        return found[0] if found else None

    def text(self):
        """The file's text, to be written in `encoding` with no change of line ends."""
        out = io.StringIO()
        out.writelines(line + self.newline for line in self.first)
        writer = csv.writer(out, delimiter=self.delimiter, lineterminator=self.newline)
        writer.writerows([self.header, *self.rows])
        return out.getvalue()


def read_table(path):
    """A CSV file: commas, semicolons or tabs; UTF-8, UTF-16 or Windows' Western European letters.

    Raises: TableError, if it holds no table; OSError.
    """
    path = Path(path)
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    else:
        encoding = "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        encoding = "cp1252"
        text = data.decode(encoding, "replace")
    lines = text.splitlines()
    first = lines[:1] if lines and lines[0].casefold().startswith("sep=") else []
    text = text[text.find("\n") + 1 :] if first else text
    head = text.lstrip().splitlines()[:1]
    if not head or "\0" in text:
        raise TableError(f"{path}: this is no table; save it as CSV")
    delimiter = max(",;\t", key=lambda c: len(next(csv.reader(head, delimiter=c))))
    header, *rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    rows = [row + [""] * (len(header) - len(row)) for row in rows]
    newline = "\r\n" if "\r\n" in text else "\n"
    return Table(path, header, rows, delimiter, encoding, newline, first)
