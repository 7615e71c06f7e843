"""Measure every codec on Kodak; keep the means in the package and in the README.

    rda fetch kodak
    python tests/benchmarks/kodak.py                        # an hour or two
    python tests/benchmarks/kodak.py context                # one of our models, after new weights
    python tests/benchmarks/kodak.py avif --keep rows.jsonl  # goes on where it was stopped

What is not named keeps its points. JPEG XL needs pillow-jxl-plugin. Lesson 11 and the README draw
from rdalib/kodak/measured.json, so that they need no pictures of Kodak. To be run once after new
weights were chosen on the validation photographs. --keep names a file to which every point is
added as it is measured.
"""

import argparse
import json
import re
from datetime import date
from pathlib import Path

from tqdm import tqdm

from rdalib import Codec, classical, datasets, evaluation, plots
from rdalib.codec import DEFAULT_MODEL
from rdalib.files import write_file
from rdalib.kept_points import KeptPoints

PACKAGE = Path(evaluation.__file__).parent
TARGET = PACKAGE / "kodak" / "measured.json"
README = PACKAGE.parent / "README.md"
RATES = (0.1, 0.2, 0.4, 0.8)
MODELS = ("context", "hyperprior", "factorized")
LABELS = {
    "context": "**`context`, the default**",
    "hyperprior": "`hyperprior`: side information, no context",
    "factorized": "`factorized`, the lessons' thread",
    **{name: plots.STYLES[name][0] for name in (*classical.CODECS, "jpegxl")},
}


def main(arguments):
    paths = datasets.photo_paths(datasets.find("kodak"))
    known = KeptPoints(arguments.keep) if arguments.keep else None
    result = json.loads(TARGET.read_text())
    for name in arguments.codecs or LABELS:
        codec, kind = (Codec.load(name), "rda") if name in MODELS else (None, name)
        measured = evaluation.evaluate(paths, (kind,), codec, progress=tqdm, known=known)
        result["codecs"][name] = measured["codecs"][kind]
        for point in result["codecs"][name]:
            for key in ("per_image", *evaluation.SECONDS):  # seconds are this machine's today
                del point[key]
        result["dates"][name] = date.today().isoformat()
        if codec:
            result["weights"][name] = codec.about
        finish(result)
    print(results_table(result))


def finish(result):
    """Write the data file and the README's table."""
    result["codecs"] = {n: result["codecs"][n] for n in LABELS if n in result["codecs"]}
    result["dates"] = {n: result["dates"][n] for n in result["codecs"]}
    result["bd_rate_percent"] = evaluation.bd_rates(result["codecs"], DEFAULT_MODEL)
    write_file(TARGET, (json.dumps(result, indent=1) + "\n").encode())
    write_file(README, with_results(README.read_text(), results_table(result)).encode())


def results_table(result):
    """The README's table: PSNR at four rates, MS-SSIM at the first, BD-rates of the default."""
    rates = " | ".join(f"{rate} bpp" for rate in RATES)
    lines = [
        f"| | {rates} | MS-SSIM at {RATES[0]} bpp | the default's BD-rate against it |",
        "|---" * (len(RATES) + 3) + "|",
    ]
    for name, points in result["codecs"].items():
        cells = [_cell(evaluation.at_rate(points, rate), ".2f", " dB") for rate in RATES]
        cells.append(_cell(evaluation.at_rate(points, RATES[0], "ms_ssim"), ".4f", ""))
        against = result["bd_rate_percent"].get(f"{DEFAULT_MODEL} vs {name}")
        cells.append(_cell(against, "+.1f", " %"))
        lines.append(f"| {LABELS[name]} | " + " | ".join(cells) + " |")
    by_date = {}
    for name, day in result["dates"].items():
        by_date.setdefault(day, []).append(name)
    days = "; ".join(f"{day}: {', '.join(names)}" for day, names in sorted(by_date.items()))
    lines += ["", "Measured by `python tests/benchmarks/kodak.py`, " + days + "."]
    lines[-1] += " A dash: the codec has no file that small. Each model is one set of weights for"
    lines[-1] += " all rates; the last run that made it:"
    lines.append("")
    for name in (name for name in LABELS if name in result["weights"]):
        about = result["weights"][name]
        words = "; ".join(f"{key} {value}" for key, value in sorted(about.items()))
        lines.append(f"- {LABELS[name]}: {words}")
    return "\n".join(lines)


def _cell(value, form, unit):
    return "-" if value is None else format(value, form) + unit


def with_results(readme, table):
    """The README's text with the table between its marks."""
    marks = re.compile(r"(<!-- results -->\n).*?(<!-- /results -->)", re.DOTALL)
    return marks.sub(lambda match: match[1] + table + "\n" + match[2], readme)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("codecs", nargs="*", choices=[*LABELS, []], metavar="CODEC")
    parser.add_argument("--keep", metavar="FILE.jsonl")
    main(parser.parse_args())
