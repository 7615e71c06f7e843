"""The codec: a photograph to the bytes of an .rda file and back.

A codec is one .safetensors file: the weights in float16 and, for each of the 64 quality levels
and each latent channel, an integer frequency table. The tables are counted once, at export, on
the training photographs. A decoder reads them and never makes one from network outputs, so every
machine decodes the same integers.
"""

import hashlib
import json
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from rdalib import bitstream, entropy_coding
from rdalib.autoencoder import LEVELS, RateDistortionAutoencoder
from rdalib.bitstream import Bitstream, BitstreamError
from rdalib.entropy_coding import Table, frequencies_from_pmf
from rdalib.files import write_file
from rdalib.images import pad_to_multiple, to_8bit
from rdalib.quantization import round_half_up
from rdalib.transforms import STRIDE

DEFAULT_MODEL = "factorized"
DEFAULT_QUALITY = 32


class Codec:
    """A rate-distortion autoencoder with its tables, ready to compress."""

    def __init__(self, model, tables, weights_id, about):
        """model: RateDistortionAutoencoder; tables[quality][channel]: Table.

        weights_id: the 3 bytes that files name these weights by; about: dict of text, as stored.
        """
        self.model = model.eval()
        self.tables, self.weights_id, self.about = tables, weights_id, about

    @classmethod
    def load(cls, name=None):
        """A codec that rdalib ships, by its name, or one from a .safetensors file.

        Raises: ValueError if there is none.
        """
        name = DEFAULT_MODEL if name is None else str(name)
        path = Path(name) if name.endswith(".safetensors") else shipped_weights(name)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror.lower()}") from None
        try:
            model, tables, about = unpack(data)
        except (SafetensorError, KeyError, RuntimeError, ValueError):
            raise ValueError(f"{path} is not a weights file of rda train") from None
        return cls(model, tables, hashlib.sha256(data).digest()[:3], about)

    @torch.inference_mode()
    def analyse(self, y):
        """y (3, H, W) in [0, 1] to z (M, h, w), before any quantisation."""
        check_photo(y)
        return self.model.analysis(pad_to_multiple(y[None].float(), STRIDE))[0]

    @torch.inference_mode()
    def quantise(self, z, quality):
        """z (M, h, w) to z_rounded, in units of the level's steps: int64 array (M, h * w)."""
        u = z / self.steps(quality)
        return round_half_up(u).to(torch.int64).flatten(1).numpy()

    @torch.inference_mode()
    def synthesise(self, z_rounded, quality, height, width):
        """z_rounded, int array (M, h * w), to y_hat (3, height, width), every value k / 255."""
        rows = -(-height // STRIDE)
        z = torch.from_numpy(z_rounded).float().reshape(len(z_rounded), rows, -1)
        gains = self.model.gains(torch.tensor([float(quality)]))[0]
        y_hat = self.model.synthesis((z * self.steps(quality) * gains)[None])[0]
        return to_8bit(y_hat[:, :height, :width]).float() / 255

    def steps(self, quality):
        """Step sizes at a quality level, (M, 1, 1)."""
        return self.model.steps(torch.tensor([float(quality)]))[0]

    def compress(self, y, quality=None, max_bytes=None):
        """y, a float tensor (3, H, W) in [0, 1], to the bytes of an .rda file.

        quality: level 0..63 (default 32); max_bytes: instead, the best level whose file has at
        most that many bytes. Raises: ValueError, also if no file is that small.
        """
        if quality is not None and max_bytes is not None:
            raise ValueError("give a quality or a number of bytes, not both")
        z = self.analyse(y)
        height, width = y.shape[1:]
        if max_bytes is not None:
            return self._largest_within(max_bytes, z, height, width)
        return self._encode(z, check_quality(quality), height, width)

    def _encode(self, z, quality, height, width):
        payload = entropy_coding.encode(self.quantise(z, quality), self.tables[quality])
        return bitstream.build(Bitstream(self.weights_id, quality, width, height, payload))

    def _largest_within(self, max_bytes, z, height, width):
        """The file of the highest level with at most max_bytes.

        Files grow with the level, but not from each level to the next on every picture (a tiny
        one, a repeated texture), so bisection could miss it: all levels are tried from the top.
        """
        sizes = []
        for quality in reversed(range(LEVELS)):
            data = self._encode(z, quality, height, width)
            if len(data) <= max_bytes:
                return data
            sizes.append(len(data))
        raise ValueError(
            f"{max_bytes} bytes are too few for {width} x {height} pixels: "
            f"the smallest file possible has {min(sizes)}"
        )

    def decompress(self, data):
        """The bytes of an .rda file to y_hat, float (3, H, W), every value k / 255.

        Raises: BitstreamError for every damaged or foreign file.
        """
        stream = bitstream.parse(data)
        return self.synthesise(
            self.decode_integers(stream), stream.quality, stream.height, stream.width
        )

    def decode_integers(self, stream):
        """The integers in a Bitstream, int64 array (M, h * w). Raises: BitstreamError."""
        if stream.weights_id != self.weights_id:
            raise BitstreamError(
                f"made with other weights: the file names {stream.weights_id.hex()}, "
                f"these are {self.weights_id.hex()}"
            )
        count = -(-stream.height // STRIDE) * -(-stream.width // STRIDE)
        try:
            return entropy_coding.decode(stream.payload, self.tables[stream.quality], count)
        except ValueError as error:
            raise BitstreamError(str(error)) from None


def check_quality(quality):
    """A quality level as an int, the default for None. Raises: ValueError."""
    if quality is None:
        return DEFAULT_QUALITY
    if not 0 <= quality < LEVELS or quality != int(quality):
        raise ValueError(f"quality {quality}; there are levels 0 to {LEVELS - 1}")
    return int(quality)


def check_photo(y):
    """Raises: ValueError unless y is a float tensor (3, H, W) with values in [0, 1]."""
    if not torch.is_tensor(y) or y.ndim != 3 or y.shape[0] != 3 or not y.is_floating_point():
        what = f"{y.dtype} {tuple(y.shape)}" if torch.is_tensor(y) else type(y).__name__
        raise ValueError(f"a photograph is a float tensor (3, H, W), not {what}")
    bitstream.check_size(width=y.shape[2], height=y.shape[1])
    low, high = y.aminmax()
    if not (low >= 0 and high <= 1):  # written so that NaN fails too
        raise ValueError(f"a photograph has values in [0, 1], not {low:.3g} to {high:.3g}")


# The file of weights and tables


def shipped_weights(name):
    """The path of a weights file that rdalib ships. Raises: ValueError."""
    folder = Path(str(resources.files("rdalib"))) / "weights"
    path = folder / f"{name}.safetensors"
    if not path.exists():
        names = ", ".join(sorted(p.stem for p in folder.glob("*.safetensors")))
        raise ValueError(f"no model {name!r}; there are {names}, or name a .safetensors file")
    return path


def pack(model, tables, about):
    """A model, tables[quality][channel] and a dict of text to the bytes of a weights file."""
    tensors = {name: tensor.half() for name, tensor in model.state_dict().items()}
    rows = [table for level in tables for table in level]
    shape = (len(tables), len(tables[0]))
    frequencies = np.concatenate([table.frequencies for table in rows]).astype(np.uint16)
    sizes = np.array([len(table.frequencies) for table in rows], np.int32).reshape(shape)
    first = np.array([table.first for table in rows], np.int32).reshape(shape)
    tensors["tables.frequencies"] = torch.from_numpy(frequencies)
    tensors["tables.sizes"], tensors["tables.first"] = map(torch.from_numpy, (sizes, first))
    return save_tensors(tensors, metadata=about)


def unpack(data):
    """The bytes of a weights file to (model, tables, about).

    Raises: SafetensorError, KeyError, RuntimeError or ValueError if they are something else.
    """
    tensors = load_tensors(data)
    about = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
    frequencies = tensors.pop("tables.frequencies").numpy()
    sizes, first = tensors.pop("tables.sizes").numpy(), tensors.pop("tables.first").numpy()
    rows = iter(np.split(frequencies, np.cumsum(sizes)[:-1]))
    tables = [[Table(int(start), next(rows)) for start in level] for level in first]
    hidden = len(tensors["synthesis.convolutional.1.beta_root"])
    model = RateDistortionAutoencoder(hidden, first.shape[1])
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return model, tables, about


def export(model, photos, path, about):
    """Write a trained model as a weights file, with tables counted on photographs.

    model: RateDistortionAutoencoder (its weights are rounded to float16 here, in place);
    photos: an iterable of y; about: dict of text. Raises: OSError.
    """
    model = model.cpu().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())
    codec = Codec(model, [], bytes(3), about)
    latents = [codec.analyse(y) for y in photos]
    tables = [count_tables(codec, latents, quality) for quality in range(LEVELS)]
    write_file(path, pack(model, tables, about))


def count_tables(codec, latents, quality, pseudo_counts=64):
    """One table a channel: how often each integer occurs in the latents of photographs.

    latents: list of z (M, h, w). Where photographs were few the learned density speaks, with the
    weight of `pseudo_counts` integers. Each table reaches out to one part in 2^17 on both sides.
    """
    integers = np.concatenate([codec.quantise(z, quality) for z in latents], axis=1)  # (M, n)
    reach = int(np.abs(integers).max()) + 8
    grid = torch.arange(-reach, reach + 1).float()
    steps = codec.steps(quality)
    with torch.inference_mode():
        nats = codec.model.rate_nats(
            grid[None, None].expand(1, len(steps), -1), steps[None, ..., 0]
        )
    density = torch.exp(-nats)[0].double().numpy()  # (M, 2 reach + 1)
    tables = []
    for row, pmf in zip(integers, density, strict=True):
        counts = np.bincount(row + reach, minlength=len(pmf)) + pseudo_counts * pmf
        pmf = counts / counts.sum()
        inside = np.flatnonzero((np.cumsum(pmf) > 2**-17) & (np.cumsum(pmf[::-1])[::-1] > 2**-17))
        low, high = inside[0], inside[-1] + 1
        escape = pmf[:low].sum() + pmf[high:].sum()
        tables.append(
            Table(int(low) - reach, frequencies_from_pmf(np.append(pmf[low:high], escape)))
        )
    return tables
