"""The command `rda`."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module

from rdalib.arguments import parser
from rdalib.terminal import complain, explain

MODULES = {  # where each command is
    "compress": "codec_commands",
    "decompress": "codec_commands",
    "info": "codec_commands",
    "compare": "evaluation_commands",
    "evaluate": "evaluation_commands",
    "train": "train_command",
    "fetch": "fetch_command",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. argv: list of words, by default the process's. Returns the exit status.

    0: done; 1: done, but for files that were left out and named; 2: bad input, said in one line on
    standard error; 130: interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that it cannot show is no failure
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        _check_dashes(words)
        arguments = parser().parse_args(words)
    except SystemExit as stop:  # --help ends with 0, bad usage with 2
        return int(stop.code or 0)
    try:
        # PyTorch is slow to import, and neither --help nor `rda info` need wait for it.
        commands = import_module(f"rdalib.{MODULES[arguments.command]}")
        return getattr(commands, arguments.command)(arguments) or 0
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except Exception as error:
        message = explain(error, arguments.command)
        if message is None:
            raise
        complain(message)
        return 2


def _check_dashes(words: Sequence[str]) -> None:
    """argparse takes a file's name that begins with a dash for an option that it does not know."""
    for word in words[: words.index("--")] if "--" in words else words:
        name = word.startswith("-") and (os.path.lexists(word) or re.match("-[^-0-9.]..", word))
        if name:
            complain(f"{word} begins with a dash, as options do; for a file write ./{word}")
            raise SystemExit(2)


if __name__ == "__main__":
    sys.exit(main())
