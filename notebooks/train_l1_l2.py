"""The two small networks of lesson 05: the same in everything, but one is trained with L1.

    rda fetch bsds500
    python notebooks/train_l1_l2.py               # both, one after the other
    python notebooks/train_l1_l2.py --only l1     # or one on each core

Same architecture, start, photographs, patches, levels and noise, step by step; only the
distortion in the loss differs. Writes notebooks/weights/l1.safetensors and l2.safetensors:
codecs like every other, for `Codec.load` and `rda compress --model`.
"""

import argparse
import math
from pathlib import Path

import torch
from tqdm import tqdm

from rdalib import datasets
from rdalib.autoencoder import ANCHORS, LEVELS, RateDistortionAutoencoder, quality_to_lambda
from rdalib.export import export
from rdalib.images import read_photo
from rdalib.transforms import STRIDE

WEIGHTS = Path(__file__).parent / "weights"
HIDDEN, LATENT = 32, 32  # the codec of lesson 00 has 128 and 192
PATCH, BATCH = 128, 8
TOP_ANCHOR = 5  # of 0..7: levels 0..45 are trained, since a small network serves small files
TOP_LEVEL = TOP_ANCHOR * (LEVELS - 1) // (ANCHORS - 1)
LEARNING_RATE, WARMUP = 2e-3, 100


def l1_loss(y, y_hat, lam):
    """lam1 * mean |y - y_hat|, on the 0..255 scale, for each photograph.

    lam1 = 8 lam^(3/4) asks of L1 about what lam asks of L2: where lam * d(L2) = lam1 * d(L1) along
    the curve of the codec of lesson 00, lam1 / lam is the slope d(L2) / d(L1), 56 grey levels at
    lam = 0.0002 and 24 at 0.0094. It only aims: files are matched by their bytes.
    """
    return 8 * lam**0.75 * 255 * (y - y_hat).abs().mean(dim=(1, 2, 3))


def l2_loss(y, y_hat, lam):
    """lam * mean (y - y_hat)^2, on the 0..255 scale, for each photograph."""
    return lam * 255**2 * (y - y_hat).square().mean(dim=(1, 2, 3))


LOSSES = {"l1": l1_loss, "l2": l2_loss}


def train(distortion_loss, patches, steps, seed):
    """A network trained on rate + distortion_loss over random patches and levels."""
    generator = torch.Generator().manual_seed(seed)  # patches and levels
    torch.manual_seed(seed)  # the first weights and the noise
    model = RateDistortionAutoencoder(HIDDEN, LATENT)
    model.start_from_principal_components(patches.blocks(STRIDE, 60_000, generator))
    linear = [p for name, p in model.named_parameters() if ".linear." in name]
    others = [p for name, p in model.named_parameters() if ".linear." not in name]
    optimizer = torch.optim.Adam(
        [{"params": others, "lr": LEARNING_RATE}, {"params": linear, "lr": 0.1 * LEARNING_RATE}]
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(1, (step + 1) / WARMUP) * (0.5 + 0.5 * math.cos(math.pi * step / steps)),
    )
    for _ in (bar := tqdm(range(steps), mininterval=5)):
        y = patches.sample(BATCH, generator)
        quality = TOP_LEVEL * torch.rand(BATCH, generator=generator)
        lam = quality_to_lambda(quality)
        output = model(y, quality, "mixed")
        # The loss grows about as sqrt(lam): the division keeps every level in play.
        losses = (output.rate_bpp + distortion_loss(y, output.y_hat, lam)) / lam.sqrt()
        optimizer.zero_grad()
        losses.mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        bar.set_postfix_str(f"{output.rate_bpp.mean():.3f} bpp", refresh=False)
    with torch.no_grad():  # levels above the top one repeat it
        for logarithms in (model.log_steps, model.log_gains):
            logarithms[TOP_ANCHOR:] = logarithms[TOP_ANCHOR].clone()
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="bsds500", help="data set or folder of photographs")
    parser.add_argument("--only", choices=LOSSES, help="train one of the two")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder for the weights")
    arguments = parser.parse_args()
    paths = datasets.training_paths(arguments.data)
    patches = datasets.RandomPatches(paths, size=PATCH)
    arguments.out.mkdir(exist_ok=True)
    for name in [arguments.only] if arguments.only else LOSSES:
        model = train(LOSSES[name], patches, arguments.steps, arguments.seed)
        about = {
            "data": Path(arguments.data).name,
            "photographs": str(len(paths)),
            "distortion": name,
            "steps": str(arguments.steps),
            "seed": str(arguments.seed),
        }
        export(model, map(read_photo, paths), arguments.out / f"{name}.safetensors", about)


if __name__ == "__main__":
    main()
