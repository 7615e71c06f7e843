"""Rate-distortion autoencoders: the library of the course, and its codec.

codec = rdalib.Codec.load()
data = codec.compress(y, max_bytes=4000)
y_hat = codec.decompress(data)
"""

__version__ = "0.1.0"
__all__ = ["BitstreamError", "Codec"]


def __getattr__(name):
    """Import on first use: `rda --help` need not wait for PyTorch."""
    if name == "Codec":
        from rdalib.codec import Codec

        return Codec
    if name == "BitstreamError":
        from rdalib.bitstream import BitstreamError

        return BitstreamError
    raise AttributeError(f"module 'rdalib' has no attribute {name!r}")
