"""Measure every codec on Kodak; keep the means in the package and in the README.

    rda fetch kodak
    python tests/benchmarks/kodak.py                   # an hour, most of it AVIF's
    python tests/benchmarks/kodak.py rda factorized    # our models alone, the others' points kept

JPEG XL needs pillow-jxl-plugin. Lesson 11 and the README draw from rdalib/kodak/measured.json, so
that they need no pictures of Kodak. To be run once after new weights were chosen on the validation
photographs.
"""

import json
import re
import sys
from datetime import date
from pathlib import Path

from tqdm import tqdm

from rdalib import Codec, classical, datasets, evaluation, plots
from rdalib.files import write_file

PACKAGE = Path(evaluation.__file__).parent
TARGET = PACKAGE / "kodak" / "measured.json"
README = PACKAGE.parent / "README.md"
RATES = (0.1, 0.2, 0.4, 0.8)
MODELS = {"rda": None, "factorized": "factorized"}  # None: the default
LABELS = {
    "rda": "**this codec**",
    "factorized": "its factorised model, the lessons' thread",
    **{name: plots.STYLES[name][0] for name in (*classical.CODECS, "jpegxl")},
}


def main(names):
    paths = datasets.photo_paths(datasets.find("kodak"))
    result = json.loads(TARGET.read_text())
    measured = result["codecs"]
    for name in names:
        codec = Codec.load(MODELS[name]) if name in MODELS else None
        kind = "rda" if name in MODELS else name
        measured[name] = evaluation.evaluate(paths, (kind,), codec, progress=tqdm)["codecs"][kind]
        for point in measured[name]:
            for key in ("per_image", *evaluation.SECONDS):  # seconds are this machine's today
                del point[key]
        if codec:
            result["weights"][name] = codec.about
    result["codecs"] = {name: measured[name] for name in LABELS if name in measured}
    result["bd_rate_percent"] = evaluation.bd_rates(result["codecs"])
    result["date"] = date.today().isoformat()
    write_file(TARGET, (json.dumps(result, indent=1) + "\n").encode())
    table = results_table(result)
    write_file(README, with_results(README.read_text(), table).encode())
    print(table)


def results_table(result):
    """The README's table: PSNR at four rates, MS-SSIM at the first, our BD-rate against each."""
    rates = " | ".join(f"{rate} bpp" for rate in RATES)
    lines = [
        f"| | {rates} | MS-SSIM at {RATES[0]} bpp | our BD-rate against it |",
        "|---" * (len(RATES) + 3) + "|",
    ]
    for name, points in result["codecs"].items():
        cells = [_cell(evaluation.at_rate(points, rate), ".2f", " dB") for rate in RATES]
        cells.append(_cell(evaluation.at_rate(points, RATES[0], "ms_ssim"), ".4f", ""))
        cells.append(_cell(result["bd_rate_percent"].get(f"rda vs {name}"), "+.1f", " %"))
        lines.append(f"| {LABELS[name]} | " + " | ".join(cells) + " |")
    lines += ["", f"Measured {result['date']} by `python tests/benchmarks/kodak.py`."]
    lines[-1] += " A dash: the codec has no file that small. Each model is one set of weights for"
    lines[-1] += " all rates; the last run that made it:"
    lines.append("")
    for name, about in result["weights"].items():
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
    main(sys.argv[1:] or LABELS)
