"""The command `rda`."""

from __future__ import annotations

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
    "train": "commands",
    "fetch": "fetch_command",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. argv: list of words, by default the process's. Returns the exit status.

    0: done; 1: some of several files failed, each named in a line on standard error; 2: bad input,
    said in one line; 130: interrupted.
    """
    try:
        arguments = parser().parse_args(argv)
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
        message = explain(error)
        if message is None:
            raise
        complain(message)
        return 2


if __name__ == "__main__":
    sys.exit(main())
