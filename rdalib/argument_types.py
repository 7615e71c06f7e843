"""Types of arguments: each takes the text and returns the value, or says what would do."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def patch(text: str) -> int:
    side = _number(text, int, 64, math.inf, "a multiple of 64 from 64 up")
    if side % 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a multiple of 64")
    return side


def count_from_0(text: str) -> int:
    return _number(text, int, 0, math.inf, "a whole number from 0 up")


def count(text: str) -> int:
    return _number(text, int, 1, math.inf, "a whole number from 1 up")


def level(text: str) -> int:
    return _number(text, int, 0, 63, "a whole number from 0 to 63")


def levels(text: str) -> list[int]:
    return sorted({level(part.strip()) for part in text.split(",")})


def positive(text: str) -> float:
    return _number(text, float, sys.float_info.min, sys.float_info.max, "a number above 0")


def _number(text: str, kind: Callable[[str], Any], low: float, high: float, meaning: str) -> Any:
    try:
        number = kind(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:  # NaN fails too
        raise argparse.ArgumentTypeError(f"{text!r} is not {meaning}")
    return number


def codec_names(text: str) -> list[str]:
    from rdalib import classical

    known = ("rda", *classical.AVAILABLE)
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name == "jpegxl" and name not in known:
            raise argparse.ArgumentTypeError("jpegxl needs: pip install pillow-jxl-plugin")
        if name not in known:
            raise argparse.ArgumentTypeError(f"no codec {name!r}; there are {', '.join(known)}")
    return names


def figure_name(text: str) -> str:
    if Path(text).suffix.lower() not in (".png", ".jpg", ".jpeg", ".pdf", ".svg"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .png, .jpg, .pdf or .svg")
    return text
