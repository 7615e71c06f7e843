"""Our training step and our codecs beside CompressAI's, in one run.

    python tests/benchmarks/beside_compressai.py                      # makes its environment first
    python tests/benchmarks/beside_compressai.py OTHER_PYTHON         # where CompressAI is there
    python tests/benchmarks/beside_compressai.py --steps 0            # photographs alone

CompressAI runs in an environment of its own, with this environment's version of PyTorch. Both
sides get the same pictures and number of threads, one side after the other, and each its users'
own code:

- A training step of 8 patches of 256 x 256 pixels. CompressAI's is `train_one_epoch` of its
  examples/train.py, with that script's model (bmshj2018-factorized, N=128, M=192), loss, two
  optimizers, clipping, DataLoader and number of workers; the time between two batches counts.
  Ours is `Training.advance`, once on CompressAI's layers and once on the network of this project.
  CompressAI's script trains in float32 only; a row with bfloat16 autocast around its loop is
  added for comparison.
- Compressing and decompressing a photograph of 768 x 512 pixels: `compress` and `decompress` of
  its models without and with side information, after `update()`, against `Codec.compress` and
  `Codec.decompress` of each of ours.

CompressAI's weights are untrained. Its networks take the same time as with trained ones.
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
import venv
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch
from PIL import Image
from torch import nn

VERSION = "1.2.8"
BATCH, PATCH = 8, 256
HIDDEN, LATENT = 128, 192
THEIR_CODECS = {
    "FactorizedPrior": "bmshj2018-factorized",
    "MeanScaleHyperprior": "mbt2018-mean",
}
WARM_UP = 2  # steps, or calls, that are not counted


# Their side: nothing of rdalib is imported here


def their_imports():
    """CompressAI's training script and models.

    They import torchvision, whose builds may not fit a PyTorch without CUDA: two operators are
    then missing, which CompressAI does not use and torchvision asks for when it is imported.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        operators = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
        their_imports.operators = operators  # they go when it does
    from compressai.zoo import image_models
    from examples import train

    return train, image_models


class Timed:
    """A DataLoader that notes when it hands over each batch."""

    def __init__(self, loader):
        self.loader, self.dataset, self.times = loader, loader.dataset, []

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        for batch in self.loader:
            self.times.append(time.perf_counter())
            yield batch

    def seconds(self):
        """The median time from one batch to the next."""
        return median_gap(self.times)


def their_step(train, image_models, folder, bfloat16):
    """Seconds of a step, as main() of examples/train.py sets it up."""
    arguments = train.parse_args(["--dataset", str(folder), "--batch-size", str(BATCH)])
    crop = train.transforms.RandomCrop(arguments.patch_size)
    transform = train.transforms.Compose([crop, train.transforms.ToTensor()])
    loader = train.DataLoader(
        train.ImageFolder(arguments.dataset, split="train", transform=transform),
        batch_size=arguments.batch_size,
        num_workers=arguments.num_workers,
        shuffle=True,
    )
    net = image_models[arguments.model](quality=3)
    optimizers = train.configure_optimizers(net, arguments)
    criterion = train.RateDistortionLoss(lmbda=arguments.lmbda)
    timed = Timed(loader)
    with (
        contextlib.redirect_stdout(io.StringIO()),
        torch.autocast("cpu", torch.bfloat16, enabled=bfloat16),
    ):
        train.train_one_epoch(net, criterion, timed, *optimizers, 0, arguments.clip_max_norm)
    return timed.seconds()


@torch.no_grad()
def their_side(folder, steps):
    """{"steps": rows, "codecs": rows}; the last entries of a row are seconds."""
    train, image_models = their_imports()
    with torch.enable_grad():
        rows = [
            (name, precision, their_step(train, image_models, folder, precision == "bfloat16"))
            for name, precision in (
                ("CompressAI, examples/train.py", "float32"),
                ("CompressAI, autocast added", "bfloat16"),
            )
            if steps
        ]
    with Image.open(folder / "photo.png") as image:
        y = train.transforms.ToTensor()(image)[None]
    codecs = []
    for name, model in THEIR_CODECS.items():
        net = image_models[model](quality=3).eval()
        assert (net.N, net.M) == (HIDDEN, LATENT)
        net.update()
        made = net.compress(y)
        seconds = call_seconds(partial(net.compress, y), partial(net.decompress, **made))
        size = sum(len(string) for strings in made["strings"] for string in strings)
        codecs.append((f"CompressAI {name}", size, *seconds))
    return {"steps": rows, "codecs": codecs}


# Our side


def our_step(folder, precision, their_layers):
    """Seconds of a step of rda train, on our network or on one of CompressAI's layers."""
    from rdalib.datasets import photo_paths
    from rdalib.patches import RandomPatches
    from rdalib.training import Training, TrainingSettings

    patches = RandomPatches(photo_paths(folder / "train"), size=PATCH)
    settings = TrainingSettings(steps=10**6, batch=BATCH, patch=PATCH, hidden=HIDDEN, latent=LATENT)
    training = Training(settings, patches)
    training.precision = precision
    if their_layers:
        use_their_layers(training)
    times = [time.perf_counter()]
    for _ in range(len(patches.pools[0]) // BATCH):
        training.advance().tolist()
        times.append(time.perf_counter())
    return median_gap(times)


def use_their_layers(training):
    """Put CompressAI's layers in place of ours: four 5 x 5 convolutions, GDN between them.

    So do its learned densities, which have two layers more than ours. The last layer is computed
    as ours is.
    """
    from rdalib.priors import LearnedCdf
    from rdalib.transforms import GDN, _in_blocks

    class InBlocks(nn.ConvTranspose2d):
        def forward(self, u):
            return _in_blocks(self, u)

    down = partial(nn.Conv2d, kernel_size=5, stride=2, padding=2)
    kernel = {"kernel_size": 5, "stride": 2, "padding": 2, "output_padding": 1}
    up = partial(nn.ConvTranspose2d, **kernel)
    analysis, synthesis = [], []
    for channels in (3, HIDDEN, HIDDEN):
        analysis += [down(channels, HIDDEN), GDN(HIDDEN)]
    for channels in (LATENT, HIDDEN, HIDDEN):
        synthesis += [up(channels, HIDDEN), GDN(HIDDEN, inverse=True)]
    model = training.model
    model.analysis = nn.Sequential(*analysis, down(HIDDEN, LATENT))
    model.synthesis = nn.Sequential(*synthesis, InBlocks(HIDDEN, 3, **kernel))
    model.prior = LearnedCdf(LATENT, widths=(3, 3, 3, 3))
    model.to(memory_format=torch.channels_last)  # as Training has it
    training.optimizer = torch.optim.Adam([{"params": [*model.parameters()], "factor": 1.0}])


def our_side(folder, steps):
    """As `their_side`."""
    from rdalib.codec import Codec
    from rdalib.images import read_photo

    rows = [
        (name, precision, our_step(folder, precision, their_layers))
        for name, their_layers in (("ours, CompressAI's layers", True), ("ours, our layers", False))
        for precision in ("float32", "bfloat16")
        if steps
    ]
    y = read_photo(folder / "photo.png")
    codecs = []
    for name in ("factorized", "hyperprior", "context"):
        codec = Codec.load(name)
        data = codec.compress(y)
        seconds = call_seconds(partial(codec.compress, y), partial(codec.decompress, data))
        codecs.append((f"our codec, {name}", len(data), *seconds))
    return {"steps": rows, "codecs": codecs}


# Both


def call_seconds(*functions, repeats=10):
    """The median time of a call of each function, the first calls not counted."""
    medians = []
    for function in functions:
        times = []
        for _ in range(WARM_UP + repeats):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        medians.append(median(times[WARM_UP:]))
    return medians


def median_gap(times):
    """The median time between steps, the first not counted. times: one a step."""
    return median(after - before for before, after in pairwise(times[WARM_UP:]))


def make_pictures(folder, count):
    """Photographs of BSDS500's size to train on, and one of Kodak's size to compress."""
    from rdalib.images import sample_photo, tensor_to_photo

    samples = ("astronaut", "coffee", "rocket", "motorcycle_left", "motorcycle_right")
    photos = [tensor_to_photo(sample_photo(name)) for name in samples]
    generator = torch.Generator().manual_seed(0)
    (folder / "train").mkdir()
    for index in range(count):
        photo = photos[index % len(photos)]
        left = int(torch.randint(photo.width - 481 + 1, (), generator=generator))
        top = int(torch.randint(photo.height - 321 + 1, (), generator=generator))
        crop = photo.crop((left, top, left + 481, top + 321))
        crop.save(folder / "train" / f"{index:03}.jpg", quality=95)
    coffee = photos[samples.index("coffee")]
    coffee.resize((768, 512), Image.Resampling.LANCZOS).save(folder / "photo.png")


def make_environment(folder):
    """An environment with CompressAI, from the package index, and this version of PyTorch."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    torch_version = torch.__version__.split("+")[0]
    packages = [f"compressai=={VERSION}", f"torch=={torch_version}"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def run_side(python, side, folder, arguments):
    """What a side measures, in a fresh process of its environment."""
    command = [python, __file__, "--side", side, "--folder", folder]
    command += ["--threads", arguments.threads, "--steps", arguments.steps]
    run = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def print_tables(measured, threads):
    theirs, ours = measured
    print(f"PyTorch {torch.__version__} on the CPU, {threads} threads, CompressAI {VERSION}")
    if theirs["steps"]:
        print(f"\n{'training step':32}{'precision':12}{'ms':>8}{'patches/s':>11}{'times':>8}")
    for name, precision, step in theirs["steps"] + ours["steps"]:
        least = theirs["steps"][0][-1]
        numbers = f"{1000 * step:8.0f}{BATCH / step:11.2f}{least / step:8.2f}"
        print(f"{name:32}{precision:12}{numbers}")
    titles = f"{'compress':>10}{'decompress':>12}{'both, ms':>10}{'times':>8}{'bytes':>10}"
    print(f"\n{'photograph of 768 x 512':32}{titles}")
    least = sum(theirs["codecs"][0][2:])
    for name, size, compress, decompress in theirs["codecs"] + ours["codecs"]:
        both = compress + decompress
        print(
            f"{name:32}{1000 * compress:10.0f}{1000 * decompress:12.0f}{1000 * both:10.0f}"
            f"{least / both:8.2f}{size:10,}"
        )
    print("\nCompressAI's weights are untrained, so its bytes say nothing of its compression.")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("python", nargs="?", help="of an environment with CompressAI")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--steps", type=int, default=12, help="training steps that count; 0: none")
    parser.add_argument("--side", choices=("theirs", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        torch.set_num_threads(arguments.threads)
        torch.manual_seed(0)
        side = {"theirs": their_side, "ours": our_side}[arguments.side]
        print(json.dumps(side(arguments.folder, arguments.steps)))
        return
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        python = arguments.python or make_environment(folder / "environment")
        make_pictures(folder, BATCH * (WARM_UP + arguments.steps + 1))
        sides = ((python, "theirs"), (sys.executable, "ours"))
        measured = [run_side(*side, folder, arguments) for side in sides]
    print_tables(measured, arguments.threads)


if __name__ == "__main__":
    main()
