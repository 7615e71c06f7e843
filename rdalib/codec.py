"""The codec: photographs to the bytes of .rda files and back.

A codec is one .safetensors file, which `weights_file` reads: the networks, and for each of the 64
quality levels integer frequency tables. A decoder reads the tables and never makes one from
network outputs, so every machine decodes the same integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, overload

import torch

from rdalib import bitstream, entropy_coding
from rdalib.bitstream import Bitstream, BitstreamError
from rdalib.entropy_coding import Decoder
from rdalib.images import pad_to_multiple, to_8bit
from rdalib.latent_coding import LatentCoder, latent_grid, level
from rdalib.photographs import as_float, is_batch, photo_tensor
from rdalib.quality import check_quality
from rdalib.rate_search import best_within
from rdalib.refinement import refine
from rdalib.shipped import earlier_weights, shipped_name, weights_path
from rdalib.strips import in_strips
from rdalib.transforms import STRIDE
from rdalib.weights_file import read_weights

if TYPE_CHECKING:
    from os import PathLike

    from jaxtyping import Float
    from torch import Tensor

    from rdalib.photographs import Photo

    Size = tuple[int, int]
    Progress = Callable[[float], object]

DEFAULT_MODEL = "context"
ROWS = 32  # of z in a strip
HALO = 2  # rows of z; analysis and synthesis see fewer


class Codec:
    """A rate-distortion autoencoder with its tables, ready to compress.

    What it gives depends on its weights and on what it is given alone: not on PyTorch's default
    dtype or device, nor on an autocast around the call.
    """

    def __init__(self, latent_coder: LatentCoder, weights_id: bytes, about: dict[str, str]):
        """weights_id: the 3 bytes that files name these weights by; about: text, as stored."""
        self.latent_coder = latent_coder
        self.model = latent_coder.model
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster
        self.weights_id, self.about = weights_id, about

    @property
    def device(self) -> torch.device:
        """Where the networks are; pictures come out there."""
        return self.model.log_steps.device

    def to(self, device: torch.device | str) -> Codec:
        """A codec of the same weights with its networks on another device; this one stays."""
        return Codec(self.latent_coder.to(device), self.weights_id, self.about)

    def __repr__(self) -> str:
        channels = self.model.log_steps.shape[1]
        return f"<Codec {self.weights_id.hex()}: {channels} channels, on {self.device}>"

    @classmethod
    def load(cls, name: str | PathLike[str] | None = None) -> Codec:
        """A codec that rdalib ships, by its name, or one from a .safetensors file.

        Raises: ValueError if there is none.
        """
        return cls(*read_weights(weights_path(DEFAULT_MODEL if name is None else str(name))))

    @classmethod
    def load_for(cls, data: bytes) -> Codec:
        """The codec, of those rdalib ships, that made an .rda file; the default if none did.

        Raises: BitstreamError if `data` is no such file.
        """
        return cls.load(shipped_name(bitstream.parse(data).weights_id))

    # Whole photographs

    @overload
    def compress(
        self,
        photo: Photo,
        quality: int | None = None,
        max_bytes: int | None = None,
        effort: int = 0,
    ) -> bytes: ...
    @overload
    def compress(
        self,
        photo: list[Photo],
        quality: int | None = None,
        max_bytes: int | None = None,
        effort: int = 0,
    ) -> list[bytes]: ...
    def compress(
        self,
        photo: Any,
        quality: int | None = None,
        max_bytes: int | None = None,
        effort: int = 0,
    ) -> Any:
        """A photograph to the bytes of an .rda file, or several to a list of them.

        photo: a float tensor (3, H, W) in [0, 1], an array, a Pillow image (see photographs), or
        a batch: (B, 3, H, W), or a list of photographs of any sizes.
        quality: level 0..63 (default 32); max_bytes: instead, the best file of at most that many
        bytes; effort: iterations of refinement for this photograph, 50 or 100: better files for
        seconds or minutes of work, which any decoder reads.
        Raises: ValueError, also if no file is that small.
        """
        if is_batch(photo):
            return [self.encode(one, quality, max_bytes, effort)[0] for one in photo]
        return self.encode(photo, quality, max_bytes, effort)[0]

    @overload
    def decompress(self, data: bytes) -> Float[Tensor, "3 H W"]: ...
    @overload
    def decompress(self, data: list[bytes]) -> list[Float[Tensor, "3 H W"]]: ...
    def decompress(self, data: Any) -> Any:
        """The bytes of an .rda file to y_hat, every value k / 255; a list of them to a list.

        Raises: BitstreamError for every damaged or foreign file.
        """
        if isinstance(data, (list, tuple)):
            return [self.decompress(one) for one in data]
        stream = bitstream.parse(data)
        latents = self.decode_integers(stream)
        return self.synthesise(latents, stream.quality, stream.height, stream.width)

    # Their parts

    def encode(
        self,
        photo: Photo,
        quality: int | None = None,
        max_bytes: int | None = None,
        effort: int = 0,
        progress: Progress = lambda loss: None,
    ) -> tuple[bytes, Any]:
        """(the bytes of the file, the latents in it), as `compress` for one photograph.

        progress: called with the loss at each iteration of refinement, over that of the first.
        """
        if quality is not None and max_bytes is not None:
            raise ValueError("give a quality or a number of bytes, not both")
        quality = check_quality(quality)
        y = photo_tensor(photo)
        z = self.analyse(y)

        def refined(quality: int) -> tuple[Tensor, Any]:
            if not effort:
                return z, None
            return refine(self, as_float(y.to(self.device)), z, quality, effort, progress)

        if max_bytes is not None:
            photo = as_float(y.to(self.device))
            return best_within(self, max_bytes, photo, z, refined, refines=effort > 0)
        z_refined, side = refined(quality)
        return self.file_of(z_refined, quality, (y.shape[1], y.shape[2]), side)

    def analyse(self, photo: Photo) -> Float[Tensor, "M h w"]:
        """A photograph to z, before any quantization."""
        y = photo_tensor(photo)

        def analysis(part: Tensor) -> Tensor:
            part = as_float(part.to(self.device))
            return self.model.analysis(pad_to_multiple(part[None], STRIDE))[0]

        with self._undisturbed():
            strips = in_strips(analysis, y, rows=ROWS, halo=HALO, given=STRIDE)
            return torch.cat([z for _, z in strips], dim=1)

    def quantize(
        self, z: Float[Tensor, "M h w"], quality: int, side: Any = None, threshold: float = 0.5
    ) -> Any:
        """z to what is coded, latents: z_rounded, int32 (M, h * w), or, with h, Latents.

        side: latents whose side information is kept; threshold: of rounding, see `to_integers`.
        """
        with self._undisturbed():
            return self.latent_coder.quantize(z, quality, side, threshold)

    def synthesise(
        self, latents: Any, quality: int, height: int, width: int
    ) -> Float[Tensor, "3 H W"]:
        """What `quantize` gave to y_hat (3, height, width), every value k / 255."""
        with self._undisturbed():
            z = self.latent_coder.dequantize(latents, quality, latent_grid(height, width))
            z *= self.model.gains(level(quality).to(self.device))[0]

            def synthesis(part: Tensor) -> Tensor:
                return to_8bit(self.model.synthesis(part[None])[0, ..., :width])

            strips = in_strips(synthesis, z, rows=ROWS, halo=HALO, made=STRIDE)
            y_hat = torch.cat([part for _, part in strips], dim=1)[:, :height]
            return y_hat.float().div_(255)

    def decode_integers(self, stream: Bitstream) -> Any:
        """What `quantize` gave when a Bitstream was made. Raises: BitstreamError."""
        if stream.weights_id != self.weights_id:
            raise BitstreamError(
                earlier_weights(stream.weights_id)
                or f"made with other weights: the file names {stream.weights_id.hex()}, "
                f"these are {self.weights_id.hex()}"
            )
        try:
            decoder = Decoder(stream.payload)
            grid = latent_grid(stream.height, stream.width)
            with self._undisturbed():
                latents = self.latent_coder.decode(decoder, stream.quality, grid)
            decoder.finish()
        except ValueError as error:
            raise BitstreamError(str(error)) from None
        return latents

    def file_of(
        self, z: Tensor, quality: int, size: Size, side: Any = None, threshold: float = 0.5
    ) -> tuple[bytes, Any]:
        """z to (the bytes of the file, the latents in it). size: (height, width) in pixels.

        side, threshold: as of `quantize`.
        """
        latents = self.quantize(z, quality, side, threshold)
        payload = entropy_coding.encode(*self.latent_coder.symbols_and_tables(latents, quality))
        stream = Bitstream(self.weights_id, quality, size[1], size[0], payload)
        return bitstream.build(stream), latents

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Leave PyTorch's default device, an enclosing autocast and gradients outside."""
        with (
            torch.inference_mode(),
            torch.device("cpu"),
            torch.autocast("cpu", enabled=False),
            torch.autocast(self.device.type, enabled=False),
        ):
            yield
