"""How long the codec takes, as tables. Nothing here is a test: times differ with the machine.

    python tests/benchmarks/speed.py train [--variants]
    python tests/benchmarks/speed.py train --device cuda --peak 989    # of an H200, in TFLOP/s
    python tests/benchmarks/speed.py codec
    python tests/benchmarks/speed.py coding
    python tests/benchmarks/speed.py start

`train` is the step of rda train, 8 patches of 256 x 256 pixels; with --variants also in the
other memory layout and compiled. `codec` takes a photograph of 768 x 512 pixels apart, `coding` is
entropy coding alone, `start` what comes before the first photograph. Times are medians, after a
first call that is not counted. Run it on a quiet machine; --threads N sets PyTorch's threads.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from rdalib import bitstream, entropy_coding
from rdalib.codec import Codec
from rdalib.images import SAMPLES, photo_to_tensor, sample_photo, tensor_to_photo, write_photo
from rdalib.patches import RandomPatches
from rdalib.train_command import CHANNELS
from rdalib.training import Training, TrainingSettings

QUALITIES = (5, 32, 60)
VARIANTS = ("as rda train", "contiguous", "compiled")


def photograph(width=768, height=512):
    """The sample photograph `coffee`, 600 x 400 pixels, enlarged to the size of Kodak's: y."""
    image = tensor_to_photo(sample_photo("coffee"))
    return photo_to_tensor(image.resize((width, height), Image.Resampling.LANCZOS))


def seconds(function, repeats=5):
    """The median time of a call, after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return median(times[1:])


def row(*cells, widths=(14, 10, 14)):
    """A line of a table: as many texts to the left as there are widths, the rest to the right."""
    cells = [cell if isinstance(cell, str) else f"{cell:,.1f}" for cell in cells]
    texts = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
    print("".join(texts + [cell.rjust(14) for cell in cells[len(widths) :]]), flush=True)


# Training


def sample_patches(device, size=256):
    """Patches of scikit-image's photographs: they are there without a download."""
    with tempfile.TemporaryDirectory() as folder:
        for name in SAMPLES:
            write_photo(sample_photo(name), Path(folder) / f"{name}.png")
        return RandomPatches(sorted(Path(folder).iterdir()), size=size, device=device)


def step_seconds(training, steps):
    """The time of a training step: the median of three groups of `steps` steps."""

    def group():
        for _ in range(steps):
            losses = training.advance()
        losses.tolist()  # waits for a GPU

    return seconds(group, repeats=3) / steps


def train(arguments):
    steps = arguments.steps or (3 if arguments.device == "cpu" else 50)
    patches = sample_patches(arguments.device)
    share = ["of peak"] if arguments.peak else []
    row("model", "precision", "variant", "ms a step", "patches/s", "TFLOP/s", *share)
    for model, channels in CHANNELS.items():
        for precision in ("float32", "bfloat16"):
            settings = TrainingSettings(steps=10**6, **channels)
            for variant in VARIANTS if arguments.variants else VARIANTS[:1]:
                training = Training(settings, patches, arguments.device)
                training.precision = precision
                with FlopCounterMode(display=False) as counter:  # convolutions and products
                    training.advance()
                flop = counter.get_total_flops()
                if variant == "contiguous":  # rda train trains in channels_last
                    training.model.to(memory_format=torch.contiguous_format)
                if variant == "compiled":
                    training.model.compile()
                step = step_seconds(training, steps)
                rate = flop / step / 1e12
                share = [f"{rate / arguments.peak:.1%}"] if arguments.peak else []
                numbers = (1000 * step, settings.batch / step, f"{rate:.3f}")
                row(model, precision, variant, *numbers, *share)


# Photographs


def codec(arguments):
    y = photograph()
    print(f"{y.shape[2]} x {y.shape[1]} pixels, quality {arguments.quality}, ms")
    row("", *CHANNELS, widths=(26,))
    codecs = [Codec.load(name) for name in CHANNELS]
    columns = [codec_parts(codec, y, arguments.quality) for codec in codecs]
    for part in columns[0]:
        row(part, *(1000 * column[part] for column in columns), widths=(26,))
    sizes = [len(codec.compress(y, arguments.quality)) for codec in codecs]
    row("bytes of the file", *(f"{size:,}" for size in sizes), widths=(26,))


def codec_parts(codec, y, quality):
    """Seconds of each part of compressing and decompressing y, in order."""
    data = codec.compress(y, quality)
    stream = bitstream.parse(data)
    z = codec.analyse(y)
    integers = codec.quantize(z, quality)
    height, width = y.shape[1:]
    parts = {
        "analysis": lambda: codec.analyse(y),
        "quantisation": lambda: codec.quantize(z, quality),
        "entropy coding": lambda: entropy_coding.encode(
            *codec.latent_coder.symbols_and_tables(integers, quality)
        ),
        "compress, all of it": lambda: codec.compress(y, quality),
        "entropy decoding": lambda: codec.decode_integers(stream),
        "synthesis": lambda: codec.synthesise(integers, quality, height, width),
        "decompress, all of it": lambda: codec.decompress(data),
        "both": lambda: codec.decompress(codec.compress(y, quality)),
    }
    return {name: seconds(part) for name, part in parts.items()}


# Entropy coding alone


def coding(arguments):
    del arguments
    y = photograph()
    titles = ("symbols", "encode, M/s", "decode, M/s", "bytes", "entropy", "excess")
    row("model", "quality", *titles, widths=(14, 8))
    for name in CHANNELS:
        codec = Codec.load(name)
        z = codec.analyse(y)
        for quality in QUALITIES:
            latents = codec.latent_coder.symbols_and_tables(codec.quantize(z, quality), quality)
            row(name, str(quality), *coding_columns(*latents), widths=(14, 8))


def coding_columns(symbols, tables):
    """Symbols, millions of them a second in and out, bytes, and how far those are from ideal."""
    counts = [len(each) for each in symbols]
    data = entropy_coding.encode(symbols, tables)

    def decode():
        decoder = entropy_coding.Decoder(data)
        decoder.decode(tables, counts)
        decoder.finish()

    rates = [
        sum(counts) / seconds(function, repeats=20) / 1e6
        for function in (lambda: entropy_coding.encode(symbols, tables), decode)
    ]
    entropy = entropy_coding.table_bits(symbols, tables) / 8
    excess = len(data) / entropy - 1
    return f"{sum(counts):,}", *rates, f"{len(data):,}", entropy, f"{excess:.3%}"


# Start-up


PROGRAMS = {
    "Python alone": "pass",
    "import rdalib": "import rdalib",
    "import torch": "import torch",
    "rdalib.Codec": "import rdalib; rdalib.Codec",
    "rda --help": "import sys; from rdalib.cli import main; main(['--help'])",
}
FIRST_USE = """
import time
import torch
from rdalib import Codec
y = torch.rand(3, 512, 768)
start = time.perf_counter()
codec = Codec.load("{name}")
loaded = time.perf_counter()
data = codec.compress(y)
compressed = time.perf_counter()
codec.compress(y)
print(loaded - start, compressed - loaded, time.perf_counter() - compressed)
"""


def start(arguments):
    del arguments
    print("whole processes, ms")
    for name, program in PROGRAMS.items():
        row(name, 1000 * seconds(partial(run_python, program)), widths=(26,))
    print("inside a process, ms")
    row("", "load", "compress", "once more", widths=(26,))
    for name in CHANNELS:
        runs = [run_python(FIRST_USE.format(name=name)).split() for _ in range(3)]
        parts = [1000 * median(map(float, part)) for part in zip(*runs, strict=True)]
        row(name, *parts, widths=(26,))


def run_python(program):
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("train", "codec", "coding", "start"))
    parser.add_argument("--threads", type=int, help="PyTorch's threads")
    parser.add_argument("--device", default="cpu", help="of train: cpu or cuda")
    parser.add_argument("--steps", type=int, help="of train: steps in each of three groups")
    parser.add_argument("--peak", type=float, help="of train: TFLOP/s that the chip could do")
    parser.add_argument("--variants", action="store_true", help="of train: other ways too")
    parser.add_argument("--quality", type=int, default=32, help="of codec: 0..63")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    {"train": train, "codec": codec, "coding": coding, "start": start}[arguments.what](arguments)


if __name__ == "__main__":
    main()
