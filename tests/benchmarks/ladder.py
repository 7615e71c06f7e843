"""Measure the ladder: what each idea of the course buys, by real files.

    rda fetch bsds500; rda fetch kodak
    python tests/benchmarks/ladder.py            # all rungs, some ten minutes
    python tests/benchmarks/ladder.py context    # one, after new weights; the others are kept
    python tests/benchmarks/ladder.py context_frozen=OLD.safetensors

The photograph is lesson 07's cat. Three rungs are our factorised coder around a linear transform
that nobody trained, with one step for all channels and tables counted on BSDS500, as those of the
trained models are: `dct8`, the cosines of JPEG's 8 x 8 blocks in lesson 07's three colour planes,
`dct16`, those of 16 x 16 blocks, and `klt`, the principal components of 16 x 16 blocks. They send
all 768 numbers of a 16 x 16 block, and are measured on Kodak, too; of the others kodak.py keeps
the points. `context_frozen` is a context model trained alone, on the transforms of the shipped
hyperprior: it is measured where its weights are named. Lessons 07, 08 and 11 draw from
rdalib/kodak/ladder.json.
"""

import json
import math
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from tqdm import tqdm

from rdalib import Codec, classical, datasets, evaluation, ladder
from rdalib.autoencoder import RateDistortionAutoencoder
from rdalib.export import export
from rdalib.files import write_file
from rdalib.images import read_photo
from rdalib.patches import RandomPatches
from rdalib.transforms import STRIDE

PLACE = Path(evaluation.__file__).parent / "kodak" / "ladder.json"
NUMBERS = 3 * STRIDE**2  # of a block
COUNTED = 60  # photographs of BSDS500, for the tables
FIXED = ("dct8", "dct16", "klt")
OLD = "context_frozen"
KEPT = ("setting", *evaluation.METRICS)


def main(names):
    known = json.loads(PLACE.read_text()) if PLACE.exists() else {"cat": {}, "kodak": {}}
    y = ladder.photograph()
    with TemporaryDirectory() as folder:
        for name, _, weights in (each.partition("=") for each in names):
            codec, settings = None, classical.SETTINGS.get(name)
            if settings is None:
                codec = Codec.load(weights or fixed(name, folder) or name)
                settings = evaluation.QUALITIES
            kind = "rda" if codec else name
            points = [evaluation.measure(kind, setting, y, codec) for setting in settings]
            known["cat"][name] = [
                {"setting": setting} | {key: point[key] for key in evaluation.METRICS}
                for setting, point in zip(settings, points, strict=True)
            ]
            if name in FIXED:
                paths = datasets.photo_paths(datasets.find("kodak"))
                measured = evaluation.evaluate(paths, ("rda",), codec, progress=tqdm)["codecs"]
                known["kodak"][name] = [{k: p[k] for k in KEPT} for p in measured["rda"]]
            write_file(PLACE, (json.dumps(known, indent=1) + "\n").encode())
    for place in ("cat", "kodak"):
        print(f"\n{place}\n{ladder.table(ladder.climb(place))}")


def fixed(name, folder):
    """The weights file of a codec with a transform that was not trained; None for other names."""
    if name not in FIXED:
        return None
    path = Path(folder) / f"{name}.safetensors"
    paths = datasets.training_paths("bsds500")
    patches = RandomPatches(paths, size=64)
    blocks = patches.blocks(STRIDE, 60_000, torch.Generator().manual_seed(0))
    model = RateDistortionAutoencoder(hidden=1, latent=NUMBERS, convolved=1)
    model.start_from_principal_components(blocks)
    if name != "klt":
        use(model, cosines(int(name.removeprefix("dct"))), blocks)
    photos = map(read_photo, paths[:: len(paths) // COUNTED])
    export(model, tqdm(photos, "counting tables", total=COUNTED), path, {"transform": name})
    return path


def cosines(side):
    """The side x side cosines of each colour plane, as rows over a 16 x 16 block: (768, 768)."""
    k, t = torch.arange(side)[:, None], torch.arange(side)
    rows = torch.cos(math.pi * k * (2 * t + 1) / (2 * side)) * math.sqrt(2 / side)
    rows[0] /= math.sqrt(2)
    along = torch.kron(torch.eye(STRIDE // side), rows)  # (16, 16): each part of a line
    planes = torch.tensor([[1.0, 1, 1], [1, 0, -1], [1, -2, 1]])
    planes /= planes.norm(dim=1, keepdim=True)
    return torch.einsum("ac,um,vn->auvcmn", planes, along, along).reshape(NUMBERS, NUMBERS)


def use(model, directions, blocks):
    """Put an orthonormal transform in place of the model's principal components."""
    with torch.no_grad():
        deviations = (blocks @ directions.T).square().mean(dim=0).sqrt()
        order = deviations.argsort(descending=True)
        rows = directions[order].reshape(NUMBERS, 3, STRIDE, STRIDE)
        model.analysis.linear.weight.copy_(rows)
        model.synthesis.linear.weight.copy_(rows)
        held = torch.exp(2 * model.log_steps) / 12
        model.log_gains.copy_(-torch.log1p(held / deviations[order].clamp(min=1e-6) ** 2))


if __name__ == "__main__":
    shipped = [name for name in ladder.RUNGS if name not in (*FIXED, OLD)]
    main(sys.argv[1:] or [*FIXED, *shipped, *ladder.BESIDE])
