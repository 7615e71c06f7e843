"""The codec: a photograph to the bytes of an .rda file and back.

A codec is one .safetensors file, which `weights_file` reads: the networks, and for each of the 64
quality levels integer frequency tables. A decoder reads the tables and never makes one from
network outputs, so every machine decodes the same integers.
"""

import bisect

import torch

from rdalib import bitstream, entropy_coding
from rdalib.bitstream import Bitstream, BitstreamError
from rdalib.entropy_coding import Decoder
from rdalib.images import pad_to_multiple, to_8bit
from rdalib.latent_coding import level
from rdalib.quality import LEVELS
from rdalib.transforms import STRIDE
from rdalib.weights_file import shipped_names, shipped_weights, unpack, weights_id, weights_path

DEFAULT_MODEL = "hyperprior"
DEFAULT_QUALITY = 32


class Codec:
    """A rate-distortion autoencoder with its tables, ready to compress."""

    def __init__(self, latent_coder, weights_id, about):
        """latent_coder: a coder of latents (see latent_coding), with its model and tables.

        weights_id: the 3 bytes that files name these weights by; about: dict of text, as stored.
        """
        self.latent_coder = latent_coder
        self.model = latent_coder.model.to(memory_format=torch.channels_last)  # a little faster
        self.weights_id, self.about = weights_id, about

    @property
    def device(self):
        """Where the networks are."""
        return self.model.log_steps.device

    def __repr__(self):
        channels = len(self.model.analysis.linear.bias)
        return f"<Codec {self.weights_id.hex()}: {channels} channels, on {self.device}>"

    @classmethod
    def load(cls, name=None):
        """A codec that rdalib ships, by its name, or one from a .safetensors file.

        Raises: ValueError if there is none.
        """
        name = DEFAULT_MODEL if name is None else str(name)
        path = weights_path(name)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror.lower()}") from None
        try:
            latent_coder, about = unpack(data)
        except ValueError as error:
            raise ValueError(f"{path} is not a weights file of rda train: {error}") from None
        return cls(latent_coder, weights_id(data), about)

    @classmethod
    def load_for(cls, data):
        """The codec, of those rdalib ships, that made an .rda file; the default if none did.

        Raises: BitstreamError if `data` is no such file.
        """
        made_by = bitstream.parse(data).weights_id
        names = [
            n for n in shipped_names() if weights_id(shipped_weights(n).read_bytes()) == made_by
        ]
        return cls.load(names[0] if names else None)

    @torch.inference_mode()
    def analyse(self, y):
        """y (3, H, W) in [0, 1] to z (M, h, w), before any quantization."""
        check_photo(y)
        return self.model.analysis(pad_to_multiple(y[None].float(), STRIDE))[0]

    def quantize(self, z, quality):
        """z (M, h, w) to what is coded: z_rounded, int64 (M, h * w), or, with h, Latents."""
        return self.latent_coder.quantize(z, quality)

    @torch.inference_mode()
    def synthesise(self, integers, quality, height, width):
        """What `quantize` gave to y_hat (3, height, width), every value k / 255."""
        z = self.latent_coder.dequantize(integers, quality, latent_grid(height, width))
        y_hat = self.model.synthesis((z * self.model.gains(level(quality))[0])[None])[0]
        return to_8bit(y_hat[:, :height, :width]).float() / 255

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
        latents = self.quantize(z, quality)
        payload = entropy_coding.encode(*self.latent_coder.symbols_and_tables(latents, quality))
        return bitstream.build(Bitstream(self.weights_id, quality, width, height, payload))

    def _largest_within(self, max_bytes, z, height, width):
        """The file of the highest level with at most max_bytes.

        Files grow with the level, which bisection uses; only tiny pictures and repeated textures
        have neighbouring levels the other way round, and on small ones all levels are tried.
        """
        levels = range(LEVELS)
        if height * width >= 2**16:
            too_large = bisect.bisect_left(
                levels, True, key=lambda q: len(self._encode(z, q, height, width)) > max_bytes
            )
            levels = [max(too_large - 1, 0)]
        sizes = []
        for quality in reversed(levels):
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
        """What `quantize` gave when a Bitstream was made. Raises: BitstreamError."""
        if stream.weights_id != self.weights_id:
            raise BitstreamError(
                f"made with other weights: the file names {stream.weights_id.hex()}, "
                f"these are {self.weights_id.hex()}"
            )
        try:
            decoder = Decoder(stream.payload)
            grid = latent_grid(stream.height, stream.width)
            integers = self.latent_coder.decode(decoder, stream.quality, grid)
            decoder.finish()
        except ValueError as error:
            raise BitstreamError(str(error)) from None
        return integers


def latent_grid(height, width):
    """The (h, w) of z for a photograph of height x width pixels."""
    return -(-height // STRIDE), -(-width // STRIDE)


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
