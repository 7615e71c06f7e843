"""The gain over JPEG 2000 by size of the photograph, for lesson 11.

    rda fetch large
    python tests/benchmarks/sizes.py                     # about a quarter of an hour
    python tests/benchmarks/sizes.py --keep points.jsonl --minutes 2    # in pieces

The eight validation photographs of `large`, each scaled to several longer sides and once not
scaled, and a window of 768 x 512 pixels from its middle: real files, RGB PSNR, BD-rate photograph
by photograph. Beside it, of the bits of z that `hyperprior` spends, the share of channels 0 to 7.
What --keep holds is not measured again: after new weights, theirs alone. Writes
rdalib/kodak/sizes.json when all is there.
"""

import argparse
import json
import time
from pathlib import Path
from tempfile import gettempdir

import numpy as np
from PIL import Image

from rdalib import Codec, datasets, evaluation
from rdalib.files import write_file
from rdalib.images import photo_to_tensor
from rdalib.kept_points import KeptPoints
from rdalib.photo_files import open_rgb

PLACE = Path(evaluation.__file__).parent / "kodak" / "sizes.json"
SIDES = {"768": 768, "1536": 1536, "3072": 3072, "native": None}  # the longer side in pixels
WIDE, HIGH = 768, 512
MODELS = ("hyperprior", "context")
LEVELS = (4, 13, 22, 31, 40, 49)
RATES = (0.03, 0.06, 0.12, 0.25, 0.5, 0.9, 1.5)  # of JPEG 2000
FIRST, LEVEL = 8, 22  # channels whose share is counted, and where


def windows(paths):
    """(photograph, side, y) for every window, each read when its turn comes."""
    for path in paths:
        image = open_rgb(path, lambda text: None)
        for name, side in SIDES.items():
            factor = side / max(image.size) if side else 1
            size = [round(length * factor) for length in image.size]
            scaled = image.resize(size, Image.Resampling.LANCZOS) if side else image
            wide, high = (WIDE, HIGH) if image.width >= image.height else (HIGH, WIDE)
            wide, high = min(wide, scaled.width), min(high, scaled.height)
            left, top = (scaled.width - wide) // 2, (scaled.height - high) // 2
            cut = scaled.crop((left, top, left + wide, top + high))
            yield path.stem, name, photo_to_tensor(cut)


def points(name, codec, y):
    kind, settings = ("rda", LEVELS) if codec else (name, RATES)
    measured = [evaluation.measure(kind, setting, y, codec) for setting in settings]
    return [[m["bpp"], m["psnr_rgb"]] for m in measured if m["psnr_rgb"] is not None]


def share(codec, y):
    """The share of the bits of z that channels 0 to 7 ask for, by their tables."""
    latents = codec.latent_coder.quantize(codec.analyse(y), LEVEL)
    bits = np.zeros(latents.z_rounded.shape)
    for index in np.unique(latents.table_index):
        table = codec.latent_coder.scale_tables[index]
        here = latents.table_index == index
        bits[here] = table.bits[table.index(latents.z_rounded[here])]
    return float(bits[:FIRST].sum() / bits.sum())


def main(arguments):
    known = KeptPoints(arguments.keep)
    codecs = {name: Codec.load(name) for name in MODELS}
    again = [f"{name} {codecs[name].weights_id.hex()}" for name in MODELS]
    keys = {"jpeg2000": None} | dict(zip(again, codecs.values(), strict=True))
    paths = datasets.validation_paths("large")[: arguments.limit]
    end = time.monotonic() + 60 * arguments.minutes
    for photo, side, y in windows(paths):
        for key, codec in keys.items():
            place = f"{photo}/{side}/{key}"
            if place not in known:
                known[place] = points(key, codec, y)
        place = f"{photo}/{side}/share"
        if place not in known:
            known[place] = share(codecs["hyperprior"], y)
        if time.monotonic() > end:
            print(f"stopped at {photo}, {side}: run it again")
            return
    result = {"about": __doc__.splitlines()[0], "bd_rate": {}, "share": {}}
    for name, key in zip(MODELS, again, strict=True):
        result["bd_rate"][name] = table(paths, lambda place, key=key: rate(known, place, key))
    result["share"] = table(paths, lambda place: known[f"{place}/share"])
    write_file(PLACE, (json.dumps(result, indent=1) + "\n").encode())
    for name, by_side in result["bd_rate"].items():
        means = {side: np.mean(list(row.values())) for side, row in by_side.items()}
        print(name, " ".join(f"{side}: {mean:+.1f} %" for side, mean in means.items()))


def rate(known, place, key):
    return evaluation.bd_rate(
        *np.array(known[f"{place}/jpeg2000"]).T, *np.array(known[f"{place}/{key}"]).T
    )


def table(paths, value):
    """{side: {photograph: value}}, without those that have none."""
    rows = {side: {path.stem: value(f"{path.stem}/{side}") for path in paths} for side in SIDES}
    return {
        side: {name: v for name, v in row.items() if v is not None} for side, row in rows.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", default=f"{gettempdir()}/sizes.jsonl", metavar="FILE.jsonl")
    parser.add_argument("--minutes", type=float, default=1000)
    parser.add_argument("--limit", type=int, help="photographs; all 8 by default")
    main(parser.parse_args())
