"""The codec as an object in other people's programs: what it takes, where it may be taken."""

import copy
import io
import pickle
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from rdalib import codec as codec_module
from rdalib import hyperprior_coding
from rdalib.bitstream import BitstreamError
from rdalib.codec import Codec
from rdalib.images import pad_to_multiple, read_photo, sample_photo, tensor_to_photo, to_8bit
from rdalib.strips import in_strips

MODELS = ("factorized", "hyperprior", "context")


@pytest.fixture(scope="module", params=MODELS)
def each(request):
    """Each of the shipped codecs."""
    return Codec.load(request.param)


def photo(height=48, width=64):
    return sample_photo("astronaut")[:, 20 : 20 + height, 200 : 200 + width].clone()


# What it takes


def test_every_kind_of_photograph_gives_the_same_file(each):
    y = photo()
    image = tensor_to_photo(y)
    data = each.compress(y, 20)
    read_only = np.asarray(image)
    for same in (
        y.double(),
        y.numpy(),
        to_8bit(y),
        image,
        np.array(image),
        read_only,
        np.asfortranarray(read_only),
        y.flip(2).flip(2),
    ):
        assert each.compress(same, 20) == data


def test_images_are_made_rgb_as_files_are(each, tmp_path):
    image = tensor_to_photo(photo()).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(tmp_path / "a.png")
    assert each.compress(image, 20) == each.compress(read_photo(tmp_path / "a.png"), 20)


def test_a_batch_gives_a_file_for_each(each):
    y, other = photo(), photo().flip(1)
    files = [each.compress(y, 20), each.compress(other, 20)]
    for batch in (torch.stack([y, other]), torch.stack([y, other]).numpy(), [y, other]):
        assert each.compress(batch, 20) == files
    sizes = each.compress([y, photo(15, 33)], max_bytes=300)
    assert [len(data) <= 300 for data in sizes] == [True, True]
    back = each.decompress(files)
    assert all(torch.equal(a, each.decompress(b)) for a, b in zip(back, files, strict=True))


@pytest.mark.parametrize(
    "wrong, said",
    [
        (np.zeros((3, 8, 8), np.int32), r"not torch.int32 \(3, 8, 8\)"),
        (np.zeros((8, 8, 4), np.uint8), r"not torch.uint8 \(4, 8, 8\)"),
        (np.array([["a"]]), "no array of <U1"),
        ("photo.png", "not str"),
        (torch.full((3, 8, 8), float("nan")), "nan to nan"),
        (torch.zeros(3, 0, 8), "8 x 0 pixels"),
    ],
)
def test_what_is_no_photograph_is_refused(each, wrong, said):
    with pytest.raises(ValueError, match=said):
        each.compress(wrong)


def test_a_photograph_can_be_read_from_an_open_file_and_a_path(tmp_path):
    path = tmp_path / "a.png"
    tensor_to_photo(photo()).save(path)
    y = read_photo(str(path))
    assert torch.equal(read_photo(path), y)
    assert torch.equal(read_photo(io.BytesIO(path.read_bytes())), y)
    with open(path, "rb") as file:
        assert torch.equal(read_photo(file), y)
    with pytest.raises(ValueError, match=r"^the file is not a photograph that Pillow can open"):
        read_photo(io.BytesIO(b"text"))


# Where it may be taken


def assert_same_codec(copied, codec):
    data = codec.compress(photo(), 30)
    assert copied.compress(photo(), 30) == data
    assert torch.equal(copied.decompress(data), codec.decompress(data))


def test_it_pickles_and_copies_before_and_after_its_first_use(each):
    for codec in (Codec.load("factorized"), each):
        for copied in (pickle.loads(pickle.dumps(codec)), copy.deepcopy(codec)):
            assert_same_codec(copied, codec)
    assert_same_codec(pickle.loads(pickle.dumps(each)), each)


def test_a_codec_on_another_device_is_another_one(each):
    moved = each.to("cpu")
    assert moved is not each and moved.model is not each.model
    assert moved.device == each.device == torch.device("cpu")
    assert_same_codec(moved, each)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU here")
def test_a_gpu_decodes_what_a_processor_coded(each):
    on_gpu = each.to("cuda")
    data = each.compress(photo(), 30)
    y_hat = on_gpu.decompress(data)
    assert y_hat.device.type == "cuda"
    assert (y_hat.cpu() - each.decompress(data)).abs().max() <= 1.01 / 255
    back = each.decompress(on_gpu.compress(photo().cuda(), 30))
    assert (back - y_hat.cpu()).square().mean() < 1e-4


def default_float64():
    torch.set_default_dtype(torch.float64)
    return lambda: torch.set_default_dtype(torch.float32)


def default_bfloat16():
    torch.set_default_dtype(torch.bfloat16)
    return lambda: torch.set_default_dtype(torch.float32)


def default_device():
    torch.set_default_device("meta")
    return lambda: torch.set_default_device(None)


def autocast():
    context = torch.autocast("cpu", torch.bfloat16)
    context.__enter__()
    return lambda: context.__exit__(None, None, None)


@pytest.mark.parametrize("state", [default_float64, default_bfloat16, default_device, autocast])
def test_files_and_pictures_do_not_depend_on_the_state_around(each, state):
    y = photo()
    name = next(n for n in MODELS if Codec.load(n).weights_id == each.weights_id)
    data = each.compress(y, 30)
    y_hat = each.decompress(data)
    restore = state()
    try:
        loaded = Codec.load(name)
        results = [(codec.compress(y, 30), codec.decompress(data)) for codec in (each, loaded)]
    finally:
        restore()
    for again, picture in results:
        assert again == data
        assert picture.dtype == torch.float32 and torch.equal(picture, y_hat)


# Strips


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_files_and_pictures_do_not_depend_on_the_size_of_strips(each, rows, monkeypatch):
    y = torch.cat([sample_photo("coffee")[:, :, :87], sample_photo("coffee")[:, 17:, 100:187]], 1)
    data = each.compress(y, 40)
    y_hat, z = each.decompress(data), each.analyse(y)
    monkeypatch.setattr(codec_module, "ROWS", rows)
    monkeypatch.setattr(hyperprior_coding, "SIDE_ROWS", rows)
    monkeypatch.setattr(hyperprior_coding, "LATENTS_AT_ONCE", 1000 * rows)
    torch.testing.assert_close(each.analyse(y), z, rtol=1e-4, atol=1e-5)
    assert each.compress(y, 40) == data
    assert (each.decompress(data) - y_hat).abs().max() < 0.01 / 255


def test_a_halo_of_two_rows_is_enough_and_one_is_not(each):
    y = sample_photo("coffee")[:, :, :64]
    for halo, enough in ((2, True), (1, False)):

        def analyse(part):
            return each.model.analysis(pad_to_multiple(part[None], 16))[0]

        with torch.no_grad():
            whole = analyse(y)
            strips = [z for _, z in in_strips(analyse, y, rows=3, halo=halo, given=16)]
        assert torch.allclose(torch.cat(strips, 1), whole, rtol=1e-4, atol=1e-4) == enough


# Files that claim more than they hold


def claiming(codec, width, height, payload=b""):
    header = struct.pack("<3sB3sBHH", b"RDA", 1, codec.weights_id, 32, width, height)
    return header + struct.pack("<I", zlib.crc32(header + payload)) + payload


@pytest.mark.parametrize("payload", [b"", b"\0\0\0\0", b"\xff" * 8, b"\x12\x34\x56\x78" * 10])
def test_a_short_file_that_claims_many_pixels_costs_little(each, payload):
    each.decompress(each.compress(photo(), 32))
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(BitstreamError, match="the coded data is damaged"):
        each.decompress(claiming(each, 3072, 3072, payload))
    seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6, f"{peak / 1e6:.0f} MB"
    assert seconds < 0.5


def test_a_flat_photograph_of_many_pixels_is_decoded_all_the_same(each):
    y = torch.full((3, 1024, 1024), 0.5)
    data = each.compress(y, 0)
    assert len(data) < 5000
    assert (each.decompress(data) - y).abs().max() < 0.1
