"""Measure every codec on Kodak and keep the means in the package: rdalib/kodak/measured.json.

    rda fetch kodak
    python tests/benchmarks/kodak.py

Lesson 09 and the README draw from that file, so that they need no pictures of Kodak. Run it once
after new weights were chosen on the validation photographs; it takes about half an hour.
With the argument --ours it measures our codec alone and keeps the other codecs' points.
"""

import json
import sys
from datetime import date
from pathlib import Path

from tqdm import tqdm

from rdalib import Codec, classical, datasets, evaluation
from rdalib.codec import DEFAULT_MODEL
from rdalib.files import write_file

TARGET = Path(evaluation.__file__).parent / "kodak" / "measured.json"


def main(ours_alone):
    codec = Codec.load(DEFAULT_MODEL)
    names = ("rda",) if ours_alone else ("rda", *classical.CODECS)
    paths = datasets.photo_paths(datasets.find("kodak"))
    measured = evaluation.evaluate(paths, names, codec, progress=tqdm)["codecs"]
    for points in measured.values():
        for point in points:
            del point["per_image"]
    if ours_alone:
        measured = json.loads(TARGET.read_text())["codecs"] | measured
    result = {
        "about": "Kodak, mean of 24 photographs, real files. " + Path(__file__).name,
        "date": date.today().isoformat(),
        "weights": codec.about,
        "codecs": measured,
        "bd_rate_percent": evaluation.bd_rates(measured),
    }
    write_file(TARGET, (json.dumps(result, indent=1) + "\n").encode())
    for pair, percent in result["bd_rate_percent"].items():
        print(f"{pair:20}{percent:+8.1f} %")


if __name__ == "__main__":
    main(ours_alone="--ours" in sys.argv[1:])
