import os

import matplotlib
import pytest
import torch

import rdalib
from rdalib.autoencoder import RateDistortionAutoencoder
from rdalib.codec import Codec
from rdalib.export import export
from rdalib.images import sample_photo
from rdalib.transforms import STRIDE

# Tests of pictures, and the commands that they run, draw as Matplotlib does by default, whatever
# the machine says. Kernels of notebooks have settings of their own: notebooks/kernel.py.
os.environ["MATPLOTLIBRC"] = matplotlib.get_data_path()
matplotlib.rcdefaults()
matplotlib.use("Agg")


@pytest.fixture(scope="session")
def codec():
    """The default codec, loaded once."""
    return rdalib.Codec.load()


@pytest.fixture(scope="session")
def photo_of_48_by_80():
    return sample_photo("astronaut")[:, 20:68, 200:280].clone()


def make_tiny(path, side_channels, context=False):
    """A weights file of a small model that was never trained, tables counted on two photographs."""
    photos = [sample_photo(name)[:, :256, :256] for name in ("coffee", "chelsea")]
    unfold = torch.nn.functional.unfold
    blocks = [unfold(y[None] - 0.5, STRIDE, stride=STRIDE)[0].T for y in photos]
    torch.manual_seed(0)
    model = RateDistortionAutoencoder(8, 12, side_channels, context=context)
    model.start_from_principal_components(torch.cat(blocks))
    with torch.no_grad():
        for path_ in (model.analysis, model.synthesis):  # so that the convolutions do something
            torch.nn.init.normal_(path_.convolutional[-1].weight, std=0.01)
        if side_channels:  # so that means and scales vary
            torch.nn.init.normal_(model.hyperprior.synthesis[-1].weight, std=0.5)
        if context:
            for networks in model.context.networks:
                for network in networks:
                    torch.nn.init.normal_(network.layers[-1].weight, std=0.05)
    export(model, photos, path, {"steps": "0"})
    return path


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory):
    return make_tiny(tmp_path_factory.mktemp("weights") / "tiny.safetensors", side_channels=0)


@pytest.fixture(scope="session")
def tiny(tiny_path):
    return Codec.load(tiny_path)


@pytest.fixture(scope="session")
def sided_path(tmp_path_factory):
    return make_tiny(tmp_path_factory.mktemp("weights") / "sided.safetensors", side_channels=5)


@pytest.fixture(scope="session")
def sided(sided_path):
    """The small model with side information."""
    return Codec.load(sided_path)


@pytest.fixture(scope="session")
def contextual(tmp_path_factory):
    """The small model with a context model, too."""
    path = tmp_path_factory.mktemp("weights") / "contextual.safetensors"
    return Codec.load(make_tiny(path, side_channels=5, context=True))
