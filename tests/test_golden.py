"""Files made once, decoded in fresh processes: to the same integers, to the same picture.

Integers have to be the same to the last bit, wherever and however they are computed. A picture
comes out of floating-point sums, which depend on their order, so it may differ by one grey level.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import torch
from golden.decode import FOLDER
from PIL import Image

from rdalib import bitstream
from rdalib.shipped import shipped_names, shipped_weights
from rdalib.weights_file import weights_id

FILES = sorted(path.stem for path in FOLDER.glob("*.rda"))
INTEGERS = json.loads((FOLDER / "integers.json").read_text())

# Vector instructions change the order of floating-point sums, as another machine would.
PROCESSORS = {
    "as_it_is": {},
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "none": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    },
}


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def assert_decodes_alike(out, *options, environment=None):
    """Run decode.py in a fresh process; compare what it decoded with what is stored."""
    command = [sys.executable, str(FOLDER / "decode.py"), str(out), *options]
    environment = os.environ | (environment or {})
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    assert json.loads((out / "integers.json").read_text()) == INTEGERS
    for name in FILES:
        decoded, stored = pixels(out / f"{name}.png"), pixels(FOLDER / f"{name}.png")
        assert decoded.shape == stored.shape
        assert np.abs(decoded - stored).max() <= 1, name


def has_compiler():
    compilers = (os.environ.get("CXX", "g++"), "clang++")
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    blank = any(map(str.isspace, sys.prefix))  # at which PyTorch cuts its commands for the linker
    return any(map(shutil.which, compilers)) and headers.exists() and not blank


def test_every_shipped_model_has_golden_files_of_its_weights():
    streams = {name: bitstream.parse((FOLDER / f"{name}.rda").read_bytes()) for name in FILES}
    for model in shipped_names():
        mine = [stream for name, stream in streams.items() if name.startswith(model)]
        made_by = weights_id(shipped_weights(model).read_bytes())
        assert {stream.weights_id for stream in mine} == {made_by}, (
            "replaced on purpose? then run tests/golden/make.py"
        )
        assert {stream.quality for stream in mine} == {5, 32, 60}
        assert any(stream.width % 16 and stream.height % 16 for stream in mine)
    assert set(INTEGERS) == {f"{name}.rda" for name in FILES}


@pytest.mark.parametrize("processor", PROCESSORS)
def test_every_processor_decodes_alike(processor, tmp_path):
    assert_decodes_alike(tmp_path, environment=PROCESSORS[processor])


def test_two_threads_decode_alike(tmp_path):
    assert_decodes_alike(tmp_path, "--threads", "2")


@pytest.mark.skipif(
    not has_compiler(),
    reason="torch.compile needs a C++ compiler, Python.h and a path without blanks",
)
def test_compiled_networks_decode_alike(tmp_path):
    assert_decodes_alike(tmp_path, "--compile")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU here")
def test_networks_on_a_gpu_decode_alike(tmp_path):
    assert_decodes_alike(tmp_path, "--network-on", "cuda")
