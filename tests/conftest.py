import os

import matplotlib
import pytest

import rdalib

# Tests of pictures, and the commands that they run, draw as Matplotlib does by default, whatever
# the machine says. Kernels of notebooks have settings of their own: notebooks/kernel.py.
os.environ["MATPLOTLIBRC"] = matplotlib.get_data_path()
matplotlib.rcdefaults()
matplotlib.use("Agg")


@pytest.fixture(scope="session")
def codec():
    """The default codec, loaded once."""
    return rdalib.Codec.load()
