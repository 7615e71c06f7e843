"""Decode every golden file in this process, in the way that is asked for.

    python tests/golden/decode.py OUT [--threads N] [--compile] [--network-on DEVICE]

Writes each picture to OUT as a PNG and the fingerprints of the integers to OUT/integers.json.
tests/test_golden.py compares both with what is stored beside the files.
"""

import argparse
import copy
import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import torch

from rdalib import bitstream
from rdalib.codec import Codec
from rdalib.hyperprior import IntegerSynthesis
from rdalib.images import write_photo

FOLDER = Path(__file__).parent


def fingerprint(integers):
    """The SHA-256 of what `Codec.decode_integers` gave: shapes and values, not their types."""
    arrays = [integers]
    if dataclasses.is_dataclass(integers):
        arrays = [a for a in dataclasses.astuple(integers) if isinstance(a, np.ndarray)]
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}".encode())
        digest.update(array.astype("<i8").tobytes())
    return digest.hexdigest()


def compile_networks(codec):
    """Let torch.compile turn the synthesis, and the integer one, into other machine code."""
    codec.model.synthesis.compile(dynamic=True)

    def compiled(synthesis):
        synthesis = copy.copy(synthesis)
        synthesis._convolved = torch.compile(synthesis._convolved, dynamic=True)
        return synthesis

    codec.latent_coder = with_other_synthesis(codec.latent_coder, compiled)


def with_other_synthesis(coder, other):
    """A coder of latents with its integer synthesis, if it has one, changed by a function."""
    if hasattr(coder, "hyperprior"):
        return dataclasses.replace(coder, hyperprior=with_other_synthesis(coder.hyperprior, other))
    if hasattr(coder, "synthesis"):
        return dataclasses.replace(coder, synthesis=other(coder.synthesis))
    return coder


def move_networks(codec, device):
    """Compute the synthesis, and the integer one, on another device, without TF32."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    synthesis = codec.model.synthesis.to(device)
    codec.model.synthesis = OnDevice(synthesis, device)

    def moved(synthesis):
        weights, biases = ([t.to(device) for t in s] for s in (synthesis.weights, synthesis.biases))
        there = IntegerSynthesis(weights, biases)
        there._convolved = on_device(there._convolved, device)
        return there

    codec.latent_coder = with_other_synthesis(codec.latent_coder, moved)


def on_device(function, device):
    """A function of a tensor and more, computed on a device for a caller on the CPU."""
    return lambda tensor, *more: function(tensor.to(device), *more).cpu()


class OnDevice(torch.nn.Module):
    """A network, computed on a device for a caller on the CPU."""

    def __init__(self, function, device):
        super().__init__()
        self.function, self.device = function, device

    def forward(self, tensor):
        return self.function(tensor.to(self.device)).cpu()


def decode_all(out, prepare=lambda codec: None):
    """Decode every golden file into the folder `out`. prepare: changes a codec before its use."""
    fingerprints, codecs = {}, {}
    for path in sorted(FOLDER.glob("*.rda")):
        data = path.read_bytes()
        stream = bitstream.parse(data)
        if stream.weights_id not in codecs:
            codecs[stream.weights_id] = Codec.load_for(data)
            prepare(codecs[stream.weights_id])
        codec = codecs[stream.weights_id]
        fingerprints[path.name] = fingerprint(codec.decode_integers(stream))
        write_photo(codec.decompress(data), out / path.with_suffix(".png").name)
    (out / "integers.json").write_text(json.dumps(fingerprints, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--network-on", metavar="DEVICE")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    def prepare(codec):
        if arguments.compile:
            compile_networks(codec)
        if arguments.network_on:
            move_networks(codec, arguments.network_on)

    decode_all(arguments.out, prepare)


if __name__ == "__main__":
    main()
