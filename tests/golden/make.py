"""Make the golden files again: .rda files of the shipped models, and what they decode to.

    python tests/golden/make.py

Only to be run when shipped weights are replaced on purpose. If a test of these files fails
otherwise, what is wrong is the code: it no longer reads the files that are out there.

Stored are the decoded pictures and the SHA-256 of the decoded integers. A hash is enough to hold
integers exactly: on an error in them the decoder itself says that the payload does not fit.
"""

from decode import FOLDER, decode_all

from rdalib.codec import Codec
from rdalib.images import sample_photo
from rdalib.shipped import shipped_names

PHOTO = sample_photo("chelsea")[:, 60:188, 130:322]  # 192 x 128 pixels, the cat's eyes
ODD = PHOTO[:, :33, :65]
FILES = {"q05": (PHOTO, 5), "q32": (PHOTO, 32), "q60": (PHOTO, 60), "odd_sides": (ODD, 32)}


def main():
    for pattern in ("*.rda", "*.png", "*.json"):
        for path in FOLDER.glob(pattern):
            path.unlink()
    for model in shipped_names():
        codec = Codec.load(model)
        for name, (y, quality) in FILES.items():
            (FOLDER / f"{model}_{name}.rda").write_bytes(codec.compress(y, quality))
    decode_all(FOLDER)
    for path in sorted(FOLDER.glob("*.rda")):
        print(f"{path.name:28}{path.stat().st_size:7,} bytes")


if __name__ == "__main__":
    main()
