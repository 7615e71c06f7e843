"""Rate-distortion autoencoders: the library of the course, and its codec.

codec = rdalib.Codec.load()
data = codec.compress(y, max_bytes=4000)
y_hat = codec.decompress(data)
"""

from importlib import import_module
from pkgutil import iter_modules

__version__ = "0.2.0"
__all__ = ["BitstreamError", "Codec"]

_MODULES = {module.name for module in iter_modules(__path__) if not module.name.startswith("_")}


def __getattr__(name: str) -> object:
    """Import on first use: `rda info` need not wait for PyTorch."""
    if name == "Codec":
        return import_module("rdalib.codec").Codec
    if name == "BitstreamError":
        return import_module("rdalib.bitstream").BitstreamError
    if name in _MODULES:
        return import_module(f"rdalib.{name}")
    raise AttributeError(f"module 'rdalib' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
