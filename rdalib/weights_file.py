"""The .safetensors file of a codec: networks in float16, integer tables, and what they are.

A file with side information also holds the integers of its hyper-synthesis, with which every
machine computes the same.
"""

import hashlib
import json
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from rdalib.autoencoder import RateDistortionAutoencoder
from rdalib.entropy_coding import Table
from rdalib.hyperprior import IntegerSynthesis
from rdalib.latent_coding import FactorizedCoder, HyperpriorCoder

LAYERS = 3  # of the hyper-synthesis
FLOAT_SYNTHESIS = "hyperprior.synthesis."  # not stored: its integers say it all


def weights_folder():
    return Path(str(resources.files("rdalib"))) / "weights"


def shipped_names():
    """The names of the models that rdalib ships."""
    return sorted(path.stem for path in weights_folder().glob("*.safetensors"))


def shipped_weights(name):
    """The path of a weights file that rdalib ships. Raises: ValueError."""
    path = weights_folder() / f"{name}.safetensors"
    if not path.exists():
        names = ", ".join(shipped_names())
        raise ValueError(f"no model {name!r}; there are {names}, or name a .safetensors file")
    return path


def weights_path(name):
    """Where weights are: a model of rdalib by name, or a .safetensors file. Raises: ValueError."""
    return Path(name) if name.endswith(".safetensors") else shipped_weights(name)


def weights_id(data):
    """The 3 bytes by which .rda files name a weights file, given its bytes."""
    return hashlib.sha256(data).digest()[:3]


def pack(coder, about):
    """A FactorizedCoder or HyperpriorCoder and a dict of text to the bytes of a weights file."""
    tensors = {
        name: tensor.half()
        for name, tensor in coder.model.state_dict().items()
        if not name.startswith(FLOAT_SYNTHESIS)
    }
    if isinstance(coder, FactorizedCoder):
        tensors |= _pack_tables("tables", coder.tables)
        return save_tensors(tensors, metadata=about)
    tensors |= _pack_tables("side_tables", coder.side_tables)
    tensors |= _pack_tables("scale_tables", [coder.scale_tables])
    tensors["fixed.side_steps"] = coder.side_steps.to(torch.int32)
    tensors["fixed.log_units"] = coder.log_units.to(torch.int32)
    for index in range(LAYERS):
        tensors[f"fixed.weight.{index}"] = coder.synthesis.weights[index]
        tensors[f"fixed.bias.{index}"] = coder.synthesis.biases[index]
    return save_tensors(tensors, metadata=about)


def unpack(data):
    """The bytes of a weights file to (FactorizedCoder or HyperpriorCoder, about).

    Raises: SafetensorError, KeyError, RuntimeError or ValueError if they are something else.
    """
    tensors = load_tensors(data)
    about = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
    hidden = len(tensors["synthesis.convolutional.1.beta_root"])
    latent = len(tensors["analysis.linear.bias"])
    convolved = len(tensors["analysis.convolutional.4.bias"])
    if "tables.first" in tensors:
        tables = _unpack_tables("tables", tensors)
        model = RateDistortionAutoencoder(hidden, latent, convolved=convolved)
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        return FactorizedCoder(model, tables), about
    side_tables = _unpack_tables("side_tables", tensors)
    (scale_tables,) = _unpack_tables("scale_tables", tensors)
    synthesis = IntegerSynthesis(
        [tensors.pop(f"fixed.weight.{index}") for index in range(LAYERS)],
        [tensors.pop(f"fixed.bias.{index}") for index in range(LAYERS)],
    )
    side_steps = tensors.pop("fixed.side_steps").long()
    log_units = tensors.pop("fixed.log_units").long()
    model = RateDistortionAutoencoder(hidden, latent, side_steps.shape[1], convolved)
    synthesis.copy_to(model.hyperprior.synthesis)
    own = {n: t for n, t in model.state_dict().items() if n.startswith(FLOAT_SYNTHESIS)}
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()} | own)
    coder = HyperpriorCoder(model, side_tables, scale_tables, synthesis, side_steps, log_units)
    return coder, about


def _pack_tables(name, tables):
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


def _unpack_tables(name, tensors):
    """The inverse of `_pack_tables`; takes its three tensors out of the dict."""
    frequencies, sizes, first = (
        tensors.pop(f"{name}.{what}").numpy() for what in ("frequencies", "sizes", "first")
    )
    parts = iter(np.split(frequencies, np.cumsum(sizes)[:-1]))
    return [[Table(int(start), next(parts)) for start in level] for level in first]
