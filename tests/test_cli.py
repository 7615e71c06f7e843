"""The command `rda`: what it writes, what it says, and what it refuses in one line."""

import csv
import errno
import functools
import io
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pooch
import pytest
import requests
import torch
from PIL import Image

from rdalib import (
    bitstream,
    classical,
    datasets,
    evaluation,
    evaluation_commands,
    plots,
    terminal,
    train_command,
    training,
)
from rdalib.bitstream import HEADER
from rdalib.cli import main
from rdalib.codec import Codec
from rdalib.distortion import l2, psnr
from rdalib.images import read_photo
from rdalib.kept_points import KeptPoints
from rdalib.patches import RandomPatches


@pytest.fixture(autouse=True)
def loaded_once(codec, monkeypatch):
    """The shipped weights are read once for all tests; other weights as ever."""
    load = Codec.load
    monkeypatch.setattr(Codec, "load", lambda name=None: codec if name is None else load(name))


def save_photo(path, height=48, width=64, seed=0):
    """A picture with large and small structure, as photographs have."""
    walk = np.random.default_rng(seed).normal(size=(height, width, 3)).cumsum(0).cumsum(1)
    walk -= walk.min()
    Image.fromarray((255 * walk / max(walk.max(), 1e-9)).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory, codec):
    """A folder with photo.png, its file photo.rda and two photographs in photos/."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "photos").mkdir()
    for seed in range(2):
        save_photo(folder / "photos" / f"{seed}.png", seed=seed)
    y = read_photo(save_photo(folder / "photo.png"))
    (folder / "photo.rda").write_bytes(codec.compress(y, quality=20))
    return folder


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """The same in a folder of its own, the current one."""
    (tmp_path / "photos").mkdir()
    for path in made.rglob("*.*"):
        (tmp_path / path.relative_to(made)).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rda(capsys):
    """rda("info photo.rda") runs the command and returns (status, stdout, stderr)."""

    def run(line, *more):
        capsys.readouterr()
        status = main([*line.split(), *map(str, more)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def refused(rda, here):
    """refused(...) runs a command that must fail cleanly, and returns its one line."""

    def contents():
        files = (path for path in here.rglob("*") if path.is_file())
        return {path: path.read_bytes() for path in files}

    def run(line, *more):
        before = contents()
        status, out, err = rda(line, *more)
        assert (status, out) == (2, "")
        assert re.fullmatch(r"rda[^\n]*: [^\n]+\n", err)
        assert "Errno" not in err
        assert contents() == before
        return err.removesuffix("\n")

    return run


# Compress and decompress


def test_compress_writes_the_codecs_file_and_says_its_size_and_psnr(rda, here, codec):
    y = read_photo("photo.png")
    status, out, err = rda("compress photo.png out.rda --quality 40")
    data = (here / "out.rda").read_bytes()
    assert (status, err) == (0, "")
    assert data == codec.compress(y, quality=40)
    psnr = -10 * math.log10(float((codec.decompress(data) - y).double().square().mean()))
    assert out == (
        f"out.rda: {len(data)} bytes (16 of header), {8 * len(data) / (48 * 64):.3f} bpp, "
        f"PSNR {psnr:.2f} dB, quality 40 of 0..63\n"
    )


@pytest.mark.parametrize(
    "knob, quality",
    [("", 32), ("--quality 0", 0), ("--quality 63", 63), ("--lam 0.0002", 0), ("--lam 9", 63)],
)
def test_every_knob_sets_the_quality_level(rda, here, knob, quality):
    status, out, _ = rda(f"compress photo.png out.rda {knob}")
    assert status == 0
    assert bitstream.parse((here / "out.rda").read_bytes()).quality == quality
    assert out.endswith(f"quality {quality} of 0..63\n")


def test_bytes_gives_the_best_file_within_the_budget(rda, here, codec):
    y = read_photo("photo.png")
    sizes = [len(codec.compress(y, quality)) for quality in range(64)]
    budget = sizes[30]
    assert rda(f"compress photo.png out.rda --bytes {budget}")[0] == 0
    data = (here / "out.rda").read_bytes()
    best = max(quality for quality, size in enumerate(sizes) if size <= budget)
    plain = codec.compress(y, quality=best)
    assert len(data) <= budget
    assert l2(y, codec.decompress(data)) <= l2(y, codec.decompress(plain))


def test_too_few_bytes_are_refused_with_the_fewest_that_do(rda, refused, here):
    line = refused("compress photo.png out.rda --bytes 3")
    pattern = "rda: 3 bytes are too few for 64 x 48 pixels: the smallest file possible has ([0-9]+)"
    fewest = int(re.fullmatch(pattern, line)[1])
    assert rda(f"compress photo.png out.rda --bytes {fewest}")[0] == 0
    assert (here / "out.rda").stat().st_size == fewest
    (here / "out.rda").unlink()
    assert refused(f"compress photo.png out.rda --bytes {fewest - 1}").endswith(str(fewest))


@pytest.mark.parametrize("height, width", [(1, 1), (15, 33), (16, 16), (1, 200)])
def test_a_photograph_comes_back_at_its_size(rda, here, codec, height, width):
    save_photo(here / "odd.png", height, width)
    assert rda("compress odd.png odd.rda")[0] == 0
    status, out, err = rda("decompress odd.rda back.png")
    assert (status, out, err) == (0, f"back.png: {width} x {height} pixels\n", "")
    expected = codec.decompress((here / "odd.rda").read_bytes())
    assert expected.shape == (3, height, width)
    assert torch.equal(read_photo("back.png"), expected)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P", "1", "I;16"])
def test_every_kind_of_photograph_is_compressed_as_read_photo_reads_it(rda, here, codec, mode):
    with Image.open("photo.png") as image:
        grey = mode == "I;16"
        image.convert("I" if grey else mode).convert(mode).save("kind.tif")
    notes = []
    y = read_photo("kind.tif", notes.append)
    status, _, err = rda("compress kind.tif kind.rda")
    assert (status, err) == (0, "".join(f"note: {text}\n" for text in notes))
    assert (here / "kind.rda").read_bytes() == codec.compress(y)


def test_compress_says_what_it_changed(rda, here):
    frames = [Image.new("RGBA", (20, 10), colour) for colour in ("#ff000080", "#00ff0080")]
    frames[0].save("clear.png", save_all=True, append_images=frames[1:])
    status, _, err = rda("compress clear.png clear.rda")
    assert status == 0
    assert err == (
        "note: the first of 2 frames is taken\nnote: transparent parts are laid on white\n"
    )


def test_an_exif_rotated_photograph_is_compressed_upright(rda, here):
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open("photo.png") as image:
        image.save("turned.jpg", exif=exif)
    assert rda("compress turned.jpg turned.rda")[0] == 0
    assert "size       48 x 64 pixels\n" in rda("info turned.rda")[1]


def test_a_format_that_cannot_hold_the_picture_is_refused(rda, refused, here):
    save_photo(here / "large.png", 300, 400)
    assert rda("compress large.png large.rda")[0] == 0
    line = refused("decompress large.rda large.ico")
    assert line == "rda: large.ico: ICO cannot hold 400 x 300 pixels; .png takes every picture"


def test_a_format_that_loses_again_is_written_with_a_note(rda, here):
    status, _, err = rda("decompress photo.rda back.jpg")
    assert (status, err) == (
        0,
        "note: back.jpg: JPEG, quality 95, subsampling 4:4:4 loses a little again; "
        ".png keeps every pixel\n",
    )
    with Image.open("back.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (64, 48))


def test_info_says_what_the_header_says(rda, here, codec):
    data = (here / "photo.rda").read_bytes()
    status, out, err = rda("info photo.rda")
    assert (status, err) == (0, "")
    assert out == (
        "format     .rda version 1, checksum right\n"
        "size       64 x 48 pixels\n"
        f"file       {len(data)} bytes, {8 * len(data) / (64 * 48):.3f} bpp\n"
        f"payload    {len(data) - 16} bytes after 16 of header\n"
        f"quality    20 of 0..63, lambda {0.0002 * 320 ** (20 / 63):.3g}\n"
        f"weights    {codec.weights_id.hex()}\n"
    )


def process(*argv):
    return subprocess.run(
        [sys.executable, "-m", "rdalib.cli", *argv], capture_output=True, text=True, check=False
    )


def test_two_processes_give_the_picture_that_the_codec_gives(here, codec):
    first = process("compress", "photo.png", "out.rda", "--quality", "45")
    assert (first.returncode, first.stderr) == (0, "")
    second = process("decompress", "out.rda", "out.png")
    assert (second.returncode, second.stderr) == (0, "")
    expected = codec.decompress((here / "out.rda").read_bytes())
    assert torch.equal(read_photo("out.png"), expected)


def test_a_process_that_refuses_ends_with_status_2_and_one_line(here):
    result = process("decompress", "photo.png", "out.png")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == ("rda: photo.png: not an .rda file: it does not begin with RDA\n")


# Names and consoles


LINES = [
    ("compress é学.png é学.rda", "é学.rda"),
    ("decompress é学.rda neu é.png", "neu é.png"),
    ("info é学.rda", None),
    ("compare é学.png --out é.png", "é.png"),
    ("evaluate é --json é.json --codecs webp --plot é.png", "é.json"),
    ("compress fehlt学.png a.rda", None),
    ("compress a.png fehlt学/a.rda", None),
    ("info --help", None),
    ("fetch é", None),
]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_no_name_makes_a_command_fail_on_any_console(here, encoding):
    (here / "é学.png").write_bytes((here / "photo.png").read_bytes())
    (here / "é学.rda").write_bytes((here / "photo.rda").read_bytes())
    (here / "é").mkdir()
    (here / "é" / "学.png").write_bytes((here / "photo.png").read_bytes())
    program = """
import sys
from rdalib.cli import main
for line in sys.stdin.buffer.read().decode().splitlines():
    print(main(line.replace("neu é", "neu\\u00a0é").split(" ")), file=sys.__stdout__)
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        input="\n".join(line for line, _ in LINES).encode(),
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    statuses = [int(word) for word in result.stdout.split(b"\n") if word.isdigit()]
    assert statuses == [0, 0, 0, 0, 0, 2, 2, 0, 2], result.stderr.decode(errors="replace")
    for _, output in LINES:
        assert output is None or (here / output.replace(" ", "\u00a0")).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="names are not bytes there")
def test_a_name_that_is_no_text_is_shown_escaped(rda, here):
    name = os.fsdecode(b"photo\xff.png")
    Path(name).write_bytes((here / "photo.png").read_bytes())
    result = process("compress", name, os.fsdecode(b"out\xff.rda"))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("out\\udcff.rda: ")


# What is refused: the file to read


def test_compress_refuses_what_is_no_photograph(refused, here):
    (here / "text.jpg").write_text("not a photograph")
    (here / "half.png").write_bytes((here / "photo.png").read_bytes()[:300])
    line = refused("compress text.jpg out.rda")
    assert line == "rda: text.jpg is not a photograph that Pillow can open"
    assert refused("compress half.png out.rda").startswith("rda: half.png cannot be decoded: ")
    line = refused("compress photos out.rda")
    assert line == "rda: photos is a folder; name a photograph in it"
    line = refused("compress missing.png out.rda")
    assert line == "rda: missing.png: no such file or directory"
    assert refused("compare text.jpg").startswith("rda: text.jpg is not a photograph")
    assert refused("compare missing.png").startswith("rda: missing.png: no such file")


@pytest.mark.parametrize("command", ["decompress {} out.png", "info {}"])
def test_a_large_file_that_is_no_rda_file_is_refused_at_once(refused, here, command):
    with open("sparse.rda", "wb") as file:
        file.truncate(40 * 10**9)
    before = time.perf_counter()
    # not by `refused`, which compares files
    status = main(command.format("sparse.rda").split())
    assert (status, time.perf_counter() - before < 10) == (2, True)
    os.unlink("sparse.rda")
    if Path("/dev/zero").exists():
        line = refused(command.format("/dev/zero"))
        assert line == "rda: /dev/zero: not an .rda file: it does not begin with RDA"


@pytest.mark.parametrize("command", ["decompress in.rda out.png", "info in.rda"])
def test_a_file_that_is_not_there_is_refused(refused, here, command):
    assert refused(command) == "rda: in.rda: no such file or directory"
    (here / "in.rda").mkdir()
    assert refused(command) == "rda: in.rda is a folder; name an .rda file in it"


def sealed(data):
    """The file with the checksum that its other bytes ask for."""
    checksum = zlib.crc32(data[:12] + data[16:])
    return data[:12] + checksum.to_bytes(4, "little") + data[16:]


def changed(data, offset, value):
    return data[:offset] + value + data[offset + len(value) :]


# name: (how the file is made from a right one, what is said, whether `rda info` can tell)
BAD_FILES = {
    "empty": (lambda data: b"", "the file is empty", True),
    "photograph": (lambda data: b"\x89PNG\r\n\x1a\n" + data, "not an .rda file: ", True),
    "cut in the magic": (lambda data: data[:2], "cut short: 2 bytes", True),
    "cut in the header": (lambda data: data[:15], "cut short: 15 bytes", True),
    "cut after the header": (lambda data: data[:16], "damaged or cut short", True),
    "cut at the end": (lambda data: data[:-1], "damaged or cut short", True),
    "continued": (lambda data: data + b"\0\0\0\0", "damaged or cut short", True),
    "newer": (lambda data: sealed(changed(data, 3, b"\2")), "format version 2", True),
    "level 64": (lambda data: sealed(changed(data, 7, b"\x40")), "quality level 64", True),
    "width 0": (lambda data: sealed(changed(data, 8, b"\0\0")), "0 x 48 pixels", True),
    "a billion pixels": (
        lambda data: sealed(changed(data, 8, HEADER.pack(b"", 0, b"", 0, 40000, 25000, 0)[8:12])),
        "40000 x 25000 pixels; at most",
        True,
    ),
    "other weights": (
        lambda data: sealed(changed(data, 4, bytes(b ^ 255 for b in data[4:7]))),
        "made with other weights",
        False,
    ),
    "payload of another": (
        lambda data: sealed(data[:16] + data[16:][::-1]),
        "the coded data is damaged",
        False,
    ),
    "payload too long": (
        lambda data: sealed(data + b"\0\0\0\0"),
        "the coded data is damaged",
        False,
    ),
    "half a word": (lambda data: sealed(data[:-1]), "the coded data is not a whole number", False),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_damaged_or_foreign_file_is_refused(rda, refused, here, name):
    damage, message, told_by_info = BAD_FILES[name]
    (here / "in.rda").write_bytes(damage((here / "photo.rda").read_bytes()))
    assert refused("decompress in.rda out.png").startswith(f"rda: in.rda: {message}")
    if told_by_info:
        assert refused("info in.rda").startswith(f"rda: in.rda: {message}")
    else:
        assert rda("info in.rda")[0] == 0


def test_no_cut_and_no_flipped_bit_goes_unseen(refused, here):
    data = (here / "photo.rda").read_bytes()
    bad = [data[:length] for length in range(0, len(data), 5)]
    bad += [
        changed(data, offset, bytes([data[offset] ^ 1 << offset % 8]))
        for offset in range(len(data))
    ]
    for one in bad:
        (here / "in.rda").write_bytes(one)
        refused("decompress in.rda out.png")


def test_a_failed_run_leaves_the_old_output_as_it_was(refused, here):
    (here / "in.rda").write_bytes((here / "photo.rda").read_bytes()[:-4])
    save_photo(here / "old.png", seed=5)
    refused("decompress in.rda old.png")  # `refused` compares every file
    refused("compress photo.png photo.rda --bytes 1")


# Many files, standard input and output, what is replaced


def test_several_photographs_go_into_a_folder(rda, here, codec):
    (here / "files").mkdir()
    status, out, err = rda("compress photos/0.png photos/1.png photo.png --out files --quality 9")
    assert (status, err) == (0, "")
    names = ["0.rda", "1.rda", "photo.rda"]
    assert [line.partition(":")[0] for line in out.splitlines()] == [
        str(Path("files", name)) for name in names
    ]
    assert sorted(path.name for path in (here / "files").iterdir()) == names
    data = (here / "files" / "1.rda").read_bytes()
    assert data == codec.compress(read_photo("photos/1.png"), 9)
    status, out, _ = rda("decompress files/0.rda files/1.rda files/photo.rda")
    assert (status, len(out.splitlines())) == (0, 3)
    assert torch.equal(read_photo("files/1.png"), codec.decompress(data))
    (here / "back").mkdir()
    assert rda("decompress files/1.rda --out back")[0] == 0
    assert (here / "back" / "1.png").read_bytes() == (here / "files" / "1.png").read_bytes()


def test_one_bad_file_is_named_and_the_rest_go_on(rda, here):
    (here / "bad.png").write_text("no photograph")
    (here / "bad.rda").write_bytes((here / "photo.rda").read_bytes()[:-4])
    (here / "out").mkdir()
    status, out, err = rda("compress bad.png missing.jpg photo.png --out out")
    assert (status, out.count("\n")) == (1, 1)
    assert err.splitlines() == [
        "rda: bad.png is not a photograph that Pillow can open",
        "rda: missing.jpg: no such file or directory",
        "rda: 2 of 3 files failed",
    ]
    status, out, err = rda("decompress bad.rda photo.rda --out out")
    assert (status, out) == (1, f"{Path('out', 'photo.png')}: 64 x 48 pixels\n")
    assert err.startswith("rda: bad.rda: damaged or cut short")
    status, _, err = rda("compress photo.png photos/1.png --bytes 1 --out out --overwrite")
    assert status == 1
    assert err.startswith("rda: photo.png: 1 bytes are too few for 64 x 48 pixels")


def test_two_photographs_of_one_name_are_refused_before_any_work(refused, here):
    (here / "out").mkdir()
    save_photo(here / "photo.bmp")
    line = refused("compress photos/0.png photo.png photo.bmp --out out")
    assert line == (
        f"rda: photo.png and photo.bmp would both be written to {Path('out', 'photo.rda')}"
    )


def test_a_name_that_was_made_up_replaces_nothing_unless_told(rda, refused, here):
    was = (here / "photo.png").read_bytes()
    assert refused("decompress photo.rda") == "rda: photo.png exists; --overwrite replaces it"
    assert refused("compress photo.png --out .") == "rda: photo.rda exists; --overwrite replaces it"
    assert rda("decompress photo.rda --overwrite")[0] == 0
    assert (here / "photo.png").read_bytes() != was
    assert rda("compress photo.png photo.rda --quality 1")[0] == 0  # named, so replaced


@pytest.mark.parametrize(
    "line, said",
    [
        ("compress photo.png", "photo.png: name the file to write too, or a folder with --out"),
        ("compress photo.png photos/0.png a.rda", "several photographs need a folder for their"),
        ("compress photo.png --out missing", "--out missing: no such folder; make it first"),
        ("compress photo.png --out photo.rda", "--out photo.rda: no such folder"),
        ("compress - --out photos", "standard input has no name to give on"),
        ("decompress photo.rda photo.rda a.png", "a.png: name the file to write too, or a folder"),
        ("decompress photo.png", "photo.png: name the file to write too, or a folder"),
    ],
)
def test_names_that_do_not_say_where_to_write_are_refused(refused, line, said):
    assert refused(line).startswith(f"rda: {said}")


class Stream:
    """Standard input or output, of bytes."""

    def __init__(self, data=b""):
        self.buffer = io.BytesIO(data)
        self.write, self.flush = sys.stderr.write, sys.stderr.flush


def test_a_dash_is_standard_input_and_output(here, monkeypatch, capsys, codec):
    def piped(line, data):
        out = Stream()
        monkeypatch.setattr(sys, "stdin", Stream(data))
        monkeypatch.setattr(sys, "stdout", out)
        status = main(line.split())
        return status, out.buffer.getvalue()

    png = (here / "photo.png").read_bytes()
    data = codec.compress(read_photo("photo.png"), 20)
    assert piped("compress - - --quality 20", png) == (0, data)
    assert "-: " in capsys.readouterr().err  # the line that else goes to standard output
    assert piped("compress photo.png - --quality 20", b"") == (0, data)
    status, back = piped("decompress - -", data)
    assert status == 0
    assert torch.equal(read_photo(io.BytesIO(back)), codec.decompress(data))
    assert piped("decompress - out.png", data) == (0, b"")
    assert (here / "out.png").read_bytes() == back
    assert piped("info -", data)[0] == 0
    assert piped("decompress - -", data[:9])[0] == 2
    assert capsys.readouterr().err.endswith(
        "rda: -: cut short: 9 bytes, and the header alone has 16\n"
    )


def test_the_psnr_is_of_the_integers_in_hand(rda, here, monkeypatch, codec):
    def decode(*_):
        raise AssertionError("the file is decoded again")

    monkeypatch.setattr(codec, "decode_integers", decode)
    assert rda("compress photo.png out.rda")[0] == 0


def test_a_lambda_beyond_the_range_is_said(rda, here):
    for lam, quality in ((5, 63), (0.0001, 0)):
        _, _, err = rda(f"compress photo.png out.rda --lam {lam}")
        assert err == (
            f"note: lambda {lam:g} is not in 0.0002 to 0.064; quality {quality} is the nearest\n"
        )
    assert rda("compress photo.png out.rda --lam 0.064")[2] == ""


def test_exif_that_is_left_behind_is_said(rda, here):
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    with Image.open("photo.png") as image:
        image.save("made.jpg", exif=exif)
    _, _, err = rda("compress made.jpg out.rda")
    assert err == "note: its EXIF data (camera, date, place) is left behind\n"


def test_lossy_formats_lose_little_and_lossless_ones_nothing(rda, here, codec):
    save_photo(here / "large.png", 200, 300)
    y_hat = codec.decompress(codec.compress(read_photo("large.png"), 20))
    assert rda("compress large.png large.rda --quality 20")[0] == 0
    for name, note in (
        ("a.jpg", "JPEG, quality 95, subsampling 4:4:4 loses a little again"),
        ("a.avif", "AVIF, quality 95, subsampling 4:4:4 loses a little again"),
        ("a.webp", None),
        ("a.png", None),
    ):
        _, _, err = rda(f"decompress large.rda {name}")
        assert err == (f"note: {name}: {note}; .png keeps every pixel\n" if note else "")
        decibels = psnr(read_photo(name), y_hat)
        assert decibels > 40 if note else decibels == math.inf


# What is refused: the file to write


@pytest.mark.parametrize(
    "command, name",
    [
        ("compress photo.png {}", "out.rda"),
        ("decompress photo.rda {}", "out.png"),
        ("compare photo.png --out {}", "out.png"),
        ("evaluate photos --codecs webp --json {}", "out.json"),
        ("evaluate photos --codecs webp --json numbers.json --plot {}", "out.png"),
        ("train --data photos --steps 1 --out {}", "out.safetensors"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    refused, here, monkeypatch, command, name
):
    line = refused(command.format(f"missing/{name}"))
    assert re.search(rf"missing.{name}: there is no folder .*missing; make it first$", line)
    (here / "folder" / name).mkdir(parents=True)
    line = refused(command.format(f"folder/{name}"))
    assert re.search(rf"folder.{name} is a folder; name a file in it$", line)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    line = refused(command.format(name))
    assert re.match(r"rda: (out|numbers)\.\w+: no permission to write to ", line)


@contextmanager
def full_disk():
    """No file can grow beyond 16 bytes: the system refuses every write beyond."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    "command, output",
    [
        ("compress photo.png photo.rda", "photo.rda"),
        ("compress photo.png out.rda", "out.rda"),
        ("decompress photo.rda out.png", "out.png"),
        ("decompress photo.rda out.jpg", "out.jpg"),
        ("decompress photo.rda out.tif", "out.tif"),
        ("decompress photo.rda out.webp", "out.webp"),
    ],
)
def test_a_write_that_the_system_refuses_leaves_nothing_half_written(refused, command, output):
    with full_disk():
        assert refused(command) == f"rda: {output}: file too large"


def test_a_full_disk_is_said_with_the_name_of_the_file(refused, here, monkeypatch):
    def write(path, data):
        with open(path, "wb") as file:
            file.write(data[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write)
    assert refused("compress photo.png out.rda") == "rda: out.rda: no space left on device"
    assert refused("decompress photo.rda out.png") == "rda: out.png: no space left on device"


def test_compress_writes_only_to_a_name_in_rda(refused, here):
    # `rda compress *.jpg` in a folder of two would else destroy the second.
    line = refused("compress photo.png photos/0.png")
    assert line == "rda: photos/0.png: end the name of the file to write in .rda"


def test_a_file_to_read_is_not_written_over(refused, here):
    (here / "named.rda").write_bytes((here / "photo.png").read_bytes())
    (here / "named.png").write_bytes((here / "photo.rda").read_bytes())
    for command in (
        "compress named.rda ./named.rda",
        "decompress named.png named.png",
        "compare photo.png --out photo.png",
    ):
        assert refused(command).endswith("is the file to read; name another one to write")


def test_decompress_refuses_an_ending_that_is_no_picture(refused):
    for name, said in {
        "out.xyz": "no picture can be written as .xyz; end it in .png",
        "out": "the name has no ending; end it in .png",
    }.items():
        assert refused(f"decompress photo.rda {name}") == f"rda: {name}: {said}"


# What is refused: options


@pytest.mark.parametrize(
    "line, said",
    [
        ("", "the following arguments are required: COMMAND"),
        ("squeeze photo.png", "invalid choice: 'squeeze'"),
        ("compress", "the following arguments are required: FILE"),
        ("compress photo.png a.rda --quality 3 --bytes 99", "not allowed with argument"),
        ("compress photo.png a.rda --lam 0.01 --bytes 99", "not allowed with argument"),
        ("compress photo.png a.rda --quality 64", "'64' is not a whole number from 0 to 63"),
        ("compress photo.png a.rda --quality -1", "'-1' is not a whole number from 0 to 63"),
        ("compress photo.png a.rda --quality 3.5", "'3.5' is not a whole number from 0 to 63"),
        ("compress photo.png a.rda --bytes 0", "'0' is not a whole number from 1 up"),
        ("compress photo.png a.rda --bytes 4k", "'4k' is not a whole number from 1 up"),
        ("compress photo.png a.rda --lam 0", "'0' is not a number above 0"),
        ("compress photo.png a.rda --lam -1", "'-1' is not a number above 0"),
        ("compress photo.png a.rda --lam nan", "'nan' is not a number above 0"),
        ("compress photo.png a.rda --lam inf", "'inf' is not a number above 0"),
        ("compare photo.png --bytes 0", "'0' is not a whole number from 1 up"),
        ("compare photo.png --out a.xyz", "'a.xyz' does not end in .png, .jpg, .pdf or .svg"),
        ("compare photo.png --out a", "'a' does not end in .png, .jpg, .pdf or .svg"),
        ("evaluate photos", "the following arguments are required: --json"),
        ("evaluate photos --json a --codecs rda,gif", "no codec 'gif'; there are rda, jpeg, jpeg"),
        ("evaluate photos --json a --codecs nonsense", "no codec 'nonsense'; there are rda, jpeg"),
        ("evaluate photos --json a --qualities 3,64", "'64' is not a whole number from 0 to 63"),
        ("evaluate photos --json a --qualities 3,", "'' is not a whole number from 0 to 63"),
        ("evaluate photos --json a --limit 0", "'0' is not a whole number from 1 up"),
        (
            "evaluate photos --json a --plot b.json",
            "'b.json' does not end in .png, .jpg, .pdf or .svg",
        ),
        ("train --data photos --out a.safetensors --steps 0", "'0' is not a whole number from 1"),
        ("train --data photos --out a.safetensors --minutes 0", "'0' is not a number above 0"),
        ("train --data photos --out a.safetensors --steps 1 --minutes 1", "not allowed with"),
        ("train --out a.safetensors --steps 1", "the following arguments are required: --data"),
        ("fetch imagenet", "invalid choice: 'imagenet' (choose from "),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_with_what_would_do(refused, line, said):
    message = refused(line)
    assert said in message
    command = line.split()[0] + " " if line and "squeeze" not in line else ""
    assert message.startswith(f"rda {command}".strip() + ": ")
    assert message.endswith(f"; see rda {command}--help")


@pytest.mark.parametrize(
    "line, word",
    [
        ("compress -photo.png out.rda", "-photo.png"),
        ("compress --photo.png out.rda", "--photo.png"),
        ("compress photo.png -out.rda", "-out.rda"),
        ("info -photo.rda", "-photo.rda"),
        ("evaluate photos --json -n.json", "-n.json"),
        ("compress -9.png out.rda", "-9.png"),
    ],
)
def test_a_name_that_begins_with_a_dash_is_refused_with_how_to_write_it(refused, here, line, word):
    for name in ("-photo.png", "--photo.png", "-9.png"):
        (here / name).write_bytes((here / "photo.png").read_bytes())
    message = refused(line)
    assert message == f"rda: {word} begins with a dash, as options do; for a file write ./{word}"


def test_names_that_begin_with_a_dash_can_be_written(rda, here):
    (here / "-photo.png").write_bytes((here / "photo.png").read_bytes())
    assert rda("compress ./-photo.png ./-out.rda")[0] == 0
    assert rda("info -- -out.rda")[0] == 0


@pytest.mark.parametrize(
    "command",
    [
        "compress photo.png out.rda",
        "decompress photo.rda out.png",
        "compare photo.png",
        "evaluate photos --json out.json",
    ],
)
def test_unknown_weights_are_refused_with_those_there_are(refused, here, command):
    line = refused(f"{command} --model nonsense")
    assert line.startswith("rda: no model 'nonsense'; there are ")
    assert "factorized" in line
    assert refused(f"{command} --model my.safetensors") == (
        "rda: my.safetensors: no such file or directory"
    )
    (here / "my.safetensors").write_bytes(b"not weights" * 9)
    assert refused(f"{command} --model my.safetensors") == (
        "rda: my.safetensors is not a weights file of rda train: cut short, or no .safetensors file"
    )


@pytest.mark.parametrize(
    "command", ["evaluate {} --json out.json", "train --data {} --out w.safetensors"]
)
def test_a_folder_without_photographs_is_refused(refused, here, monkeypatch, command):
    (here / "empty").mkdir()
    assert refused(command.format("empty")).startswith("rda: empty: no photographs in it")
    assert refused(command.format("nowhere")) == "rda: nowhere: no such folder"
    assert refused(command.format("photo.png")) == "rda: photo.png: not a folder"
    monkeypatch.setenv("RDALIB_DATA", str(here / "empty"))
    line = refused(command.format("bsds500"))
    assert re.fullmatch(r"rda: bsds500 is not in .*empty; fetch it: rda fetch bsds500", line)


@pytest.mark.parametrize(
    "options, said",
    [
        ("--out w.pt --steps 1", "--out w.pt: end the name in .safetensors"),
        ("--out w.safetensors --resume no.checkpoint", "--resume no.checkpoint: no such file"),
        ("--out w.safetensors --resume photo.png", "photo.png is not a checkpoint of rda train"),
    ],
)
def test_train_refuses_bad_files(refused, options, said):
    assert refused(f"train --data photos --device cpu {options}") == f"rda: {said}"


def test_a_run_can_start_at_shipped_weights(rda, here):
    words = "train --data photos --out s.safetensors --model hyperprior --steps 1 --batch 1 --start"
    rda(f"{words} hyperprior")
    trained = Codec.load("s.safetensors")
    assert trained.about["start"] == "hyperprior"
    shipped = Codec.load("hyperprior").model.state_dict()
    for name, weight in trained.model.state_dict().items():
        assert torch.norm(weight - shipped[name]) <= 0.02 * torch.norm(shipped[name]) + 1e-3, name


def test_train_refuses_weights_it_cannot_start_at(refused):
    words = "train --data photos --out w.safetensors --steps 1 --start"
    assert refused(f"{words} nonsense").startswith("rda: no model 'nonsense'; there are ")
    assert refused(f"{words} a.safetensors").startswith("rda: a.safetensors: no such file")


def test_train_refuses_a_gpu_that_is_not_there(refused, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    line = refused("train --data photos --out w.safetensors --steps 1 --device cuda")
    assert line.startswith("rda: --device cuda: PyTorch sees no GPU here; ")


def test_too_little_memory_is_said_in_one_line(refused, monkeypatch, codec):
    for error in (
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ):

        def fail(y, error=error):
            raise error

        monkeypatch.setattr(codec, "analyse", fail)
        line = refused("compress photo.png out.rda")
        assert line == "rda: not enough memory: use a smaller picture"


def test_a_mistake_of_the_program_is_not_called_bad_input(rda, here, monkeypatch, codec):
    def fail(y):
        raise RuntimeError("size mismatch")

    monkeypatch.setattr(codec, "analyse", fail)
    with pytest.raises(RuntimeError, match="size mismatch"):
        rda("compress photo.png out.rda")


# fetch, with a network that is played


def test_fetch_without_a_network_says_what_to_do(refused, here, monkeypatch):
    monkeypatch.setenv("RDALIB_DATA", str(here / "cache"))

    def unreachable(downloads, path):
        raise requests.ConnectionError("HTTPSConnectionPool(host='a'):\nMax retries exceeded")

    monkeypatch.setattr(pooch.Pooch, "fetch", unreachable)
    line = refused("fetch kodak")
    assert "cannot be downloaded" in line and "with a network, run the same command again" in line


def test_fetch_says_where_the_photographs_are(rda, here, monkeypatch):
    monkeypatch.setenv("RDALIB_DATA", str(here / "cache"))

    def fetched(downloads, path):
        target = Path(downloads.path) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((here / "photo.png").read_bytes())

    monkeypatch.setattr(pooch.Pooch, "fetch", fetched)
    status, out, err = rda("fetch kodak")
    assert (status, err) == (0, "")
    assert out == f"{here / 'cache' / 'kodak'}: 24 photographs, checksums right\n"
    assert len(datasets.photo_paths(datasets.find("kodak"))) == 24


# compare and evaluate


def test_compare_prints_a_row_a_codec_and_draws_the_pictures(rda, here):
    status, out, _ = rda("compare photo.png --bytes 1200 --out figure.png")
    assert status == 0
    title, *rows, last = out.splitlines()
    assert title.split() == ["bytes", "bpp", "PSNR", "luma", "chroma", "MS-SSIM"]
    pattern = r"(.+?) +([\d,]+) +(\d+\.\d{3})( +\d+\.\d\d){3} +-"
    names, sizes, rates, *_ = zip(
        *(re.fullmatch(pattern, row).groups() for row in rows), strict=True
    )
    rivals = [plots.STYLES[name][0] for name in classical.AVAILABLE]
    assert list(names) == ["RDA (ours)", *rivals]
    sizes = [int(size.replace(",", "")) for size in sizes]
    assert max(sizes) <= 1200 and sizes[0] == min(sizes)
    assert rates == tuple(f"{8 * size / (64 * 48):.3f}" for size in sizes)
    assert last == "picture: figure.png"
    with Image.open("figure.png") as figure:
        figure.load()
        assert figure.width > 3 * 64 and len(figure.getcolors(2**24)) > 1000


def test_compare_says_which_codec_cannot_go_that_low(rda, here):
    status, out, err = rda("compare photo.png --bytes 250")
    assert (status, err) == (0, "")
    rows = {row[:14].strip(): row for row in out.splitlines()[1:]}
    over = {name for name, row in rows.items() if int(row[14:23].replace(",", "")) > 250}
    assert "JPEG" in over and "RDA (ours)" not in over
    assert over == {name for name, row in rows.items() if row.endswith("(its smallest)")}


def test_compare_says_which_setting_is_not_a_rivals_best(rda, here, monkeypatch):
    if "jpegxl" not in classical.AVAILABLE:
        pytest.skip("pillow-jxl-plugin is not installed")
    assert "effort" not in rda("compare photo.png --bytes 1200")[1]
    monkeypatch.setattr(classical, "LARGE_PIXELS", 64 * 48 - 1)
    for size, remark in ((1200, "(effort 7, not 9)"), (110, "(its smallest; effort 7, not 9)")):
        rows = rda(f"compare photo.png --bytes {size}")[1].splitlines()
        assert [row[:14].strip() for row in rows if "effort" in row] == ["JPEG XL"]
        assert rows[-1].endswith(remark)


def test_compare_names_the_codec_at_work_on_a_terminal(rda, here, monkeypatch):
    shown = functools.partial(terminal.bar, disable=False)
    monkeypatch.setattr(evaluation_commands, "bar", shown)
    _, _, err = rda("compare photo.png --bytes 1200")
    at = [err.index(plots.STYLES[name][0] + "]") for name in (*classical.AVAILABLE, "rda")]
    assert at == sorted(at)


METRICS = {
    "bytes",
    "bpp",
    "psnr_rgb",
    "psnr_luma",
    "psnr_chroma",
    "ms_ssim",
    "encode_s",
    "decode_s",
}


def test_evaluate_writes_every_number_of_the_contract(rda, here):
    status, out, err = rda("evaluate photos --json out.json --plot curves.png")
    assert (status, err) == (0, "")
    result = json.loads((here / "out.json").read_text())
    codecs = ["rda", *classical.AVAILABLE]
    assert set(result) == {"codecs", "bd_rate_percent"}
    assert list(result["codecs"]) == codecs
    assert set(result["bd_rate_percent"]) == {f"rda vs {name}" for name in codecs[1:]}
    for points in result["codecs"].values():
        assert len(points) >= 6
        for point in points:
            assert set(point) - {"subsampling"} == METRICS | {"setting", "per_image"}
            assert [row["image"] for row in point["per_image"]] == ["0.png", "1.png"]
            for row in point["per_image"]:
                assert set(row) == METRICS | {"image"}
                assert row["bytes"] == int(row["bytes"])
                assert row["bpp"] == 8 * row["bytes"] / (64 * 48)
                assert row["ms_ssim"] is None  # sides under 176 pixels
            assert point["ms_ssim"] is None
            for key in ("bytes", "bpp", "encode_s", "decode_s"):
                rows = [row[key] for row in point["per_image"]]
                assert point[key] == pytest.approx(sum(rows) / 2)
    count = len(codecs)
    assert out.count("mean of 2\n") == count and out.count("BD-rate rda vs ") == count - 1
    assert out.endswith("numbers: out.json\npicture: curves.png\n")
    with Image.open("curves.png") as figure:
        figure.load()


def test_evaluate_measures_the_codecs_and_the_photographs_asked_for(rda, here):
    status, _, err = rda("evaluate photos --json out.json --codecs webp,webp --limit 1")
    assert (status, err) == (0, "")
    result = json.loads((here / "out.json").read_text())
    assert list(result["codecs"]) == ["webp"] and result["bd_rate_percent"] == {}
    assert all(len(point["per_image"]) == 1 for point in result["codecs"]["webp"])


def test_evaluate_takes_the_levels_asked_for_by_their_order(rda, here):
    line = "evaluate photos --json out.json --codecs rda --limit 1 --qualities 30,2,30"
    status, _, err = rda(line)
    assert (status, err) == (0, "")
    points = json.loads((here / "out.json").read_text())["codecs"]["rda"]
    assert [point["setting"] for point in points] == [2, 30]


def test_an_interrupted_evaluation_goes_on_where_it_stopped(rda, here, monkeypatch):
    line = "evaluate photos --json {} --codecs webp"
    assert rda(line.format("whole.json"))[0] == 0
    measure, measured = evaluation.measure, []

    def stopped_at_the_fifth(*arguments, **named):
        if len(measured) == 5:
            raise KeyboardInterrupt
        measured.append(named["setting"])
        return measure(*arguments, **named)

    monkeypatch.setattr(evaluation, "measure", stopped_at_the_fifth)
    status, _, err = rda(line.format("out.json"))
    assert status == 130 and not (here / "out.json").exists()
    assert err.splitlines()[-2:] == [
        "note: 5 files are measured; the same command goes on from out.json.points",
        "rda: interrupted",
    ]
    with open("out.json.points", "a") as file:
        file.write('\n["half a li')
    later = []
    monkeypatch.setattr(
        evaluation, "measure", lambda *a, **named: later.append(1) or measure(*a, **named)
    )
    assert rda(line.format("out.json"))[0] == 0
    assert len(later) == 2 * len(classical.SETTINGS["webp"]) - 5
    assert not (here / "out.json.points").exists()
    result, whole = (json.loads((here / name).read_text()) for name in ("out.json", "whole.json"))
    for points in (*result["codecs"].values(), *whole["codecs"].values()):
        for row in [row for point in points for row in (point, *point["per_image"])]:
            del row["encode_s"], row["decode_s"]
    assert result == whole


def test_points_of_other_settings_are_measured_anew(rda, here, monkeypatch):
    kept = KeptPoints("out.json.points")
    kept["photos/0.png 1 2 webp 0"] = {"bytes": 1}
    assert KeptPoints("out.json.points") == kept
    assert rda("evaluate photos --json out.json --codecs webp --limit 1")[0] == 0
    points = json.loads((here / "out.json").read_text())["codecs"]["webp"]
    assert all(point["bytes"] > 1 for point in points)


def test_one_bad_file_is_named_left_out_and_said_at_the_end(rda, here):
    assert rda("evaluate photos --json whole.json --codecs webp")[0] == 0
    (here / "photos" / "00.jpg").write_text("not a photograph")
    (here / "photos" / "z.png").write_bytes((here / "photo.png").read_bytes()[:300])
    status, out, err = rda("evaluate photos --json out.json --codecs webp --plot curves.png")
    assert status == 1
    bad = Path("photos", "00.jpg")
    first, second = err.splitlines()
    assert first == f"left out: {bad} is not a photograph that Pillow can open"
    assert second.startswith(f"left out: {Path('photos', 'z.png')} cannot be decoded: ")
    assert "webp, mean of 2\n" in out and (here / "curves.png").exists()
    result, whole = (json.loads((here / name).read_text()) for name in ("out.json", "whole.json"))
    assert list(result.pop("left_out")) == [str(bad), str(Path("photos", "z.png"))]
    for points in (*result["codecs"].values(), *whole["codecs"].values()):
        for row in [row for point in points for row in (point, *point["per_image"])]:
            del row["encode_s"], row["decode_s"]
    assert result == whole


def test_a_photograph_that_one_codec_cannot_encode_is_left_out_of_all(rda, here):
    Image.new("RGB", (16384, 1)).save(here / "photos" / "wide.png")
    status, _, err = rda("evaluate photos --json out.json --codecs jpeg,webp")
    assert status == 1
    wide = Path("photos", "wide.png")
    assert err.startswith(f"left out: {wide}: webp cannot encode a picture of 16384 x 1 pixels: ")
    result = json.loads((here / "out.json").read_text())
    for points in result["codecs"].values():
        assert all(len(point["per_image"]) == 2 for point in points)


def test_a_folder_of_bad_files_only_is_refused(refused, here):
    (here / "bad").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (here / "bad" / name).write_text("not a photograph")
    line = refused("evaluate bad --json out.json --codecs webp")
    first = Path("bad", "a.jpg")
    assert line.startswith(f"rda: no photograph can be measured: {first} is not a photograph")


def test_evaluate_notes_the_photographs_that_were_converted(rda, here):
    with Image.open("photo.png") as image:
        image.convert("CMYK").save("photos/inks.tif")
    status, _, err = rda("evaluate photos --json out.json --codecs webp")
    assert status == 0
    path = Path("photos", "inks.tif")
    said = "CMYK converted to RGB without a profile; colours are approximate"
    assert err == f"note: {path}: {said}\n"


def test_jpeg_xl_is_one_rival_more_where_the_plugin_is(rda, here):
    pytest.importorskip("pillow_jxl")
    assert rda("evaluate photos --json out.json --codecs rda,jpegxl --limit 1")[0] == 0
    result = json.loads((here / "out.json").read_text())
    assert list(result["bd_rate_percent"]) == ["rda vs jpegxl"]


def test_everything_works_without_jpeg_xl(here):
    program = """
import sys
sys.modules["pillow_jxl"] = None  # as if it were not installed
from rdalib.cli import main
print(main("compare photo.png --bytes 2000".split()))
print(main("evaluate photos --json out.json --limit 1".split()))
print(main("evaluate photos --json no.json --codecs jpegxl".split()))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    statuses = [line for line in result.stdout.splitlines() if line.isdigit()]
    assert statuses == ["0", "0", "2"], result.stderr
    assert list(json.loads((here / "out.json").read_text())["codecs"])[-1] == "avif"
    assert result.stderr.endswith("needs: pip install pillow-jxl-plugin; see rda evaluate --help\n")


def test_an_exact_picture_has_no_psnr(rda, here):
    Image.new("RGB", (64, 48), "#808080").save(here / "photos" / "0.png")
    status, out, _ = rda("evaluate photos --json out.json --codecs webp --limit 1")
    assert status == 0
    points = json.loads((here / "out.json").read_text())["codecs"]["webp"]
    exact = [point for point in points if point["psnr_rgb"] is None]
    assert exact
    assert exact[0]["per_image"][0]["psnr_rgb"] is None
    assert re.search(r"^ +\d+ +\d+ +\d\.\d{3} +- +- +- +-$", out, re.MULTILINE)


# train


@pytest.fixture(scope="module")
def trained(made, tmp_path_factory):
    """A folder with weights.safetensors of one step of training, its checkpoint and its log."""
    folder = tmp_path_factory.mktemp("trained")
    out = str(folder / "weights.safetensors")
    data = str(made / "photos")
    assert main(["train", "--data", data, "--out", out, "--steps", "1", "--batch", "1"]) == 0
    return folder


@pytest.fixture
def quick_start(monkeypatch):
    """Principal components of a few random blocks: seconds less, and nobody looks at them."""

    def blocks(patches, side, count, generator):
        return torch.rand(999, 3 * side * side, generator=generator) - 0.5

    monkeypatch.setattr(RandomPatches, "blocks", blocks)


def log_rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_train_writes_weights_checkpoint_and_log(trained):
    assert {path.name for path in trained.iterdir()} == {
        "weights.safetensors",
        "weights.checkpoint",
        "weights.csv",
        "weights.png",
    }
    (row,) = log_rows(trained / "weights.csv")
    assert row["step"] == "1"
    assert row.pop("validation_loss") == ""  # two photographs: none is kept out
    assert all(math.isfinite(float(value)) for value in row.values())
    about = Codec.load(str(trained / "weights.safetensors")).about
    assert about["precision"] in ("float32", "bfloat16") and about["data"] == "photos"


def test_trained_weights_compress_and_decompress(rda, refused, here, trained, codec):
    weights = trained / "weights.safetensors"
    assert rda("compress photo.png out.rda --model", weights)[0] == 0
    assert rda("decompress out.rda out.png --model", weights)[0] == 0
    own = Codec.load(str(weights))
    data = (here / "out.rda").read_bytes()
    assert data == own.compress(read_photo("photo.png"))
    assert torch.equal(read_photo("out.png"), own.decompress(data))
    line = refused("decompress out.rda other.png")
    assert line.startswith("rda: out.rda: made with other weights: ")
    assert own.weights_id.hex() in line and codec.weights_id.hex() in line


def test_a_run_goes_on_from_its_checkpoint_to_a_new_end(rda, here, trained):
    status, out, _ = rda(
        "train --data photos --out on.safetensors --steps 2 --resume",
        trained / "weights.checkpoint",
    )
    assert status == 0
    assert out.startswith("2 photographs, step 1 of 2, on ")
    assert [row["step"] for row in log_rows("on.csv")] == ["2"]
    assert Codec.load("on.safetensors").about["steps"] == "2"
    assert (here / "on.safetensors").read_bytes() != (trained / "weights.safetensors").read_bytes()


def test_a_resumed_run_keeps_the_size_of_its_patches(rda, refused, here, quick_start):
    status, _, _ = rda("train --data photos --out w.safetensors --steps 1 --batch 1 --patch 64")
    assert status == 0
    rda("train --data photos --out w.safetensors --steps 2 --resume w.checkpoint")
    assert training.read_checkpoint("w.checkpoint")[0].patch == 64


@pytest.mark.parametrize("patch", ["100", "32", "0", "-64", "64.0", "large"])
def test_patches_are_multiples_of_64_pixels(refused, here, patch):
    line = refused(f"train --data photos --out w.safetensors --patch={patch}")
    assert f"'{patch}' is not a multiple of 64" in line


def test_compiling_needs_a_compiler(refused, here, monkeypatch):
    def failing(function):
        raise RuntimeError("No working C++ compiler found\nin two lines")

    monkeypatch.setattr(torch, "compile", failing)
    line = refused("train --data photos --out w.safetensors --device cpu --compile")
    assert "--compile: PyTorch cannot compile here (No working C++ compiler found" in line


def test_a_resumed_run_has_its_own_start_and_goes_forwards(refused, here, trained):
    resume = f"train --data photos --out w.safetensors --resume {trained / 'weights.checkpoint'}"
    assert "a resumed run has begun already" in refused(f"{resume} --start factorized")
    state = torch.load(trained / "weights.checkpoint")
    torch.save(state | {"step": 5}, "later.checkpoint")
    line = refused("train --data photos --out w.safetensors --resume later.checkpoint --steps 3")
    assert "--steps 3: the run is at step 5 already" in line


def test_minutes_of_a_resumed_run_are_counted_by_its_own_settings(
    rda, here, monkeypatch, quick_start
):
    asked = []

    def fitting(training, minutes):
        asked.append(training.settings)
        return 1

    line = "train --data photos --out w.safetensors --steps 1 --batch 1 --patch 64"
    assert rda(f"{line} --model factorized")[0] == 0
    monkeypatch.setattr(train_command, "steps_for_minutes", fitting)
    rda("train --data photos --out w.safetensors --minutes 1 --resume w.checkpoint")
    (settings,) = asked
    assert (settings.side_channels, settings.batch, settings.patch) == (0, 1, 64)
    assert training.read_checkpoint("w.checkpoint")[0].steps == 2


def test_torchrun_trains_with_several_processes(here):
    words = "rda train --data photos --out both.safetensors --steps 2 --batch 2 --device cpu"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--no-python"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ended = subprocess.run(
        [*torchrun, "--nproc-per-node", "2", *words.split()],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("2 photographs, step 0 of 2, on cpu") == 1  # one of them speaks
    assert [row["step"] for row in log_rows("both.csv")] == ["2"]
    assert Codec.load("both.safetensors").about["steps"] == "2"


def test_an_interrupted_run_says_how_to_go_on(rda, here, monkeypatch, quick_start):
    def interrupt(run):
        signal.raise_signal(signal.SIGINT)
        return torch.zeros(3)

    monkeypatch.setattr(training.Training, "advance", interrupt)
    status, _, err = rda("train --data photos --out w.safetensors --steps 9 --batch 1")
    assert status == 130
    assert err.endswith("stopped; go on with: --resume w.checkpoint\nrda: interrupted\n")
    assert (here / "w.checkpoint").exists() and not (here / "w.safetensors").exists()


@pytest.mark.parametrize("options, minutes", [("", 60), ("--minutes 0.5", 0.5)])
def test_a_run_has_as_many_steps_as_fit(rda, here, monkeypatch, quick_start, options, minutes):
    asked = []

    def fitting(training, minutes):
        asked.append(minutes)
        return 7

    def interrupt(run):
        signal.raise_signal(signal.SIGINT)
        return torch.zeros(3)

    monkeypatch.setattr(train_command, "steps_for_minutes", fitting)
    monkeypatch.setattr(training.Training, "advance", interrupt)
    _, out, _ = rda(f"train --data photos --out w.safetensors --batch 1 {options}")
    assert asked == [minutes]
    assert out.startswith("2 photographs, step 0 of 7, on ")


def test_the_same_run_twice_is_refused_unless_it_may_overwrite(rda, refused, here, quick_start):
    line = "train --data photos --out w.safetensors --steps 1 --batch 1 --patch 64"
    assert rda(line)[0] == 0
    first = {path.name: path.read_bytes() for path in here.glob("w.*")}
    said = refused(line)
    assert "w.safetensors is there from an earlier run" in said
    assert "--resume w.checkpoint" in said and "--overwrite" in said
    assert {path.name: path.read_bytes() for path in here.glob("w.*")} == first
    assert rda(f"{line} --overwrite")[0] == 0
    assert rda("train --data photos --out w.safetensors --steps 2 --resume w.checkpoint")[0] == 0
    other = refused("train --data photos --out w.safetensors --steps 3 --resume x.checkpoint")
    assert "w.safetensors is there" in other


def test_one_checkpoint_makes_the_same_weights_byte_for_byte(rda, here, trained):
    made = []
    for name in ("a", "b", "c"):
        shutil.copy(trained / "weights.checkpoint", f"{name}.checkpoint")
        shutil.copy(trained / "weights.csv", f"{name}.csv")
        line = f"train --data photos --out {name}.safetensors --precision float32 --resume"
        assert rda(f"{line} {name}.checkpoint")[0] == 0
        made.append((here / f"{name}.safetensors").read_bytes())
    codecs = [Codec.load(f"{name}.safetensors") for name in "abc"]
    assert len({codec.weights_id for codec in codecs}) == 1
    assert len({codec.about["minutes"] for codec in codecs}) == 1
    assert len(set(made)) == 1


def test_training_takes_several_folders_each_with_its_share(rda, here, quick_start):
    (here / "more").mkdir()
    shutil.copy("photo.png", "more/one.png")
    line = "train --data photos more --out w.safetensors --steps 1 --batch 1 --patch 64"
    _, out, _ = rda(f"{line} --precision float32")
    assert out.startswith("3 photographs, step 0 of 1, on ")
    assert "precision: float32, as asked" in out
    assert Codec.load("w.safetensors").about["data"] == "photos and more"


def test_a_run_interrupted_while_it_counts_tables_names_its_checkpoint(
    rda, here, monkeypatch, quick_start
):
    def interrupt(*arguments):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(train_command, "export", interrupt)
    status, _, err = rda("train --data photos --out w.safetensors --steps 1 --batch 1 --patch 64")
    assert status == 130
    assert err.endswith("stopped; go on with: --resume w.checkpoint\nrda: interrupted\n")


# Help


COMMANDS = ("compress", "decompress", "info", "compare", "evaluate", "train", "fetch")


def test_help_lists_the_commands_and_where_to_begin(rda):
    status, out, err = rda("--help")
    assert (status, err) == (0, "")
    for command in COMMANDS:
        assert re.search(rf"^    {command}\b", out, re.MULTILINE)
    assert "Begin with: rda compress PHOTO.jpg PHOTO.rda;" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_explains_every_word_and_gives_an_example(rda, command):
    status, out, err = rda(f"{command} --help")
    assert (status, err) == (0, "")
    assert f"Example: rda {command} " in out
    parts = re.split(r"^(?=  \S)", out, flags=re.MULTILINE)[1:]
    assert len(parts) >= 2
    for part in parts:  # a name, two blanks or a new line, an explanation
        assert re.match(r"  \S.*?(\s{2,}|\n\s+)\w+:? \w+", part), part


def test_help_and_version_come_without_waiting_for_pytorch():
    program = (
        "import sys; from rdalib.cli import main; "
        "statuses = main(['--help']), main(['--version']); "
        "sys.exit(statuses != (0, 0) or 'torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert result.returncode == 0
