"""The .safetensors file of a codec: networks in float16, integer tables, and what they are.

A file with side information also holds the integers of its hyper-synthesis, with which every
machine computes the same. What is read is checked whole, so that a coder never meets a bad table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from rdalib.autoencoder import RateDistortionAutoencoder
from rdalib.context import SPACINGS, groups_of, turns
from rdalib.context_coding import ContextCoder
from rdalib.entropy_coding import TOTAL, Table
from rdalib.escapes import LARGEST
from rdalib.hyperprior import IntegerSynthesis
from rdalib.hyperprior_coding import SCALES, HyperpriorCoder
from rdalib.integer_context import LOOKED_UP, IntegerContext, look_up_tables
from rdalib.latent_coding import FactorizedCoder
from rdalib.quality import LEVELS

if TYPE_CHECKING:
    from torch import Tensor

    from rdalib.latent_coding import LatentCoder

LAYERS = 3  # of the hyper-synthesis, and of each network of the context model
INTEGER_NETWORKS = ("hyperprior.synthesis.", "context.")  # not stored: their integers say it all
CONTEXT = "fixed.context."


def read_weights(path: Path) -> tuple[LatentCoder, bytes, dict[str, str]]:
    """(coder of latents, weights id, metadata) of a .safetensors file. Raises: ValueError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {(error.strerror or 'unreadable').lower()}") from None
    try:
        latent_coder, about = unpack(data)
    except ValueError as error:
        raise ValueError(f"{path} is not a weights file of rda train: {error}") from None
    return latent_coder, weights_id(data), about


def weights_id(data: bytes) -> bytes:
    """The 3 bytes by which .rda files name a weights file, given its bytes.

    They follow from the tensors alone; in files of before version 0.2 from all bytes.
    """
    header, tensors = _split(data)
    about = header.pop("__metadata__", {})
    if "about" in about:
        data = json.dumps(header, sort_keys=True).encode() + tensors
    return hashlib.sha256(data).digest()[:3]


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The bytes of a .safetensors file to (its header, a dict; the bytes of its tensors)."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def pack(coder: FactorizedCoder | HyperpriorCoder | ContextCoder, about: dict[str, str]) -> bytes:
    """A coder of latents and a dict of text to the bytes of a weights file."""
    metadata = {"about": json.dumps(about)}  # one entry: several would be written in any order
    tensors = {
        name: tensor.half().contiguous()
        for name, tensor in coder.model.state_dict().items()
        if not name.startswith(INTEGER_NETWORKS)
    }
    if isinstance(coder, ContextCoder):
        tensors |= _pack_context(coder.context)
        coder = coder.hyperprior
    if isinstance(coder, FactorizedCoder):
        tensors |= _pack_tables("tables", coder.tables)
        return save_tensors(tensors, metadata=metadata)
    tensors |= _pack_tables("side_tables", coder.side_tables)
    tensors |= _pack_tables("scale_tables", [coder.scale_tables])
    tensors["fixed.side_steps"] = coder.side_steps.to(torch.int32)
    tensors["fixed.log_units"] = coder.log_units.to(torch.int32)
    for index in range(LAYERS):
        tensors[f"fixed.weight.{index}"] = coder.synthesis.weights[index]
        tensors[f"fixed.bias.{index}"] = coder.synthesis.biases[index]
    return save_tensors(tensors, metadata=metadata)


def unpack(data: bytes) -> tuple[FactorizedCoder | HyperpriorCoder | ContextCoder, dict[str, str]]:
    """The bytes of a weights file to (coder of latents, about).

    Raises: ValueError, which says what is wrong with them.
    """
    try:
        with torch.device("cpu"):  # whatever PyTorch's default is
            tensors = load_tensors(data)
    except SafetensorError:
        raise ValueError("cut short, or no .safetensors file") from None
    about = _split(data)[0].get("__metadata__", {})
    about = json.loads(about["about"]) if "about" in about else about
    try:
        with torch.device("cpu"):
            return _coder(tensors), about
    except KeyError as missing:
        raise ValueError(f"the tensor {missing} is missing") from None


def _coder(tensors: dict[str, Tensor]) -> FactorizedCoder | HyperpriorCoder | ContextCoder:
    """A coder of latents from all tensors of a file. Raises: KeyError, ValueError."""
    hidden = _length(tensors["synthesis.convolutional.1.beta_root"])
    latent = _length(tensors["analysis.linear.bias"])
    convolved = _length(tensors["analysis.convolutional.4.bias"])
    if not convolved <= latent:
        raise ValueError(f"{convolved} of {latent} channels with convolutions")
    if "tables.first" in tensors:
        tables = _unpack_tables("tables", tensors, (LEVELS, latent))
        model = _model(tensors, (), hidden, latent, convolved=convolved)
        return FactorizedCoder(model, tables)
    side_channels = _length(tensors["hyperprior.analysis.4.bias"])
    side_tables = _unpack_tables("side_tables", tensors, (LEVELS, side_channels))
    (scale_tables,) = _unpack_tables("scale_tables", tensors, (1, SCALES))
    side_steps = _take(tensors, "fixed.side_steps", (LEVELS, side_channels), torch.int32).long()
    if side_steps.min() < 1:
        raise ValueError(f"a step of {side_steps.min()} in fixed.side_steps")
    log_units = _take(tensors, "fixed.log_units", (LEVELS, latent), torch.int32).long()
    weights = [tensors.pop(f"fixed.weight.{index}") for index in range(LAYERS)]
    biases = [tensors.pop(f"fixed.bias.{index}") for index in range(LAYERS)]
    context = _unpack_context(tensors, latent) if f"{CONTEXT}spreads" in tensors else None
    channels = (hidden, latent, side_channels, convolved, context is not None)
    model = _model(tensors, INTEGER_NETWORKS, *channels)
    synthesis = IntegerSynthesis(weights, biases)
    synthesis.copy_to(model.hyperprior.synthesis)
    coder = HyperpriorCoder(model, side_tables, scale_tables, synthesis, side_steps, log_units)
    if context is None:
        return coder
    context.copy_to(model.context)
    return ContextCoder(coder, context)


def _pack_context(context: IntegerContext) -> dict[str, Tensor]:
    """An IntegerContext to tensors."""
    tensors = {CONTEXT + name: getattr(context, name) for name in LOOKED_UP}
    for kind, groups in (("weight", context.weights), ("bias", context.biases)):
        for group, networks in enumerate(groups):
            for turn, layers in enumerate(networks):
                for layer, tensor in enumerate(layers):
                    tensors[f"{CONTEXT}{group}.{turn}.{kind}.{layer}"] = tensor
    return tensors


def _unpack_context(tensors: dict[str, Tensor], latent: int) -> IntegerContext:
    """The inverse of `_pack_context`; takes the tensors out of the dict."""
    groups = groups_of(latent)

    def taken(kind: str, group: int, turn: int, layers: int) -> list[Tensor]:
        names = (f"{CONTEXT}{group}.{turn}.{kind}.{layer}" for layer in range(layers))
        return [tensors.pop(name) for name in names]

    weights, biases = [], []
    for group, spacing in zip(range(len(groups)), SPACINGS, strict=False):
        count = len(turns(1, 1, spacing))
        linear = group == 0  # whose linear map is the last
        weights.append([taken("weight", group, turn, LAYERS + linear) for turn in range(count)])
        biases.append([taken("bias", group, turn, LAYERS) for turn in range(count)])
    looked_up = {}
    for name, own in look_up_tables().items():
        looked_up[name] = _take(tensors, CONTEXT + name, own.shape, torch.int32)
        if looked_up[name].min() < 0 or looked_up[name].max() > 2 * own.max():
            raise ValueError(f"{CONTEXT}{name} is out of range")
    return IntegerContext(groups, weights, biases, **looked_up)


def _length(tensor: Tensor) -> int:
    """The length of a vector. Raises: ValueError."""
    if tensor.ndim != 1 or not len(tensor):
        raise ValueError(f"a tensor of shape {tuple(tensor.shape)} where a vector is due")
    return len(tensor)


def _take(
    tensors: dict[str, Tensor], name: str, shape: tuple[int, ...], dtype: torch.dtype
) -> Tensor:
    """Take a tensor out of the dict. Raises: KeyError, ValueError for another shape or dtype."""
    tensor = tensors.pop(name)
    if tensor.shape != shape or tensor.dtype != dtype:
        what = f"{tensor.dtype} {tuple(tensor.shape)}, not {dtype} {tuple(shape)}"
        raise ValueError(f"{name} is {what}")
    return tensor


def _model(
    tensors: dict[str, Tensor],
    not_stored: str | tuple[str, ...],
    *channels: Any,
    **more_channels: Any,
) -> RateDistortionAutoencoder:
    """An autoencoder with all tensors that are left. Raises: KeyError, ValueError."""
    model = RateDistortionAutoencoder(*channels, **more_channels).float()
    for name, own in model.state_dict().items():  # which shares its memory with the model
        if not name.startswith(not_stored):
            stored = _take(tensors, name, own.shape, torch.float16).float()
            if not stored.isfinite().all():
                raise ValueError(f"{name} is not finite")
            own.copy_(stored)
    if tensors:
        raise ValueError(f"there is no place for the tensor {next(iter(tensors))!r}")
    return model


def _pack_tables(name: str, tables: Sequence[Sequence[Table]]) -> dict[str, Tensor]:
    """tables[i][j], Tables, to three tensors."""
    flat = [table for level in tables for table in level]
    shape = (len(tables), len(tables[0]))
    frequencies = np.concatenate([table.frequencies for table in flat]).astype(np.uint16)
    sizes = np.array([len(table.frequencies) for table in flat], np.int32).reshape(shape)
    first = np.array([table.first for table in flat], np.int32).reshape(shape)
    return {
        f"{name}.frequencies": torch.from_numpy(frequencies),
        f"{name}.sizes": torch.from_numpy(sizes),
        f"{name}.first": torch.from_numpy(first),
    }


def _unpack_tables(
    name: str, tensors: dict[str, Tensor], shape: tuple[int, int]
) -> list[list[Table]]:
    """The inverse of `_pack_tables`; takes its three tensors out of the dict.

    Raises: KeyError, ValueError unless they are tables of a shape that each add up to 65536.
    """
    first = _take(tensors, f"{name}.first", shape, torch.int32).numpy()
    sizes = _take(tensors, f"{name}.sizes", shape, torch.int32).numpy().astype(np.int64)
    if sizes.min() < 2 or np.abs(first.astype(np.int64)).max() >= LARGEST:
        raise ValueError(f"{name}: a table begins at {first.min()}, or has {sizes.min()} entries")
    frequencies = _take(tensors, f"{name}.frequencies", (sizes.sum(),), torch.uint16).numpy()
    ends = np.cumsum(sizes)
    sums = np.add.reduceat(frequencies.astype(np.int64), ends - sizes.ravel())
    if frequencies.min() < 1 or (sums != TOTAL).any():
        raise ValueError(f"{name}: frequencies are from 1 up, and those of a table add to {TOTAL}")
    parts = iter(np.split(frequencies, ends[:-1]))
    return [[Table(int(start), next(parts)) for start in level] for level in first]
