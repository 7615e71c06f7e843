import pytest

import rdalib


@pytest.fixture(scope="session")
def codec():
    """The default codec, loaded once."""
    return rdalib.Codec.load()
