"""The memory and time that a photograph of 20 megapixels takes, by `rda compress` and back.

    python tests/benchmarks/memory.py [--width 5472] [--height 3648] [--quality 32]

Each command has a process of its own. Its peak is all that it ever held, Python and PyTorch
included. This process stays small: a child's peak counts from what its parent held at the start.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

MODELS = ("factorized", "hyperprior", "context")

MAKE = """
import sys
import torch
from rdalib.images import sample_photo, write_photo
width, height = map(int, sys.argv[1:3])
tile = sample_photo("coffee")
y = torch.tile(tile, (1, -(-height // tile.shape[1]), -(-width // tile.shape[2])))
write_photo(y[:, :height, :width], sys.argv[3])
"""

MEASURE = """
import contextlib, io, resource, sys, time
from rdalib.cli import main
start = time.perf_counter()
with contextlib.redirect_stdout(io.StringIO()):
    status = main(sys.argv[1:])
unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
print(time.perf_counter() - start, unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(status)
"""


def run_python(program, *arguments):
    """What a program prints in a fresh process."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=int, default=5472)
    parser.add_argument("--height", type=int, default=3648)
    parser.add_argument("--quality", type=int, default=32)
    arguments = parser.parse_args()
    width, height, quality = arguments.width, arguments.height, arguments.quality
    print(f"{width} x {height} = {width * height / 1e6:.1f} megapixels, quality {quality}")
    print(f"{'model':12}{'command':12}{'seconds':>9}{'peak, GB':>10}{'file, bytes':>13}")
    with tempfile.TemporaryDirectory() as folder:
        photo, back = Path(folder) / "photo.png", Path(folder) / "back.png"
        run_python(MAKE, width, height, photo)
        for model in MODELS:
            file = Path(folder) / f"{model}.rda"
            for command in (
                ("compress", photo, file, "--quality", quality, "--model", model),
                ("decompress", file, back),
            ):
                seconds, peak = map(float, run_python(MEASURE, *command).split())
                size = file.stat().st_size
                print(f"{model:12}{command[0]:12}{seconds:9.1f}{peak / 1e9:10.2f}{size:13,}")


if __name__ == "__main__":
    main()
