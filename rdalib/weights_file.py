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
from rdalib.entropy_models import FactorizedPrior, ScaledPrior
from rdalib.files import write_file
from rdalib.hyperprior import IntegerSynthesis
from rdalib.images import pad_to_multiple
from rdalib.transforms import STRIDE

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
    """The 3 bytes by which .rda files name a weights file, given its bytes.

    They follow from the tensors alone; in files of before version 0.2 from all bytes.
    """
    header, tensors = _split(data)
    about = header.pop("__metadata__", {})
    if "about" in about:
        data = json.dumps(header, sort_keys=True).encode() + tensors
    return hashlib.sha256(data).digest()[:3]


def _split(data):
    """The bytes of a .safetensors file to (its header, a dict; the bytes of its tensors)."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def pack(prior, about):
    """A FactorizedPrior or ScaledPrior and a dict of text to the bytes of a weights file."""
    metadata = {"about": json.dumps(about)}  # one entry: several would be written in any order
    tensors = {
        name: tensor.half()
        for name, tensor in prior.model.state_dict().items()
        if not name.startswith(FLOAT_SYNTHESIS)
    }
    if isinstance(prior, FactorizedPrior):
        tensors |= _pack_tables("tables", prior.tables)
        return save_tensors(tensors, metadata=metadata)
    tensors |= _pack_tables("side_tables", prior.side_tables)
    tensors |= _pack_tables("scale_tables", [prior.scale_tables])
    tensors["fixed.side_steps"] = prior.side_steps.to(torch.int32)
    tensors["fixed.log_units"] = prior.log_units.to(torch.int32)
    for index in range(LAYERS):
        tensors[f"fixed.weight.{index}"] = prior.synthesis.weights[index]
        tensors[f"fixed.bias.{index}"] = prior.synthesis.biases[index]
    return save_tensors(tensors, metadata=metadata)


def unpack(data):
    """The bytes of a weights file to (FactorizedPrior or ScaledPrior, about).

    Raises: SafetensorError, KeyError, RuntimeError or ValueError if they are something else.
    """
    tensors = load_tensors(data)
    about = _split(data)[0].get("__metadata__", {})
    about = json.loads(about["about"]) if "about" in about else about
    hidden = len(tensors["synthesis.convolutional.1.beta_root"])
    latent = len(tensors["analysis.linear.bias"])
    convolved = len(tensors["analysis.convolutional.4.bias"])
    if "tables.first" in tensors:
        tables = _unpack_tables("tables", tensors)
        model = RateDistortionAutoencoder(hidden, latent, convolved=convolved)
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        return FactorizedPrior(model, tables), about
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
    return ScaledPrior(model, side_tables, scale_tables, synthesis, side_steps, log_units), about


def _pack_tables(name, tables):
    """tables[i][j], Tables, to three tensors."""
    rows = [table for level in tables for table in level]
    shape = (len(tables), len(tables[0]))
    frequencies = np.concatenate([table.frequencies for table in rows]).astype(np.uint16)
    sizes = np.array([len(table.frequencies) for table in rows], np.int32).reshape(shape)
    first = np.array([table.first for table in rows], np.int32).reshape(shape)
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
    rows = iter(np.split(frequencies, np.cumsum(sizes)[:-1]))
    return [[Table(int(start), next(rows)) for start in level] for level in first]


@torch.inference_mode()
def export(model, photos, path, about):
    """Write a trained model as a weights file, with tables counted on photographs.

    model: RateDistortionAutoencoder (its weights are rounded here, in place); photos: an
    iterable of y; about: dict of text. Raises: OSError.
    """
    model = model.to("cpu", memory_format=torch.contiguous_format).eval()
    for parameter in model.state_dict().values():
        parameter.copy_(parameter.half().float())
    prior = ScaledPrior.of(model) if hasattr(model, "hyperprior") else FactorizedPrior(model, [])
    prior.count_tables([model.analysis(pad_to_multiple(y[None], STRIDE))[0] for y in photos])
    write_file(path, pack(prior, about))
