"""Choose between weights: real files of the validation photographs, small and large.

    rda fetch bsds500; rda fetch large
    python tests/benchmarks/validation.py --keep points.jsonl factorized hyperprior mine.safetensors
    python tests/benchmarks/validation.py --keep points.jsonl context --effort 100 --sets bsds500

Three sets: the 40 of BSDS500; the centre of each of the 8 large ones, 1536 x 1024 pixels of it at
native size; the 8 whole, scaled to 1536 pixels on their longer side. BD-rate by RGB PSNR against
JPEG 2000 photograph by photo, then its mean and its worst. What --keep names holds every measured
point, so that a run that was stopped goes on, and only new weights are measured.
"""

import argparse

import numpy as np
from PIL import Image
from tqdm import tqdm

from rdalib import Codec, classical, datasets, evaluation
from rdalib.images import photo_to_tensor
from rdalib.kept_points import KeptPoints
from rdalib.photo_files import open_rgb

QUALITIES = (4, 13, 22, 31, 40, 49, 58)
RIVALS = ("jpeg", "webp", "avif")  # beside JPEG 2000
SETS = ("bsds500", "large")
WIDE, HIGH = 1536, 1024


def photographs(sets):
    """(set, name, a Pillow image) of every photograph, each read when its turn comes."""
    for path in datasets.validation_paths("bsds500") if "bsds500" in sets else ():
        yield "bsds500", path.name, open_rgb(path, lambda text: None)
    for path in datasets.validation_paths("large") if "large" in sets else ():
        image = open_rgb(path, lambda text: None)
        wide, high = (WIDE, HIGH) if image.width >= image.height else (HIGH, WIDE)
        left, top = (image.width - wide) // 2, (image.height - high) // 2
        yield "native size", path.name, image.crop((left, top, left + wide, top + high))
        factor = WIDE / max(image.size)
        small = [round(side * factor) for side in image.size]
        yield "scaled to 1536", path.name, image.resize(small, Image.Resampling.LANCZOS)


def points(codec_name, codec, image, effort):
    """[[bpp, PSNR], ...] of one codec on one photograph, by real files."""
    y = photo_to_tensor(image)
    settings = QUALITIES if codec else classical.SETTINGS[codec_name]
    measured = [
        evaluation.measure("rda" if codec else codec_name, setting, y, codec, effort=effort)
        for setting in settings
    ]
    return [[m["bpp"], m["psnr_rgb"]] for m in measured if m["psnr_rgb"] is not None]


def main(arguments):
    known = KeptPoints(arguments.keep)
    ours = {}
    for name in arguments.models:
        codec = Codec.load(name)
        effort = f", effort {arguments.effort}" if arguments.effort else ""
        ours[f"{name} {codec.weights_id.hex()}{effort}"] = codec
    rivals = dict.fromkeys(("jpeg2000", *(RIVALS if arguments.rivals else ())))
    rates = {}  # (set, codec): {photograph: BD-rate in percent}
    for group, name, image in tqdm(photographs(arguments.sets)):
        curves = {}
        for key, codec in {**rivals, **ours}.items():
            place = f"{group}/{name}/{key}"
            if place not in known:
                known[place] = points(key, codec, image, arguments.effort if codec else 0)
            curves[key] = np.array(known[place]).T
        for key, curve in curves.items():
            rate = evaluation.bd_rate(*curves["jpeg2000"], *curve)
            rates.setdefault((group, key), {})[name] = rate
    print(f"{'BD-rate against JPEG 2000':34}{'set':>16}{'mean':>9}{'worst':>9}  photograph")
    for (group, key), by_photo in sorted(rates.items(), key=lambda item: item[0][::-1]):
        found = {name: rate for name, rate in by_photo.items() if rate is not None}
        if key != "jpeg2000" and found:
            worst = max(found, key=found.get)
            mean = sum(found.values()) / len(found)
            print(f"{key:34}{group:>16}{mean:+8.1f}%{found[worst]:+8.1f}%  {worst}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", help="names of models, or .safetensors files")
    parser.add_argument("--keep", required=True, metavar="FILE.jsonl")
    parser.add_argument("--effort", type=int, default=0)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--rivals", action="store_true", help="JPEG, WebP and AVIF, too")
    main(parser.parse_args())
