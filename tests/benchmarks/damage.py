"""Damage .rda files at random and count what the decoder makes of them.

    python tests/benchmarks/damage.py [number of files, default 100000]

Half of the damage is of the kind that disks and networks do: truncations, flipped bits, splices of
two files. Such a file must give a BitstreamError; what a checksum of 32 bits cannot see is
computed. The other half is crafted: the checksum is right and the contents are wrong. Such a file
must give a BitstreamError too, or be, byte for byte, the file that the encoder makes of some
picture: then it is as good as any other, and counted as legal.

The exit status is 1 if anything but BitstreamError was raised or a wrong picture came out.
"""

import argparse
import dataclasses
import random
import sys
import zlib
from collections import Counter

import torch
from tqdm import tqdm

from rdalib import Codec, entropy_coding
from rdalib.bitstream import HEADER, MAGIC, VERSION, BitstreamError, build, parse
from rdalib.images import sample_photo

ERROR, EXCEPTION, SILENT, LEGAL = "error", "other exception", "silent wrong", "legal file"


def make_files(codec):
    """Small files to damage: three crops of 48 x 32 pixels at three qualities, two odd ones."""
    photos = [
        sample_photo(name)[:, 100:132, 150:198] for name in ("astronaut", "chelsea", "coffee")
    ]
    files = [codec.compress(y, quality) for y in photos for quality in (6, 30, 56)]
    return [*files, codec.compress(photos[0][:, :1, :1]), codec.compress(photos[1][:, :15, :33])]


# Damage. Each takes the files and a source of chance, and returns bytes that are none of the files.


def truncated(files, chance):
    data = chance.choice(files)
    return data[: chance.randrange(len(data))]


def flipped(files, chance):
    data = bytearray(chance.choice(files))
    bits = chance.sample(range(8 * len(data)), chance.choice((1, 1, 2, 3, 8, 50)))
    for bit in bits:
        data[bit // 8] ^= 1 << bit % 8
    return bytes(data)


def spliced(files, chance):
    """The beginning of one file and the end of another, cut anywhere or at the same place."""
    while True:
        first, second = chance.sample(files, 2)
        cut = chance.randrange(1, len(first))
        other_cut = cut if chance.random() < 0.5 else chance.randrange(len(second))
        data = first[:cut] + second[other_cut:]
        if data not in files:
            return data


# Crafted files: any header, any payload, and a checksum that is right.


def random_payload(files, chance):
    words = chance.choice((0, 1, 1, 2, 3, 10, 40))
    return crafted(files, chance, payload=chance.randbytes(4 * words + chance.choice((0, 0, 0, 1))))


def cut_payload(files, chance):
    payload = parse(chance.choice(files)).payload
    return crafted(files, chance, payload=payload[: 4 * chance.randrange(len(payload) // 4)])


def extended_payload(files, chance):
    stream = parse(chance.choice(files))
    tail = chance.choice((bytes(4), b"\xff" * 4, chance.randbytes(4), chance.randbytes(1)))
    return build(dataclasses.replace(stream, payload=stream.payload + tail))


def flipped_payload(files, chance):
    stream = parse(chance.choice(files))
    payload = bytearray(stream.payload)
    payload[chance.randrange(len(payload))] ^= 1 << chance.randrange(8)
    return build(dataclasses.replace(stream, payload=bytes(payload)))


def other_sides(files, chance):
    stream = parse(chance.choice(files))
    sides = chance.choice(((stream.height, stream.width), (chance.randint(1, 200), 17), (49, 32)))
    return crafted(files, chance, stream, width=sides[0], height=sides[1])


def other_quality(files, chance):
    return crafted(files, chance, quality=chance.randrange(256))


def other_weights(files, chance):
    return crafted(files, chance, weights_id=chance.randbytes(3))


def impossible_sides(files, chance):
    sides = chance.choice(((0, 0), (0, 16), (16, 0), (65535, 65535), (8192, 8193), (65535, 1025)))
    return crafted(files, chance, width=sides[0], height=sides[1])


def crafted(files, chance, stream=None, **changes):
    stream = dataclasses.replace(stream or parse(chance.choice(files)), **changes)
    fields = (stream.weights_id, stream.quality, stream.width, stream.height)
    header = HEADER.pack(MAGIC, VERSION, *fields, 0)[:-4]
    checksum = zlib.crc32(header + stream.payload)
    return header + checksum.to_bytes(4, "little") + stream.payload


DAMAGES = (truncated, flipped, spliced)
CRAFTS = (
    random_payload,
    cut_payload,
    extended_payload,
    flipped_payload,
    other_sides,
    other_quality,
    other_weights,
    impossible_sides,
)


def outcome(codec, data):
    """What decompressing `data`, which is no file of ours, comes to: one of the four words."""
    try:
        y_hat = codec.decompress(data)
    except BitstreamError:
        return ERROR
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic of the range coder is no Exception
        print(f"{type(error).__name__}: {error}; file {data.hex()}", file=sys.stderr)
        return EXCEPTION
    stream = parse(data)
    integers = codec.decode_integers(stream)
    again = entropy_coding.encode(*codec.latent_coder.symbols_and_tables(integers, stream.quality))
    whole = (
        build(dataclasses.replace(stream, payload=again)) == data
        and y_hat.shape == (3, stream.height, stream.width)
        and torch.isfinite(y_hat).all()
    )
    return LEGAL if whole else SILENT


def damage(codec, count, seed=0, progress=lambda items: items):
    """Damage `count` files and decompress each. Returns {kind: Counter of outcomes}.

    A picture out of a file that was not crafted is silent damage, legal or not.
    """
    chance, files = random.Random(seed), make_files(codec)
    tally = {kind.__name__: Counter() for kind in (*DAMAGES, *CRAFTS)}
    for index in progress(range(count)):
        crafts = index % 2 == 1
        kind = chance.choice(CRAFTS if crafts else DAMAGES)
        data = kind(files, chance)
        while crafts and data in files:  # the change may have been none
            data = kind(files, chance)
        result = outcome(codec, data)
        tally[kind.__name__][SILENT if result == LEGAL and not crafts else result] += 1
    return tally


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tally = damage(Codec.load(), arguments.count, arguments.seed, tqdm)
    outcomes = (ERROR, LEGAL, EXCEPTION, SILENT)
    print(f"{'damage':18}{'files':>9}" + "".join(f"{name:>17}" for name in outcomes))
    total = sum(tally.values(), Counter())
    for kind, counts in {**tally, "all": total}.items():
        print(f"{kind:18}{counts.total():9}" + "".join(f"{counts[name]:17}" for name in outcomes))
    uncrafted = sum(tally[kind.__name__].total() for kind in DAMAGES)
    print(
        f"Of {uncrafted} files that were not crafted, a 32-bit checksum is expected to miss at "
        f"most {uncrafted / 2**32:.2g}."
    )
    return int(bool(total[EXCEPTION] or total[SILENT]))


if __name__ == "__main__":
    sys.exit(main())
