import functools
import io

import numpy as np
import pytest
from PIL import Image

from rdalib import classical
from rdalib.images import sample_photo, tensor_to_photo

SUBSAMPLINGS = ("4:2:0", "4:4:4")


@pytest.fixture(scope="module")
def photo():
    return tensor_to_photo(sample_photo("astronaut")[:, 64:160, 176:272])


def squared_error(photo, data):
    return float(((np.asarray(classical.decode(data), float) - np.asarray(photo)) ** 2).mean())


def jpeg(photo, quality, subsampling):
    """A JPEG at its best settings, by Pillow alone."""
    return save(
        photo, "JPEG", quality=quality, subsampling=subsampling, optimize=True, progressive=True
    )


def save(photo, kind, **options):
    buffer = io.BytesIO()
    photo.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", classical.AVAILABLE)
def test_files_open_as_the_same_size_and_rise_with_the_setting(photo, name):
    settings = classical.SETTINGS[name]
    files = [classical.encode(name, photo, setting) for setting in settings[:: len(settings) - 1]]
    assert all(classical.decode(data).size == photo.size for data in files)
    assert len(files[0]) < len(files[1])
    assert squared_error(photo, files[0]) > squared_error(photo, files[1])


@pytest.mark.parametrize("name", classical.AVAILABLE)
def test_at_least_six_settings_reach_above_one_bit_per_pixel(photo, name):
    settings = classical.SETTINGS[name]
    assert len(settings) >= 6
    assert 8 * len(classical.encode(name, photo, settings[-1])) / (96 * 96) > 1


def test_files_are_of_the_kind_they_are_called(photo):
    kinds = {
        "jpeg": "JPEG",
        "jpeg2000": "JPEG2000",
        "webp": "WEBP",
        "avif": "AVIF",
        "jpegxl": "JXL",
    }
    for name, kind in ((name, kinds[name]) for name in classical.AVAILABLE):
        data = classical.encode(name, photo, classical.SETTINGS[name][3])
        assert Image.open(io.BytesIO(data)).format == kind


def test_rivals_are_saved_at_their_best_settings(photo):
    assert classical.encode("webp", photo, 50) == save(photo, "WEBP", quality=50, method=6)
    for subsampling in SUBSAMPLINGS:
        best = save(photo, "AVIF", quality=50, speed=4, subsampling=subsampling)
        assert classical.encode("avif", photo, 50, subsampling) == best
    assert classical.encode("avif", photo, 50) == classical.encode("avif", photo, 50, "4:2:0")
    if "jpegxl" in classical.AVAILABLE:
        best = save(photo, "JXL", quality=50, effort=9)
        assert classical.encode("jpegxl", photo, 50) == best
    options = {"irreversible": True, "mct": 1, "no_jp2": True, "quality_layers": [48.0]}
    assert classical.encode("jpeg2000", photo, 0.5) == save(photo, "JPEG2000", **options)
    candidates = [jpeg(photo, 40, "4:2:0"), *(jpeg(photo, q, "4:4:4") for q in range(1, 41))]
    assert classical.encode("jpeg", photo, 40) in candidates


@pytest.mark.parametrize("quality", [1, 20, 75])
def test_jpeg_is_the_better_subsampling_at_the_size_of_420(photo, quality):
    data, half = classical.encode("jpeg", photo, quality), jpeg(photo, quality, "4:2:0")
    full = [jpeg(photo, q, "4:4:4") for q in range(1, quality + 1)]
    errors = [squared_error(photo, f) for f in (half, *full) if len(f) <= len(half)]
    assert len(data) <= len(half)
    assert squared_error(photo, data) == min(errors)


def test_jpeg_keeps_full_chroma_where_colours_alternate():
    colours = np.array([(200, 40, 40), (40, 104, 200)], np.uint8)  # alike in luma
    photo = Image.fromarray(colours[np.random.default_rng(0).integers(0, 2, (48, 48))])
    data = classical.encode("jpeg", photo, 90)
    half = jpeg(photo, 90, "4:2:0")
    assert len(data) <= len(half)
    assert data in [jpeg(photo, quality, "4:4:4") for quality in range(1, 91)]
    assert squared_error(photo, data) < 0.5 * squared_error(photo, half)
    assert classical.encode_within("jpeg", photo, len(half)) == data


@pytest.mark.parametrize("max_bytes", [1200, 2000, 3500])
def test_jpeg_within_a_budget_takes_the_better_subsampling_and_no_step_more_fits(photo, max_bytes):
    data = classical.encode_within("jpeg", photo, max_bytes)
    best = {}
    for subsampling in SUBSAMPLINGS:
        files = [jpeg(photo, quality, subsampling) for quality in range(1, 96)]
        fitting = [quality for quality in range(1, 96) if len(files[quality - 1]) <= max_bytes]
        assert len(files[max(fitting)]) > max_bytes
        best[subsampling] = files[max(fitting) - 1]
    assert len(data) <= max_bytes
    assert data == min(best.values(), key=lambda candidate: squared_error(photo, candidate))


@pytest.mark.parametrize(
    ("name", "max_bytes"), [("webp", 400), ("webp", 900), ("jpegxl", 400), ("jpegxl", 900)]
)
def test_within_a_budget_one_quality_step_more_would_not_fit(photo, name, max_bytes):
    if name not in classical.AVAILABLE:
        pytest.skip("pillow-jxl-plugin is not installed")
    photo = photo.crop((0, 0, 48, 48))
    encode = functools.cache(functools.partial(classical.encode, name, photo))
    data = classical.encode_within(name, photo, max_bytes)
    assert len(data) <= max_bytes
    assert any(
        encode(quality) == data and len(encode(quality + 1)) > max_bytes for quality in range(99)
    )


@pytest.mark.parametrize("max_bytes", [500, 900, 2000])
def test_avif_within_a_budget_is_the_better_of_both_subsamplings(photo, max_bytes):
    photo = photo.crop((0, 0, 48, 48))
    data = classical.encode_within("avif", photo, max_bytes)
    best = {}
    for subsampling in SUBSAMPLINGS:
        files = [classical.encode("avif", photo, quality, subsampling) for quality in range(101)]
        fitting = [quality for quality in range(101) if len(files[quality]) <= max_bytes]
        assert fitting[-1] == 100 or len(files[fitting[-1] + 1]) > max_bytes
        best[subsampling] = files[fitting[-1]]
    assert len(data) <= max_bytes
    assert squared_error(photo, data) <= min(
        squared_error(photo, candidate) for candidate in best.values()
    )


def test_avif_keeps_full_chroma_where_colours_alternate():
    colours = np.array([(200, 40, 40), (40, 104, 200)], np.uint8)  # alike in luma
    photo = Image.fromarray(colours[np.random.default_rng(0).integers(0, 2, (48, 48))])
    half = classical.encode("avif", photo, 80, "4:2:0")
    data = classical.encode_within("avif", photo, len(half))
    assert squared_error(photo, data) < 0.5 * squared_error(photo, half)


@pytest.mark.parametrize("max_bytes", [250, 700, 1500, 4000])
def test_jpeg2000_comes_within_and_close_to_its_budget(photo, max_bytes):
    data = classical.encode_within("jpeg2000", photo, max_bytes)
    assert 0.9 * max_bytes < len(data) <= max_bytes


@pytest.mark.parametrize("name", classical.AVAILABLE)
def test_no_budget_is_too_large(photo, name):
    data = classical.encode_within(name, photo, 10**6)
    assert squared_error(photo, data) < 10


@pytest.mark.parametrize("name", classical.AVAILABLE)
def test_the_smallest_file_is_the_least_possible_budget(photo, name):
    least = len(classical.smallest(name, photo))
    assert len(classical.encode_within(name, photo, least)) <= least
    assert classical.encode_within(name, photo, least // 2) is None
    assert classical.encode_within(name, photo, 0) is None


@pytest.mark.parametrize("name", classical.AVAILABLE)
def test_one_pixel_is_a_picture(name):
    photo = Image.new("RGB", (1, 1), (200, 30, 60))
    assert classical.decode(classical.smallest(name, photo)).size == (1, 1)


def test_another_codec_is_refused_by_name(photo):
    with pytest.raises(ValueError, match="no codec 'gif'"):
        classical.encode("gif", photo, 50)


def test_a_picture_that_a_codec_cannot_take_is_refused_in_words():
    with pytest.raises(ValueError, match="webp cannot encode a picture of 16384 x 1 pixels: "):
        classical.encode("webp", Image.new("RGB", (16384, 1)), 50)


# Larger photographs: the same search, from a better start


@pytest.fixture
def encodings(monkeypatch):
    """(codec, quality, subsampling, options) of each file that is made."""
    made, save = [], classical._save

    def counting(name, image, setting, subsampling=None, options=None):
        made.append((name, setting, subsampling, options))
        return save(name, image, setting, subsampling, options)

    monkeypatch.setattr(classical, "_save", counting)
    return made


RIVALS = [name for name in ("avif", "jpegxl") if name in classical.AVAILABLE]


@pytest.mark.parametrize("name", RIVALS)
def test_at_two_megapixels_all_is_tried_at_the_best_settings(photo, encodings, monkeypatch, name):
    monkeypatch.setattr(classical, "LARGE_PIXELS", photo.width * photo.height)
    classical.encode_within(name, photo, 1500)
    assert all(options is None for *_, options in encodings)
    assert classical.settings_note(name, photo.width * photo.height) == ""


@pytest.mark.parametrize("max_bytes", [700, 1500, 3000])
@pytest.mark.parametrize("name", RIVALS)
def test_of_a_larger_photograph_few_files_are_made_slowly_and_the_best_is_found(
    photo, encodings, monkeypatch, name, max_bytes
):
    monkeypatch.setattr(classical, "LARGE_PIXELS", photo.width * photo.height - 1)
    data = classical.encode_within(name, photo, max_bytes)
    quick = classical._QUICK_OPTIONS[name]
    slow = [made for made in encodings if made[-1] != quick]
    assert len(slow) <= 7 and len({subsampling for _, _, subsampling, _ in slow}) == 1
    subsampling, options = slow[0][2:]
    assert options == ({"speed": 4} if name == "avif" else {"effort": 7})
    sizes = {q: len(classical._save(name, photo, q, subsampling, options)) for _, q, *_ in slow}
    largest = max(quality for quality, size in sizes.items() if size <= max_bytes)
    assert data == classical._save(name, photo, largest, subsampling, options)
    assert 0.9 * max_bytes < len(data) <= max_bytes
    assert sizes[largest + 1] > max_bytes


@pytest.mark.parametrize("name", RIVALS)
def test_a_larger_photograph_that_cannot_fit_costs_one_slow_file_a_subsampling(
    photo, encodings, monkeypatch, name
):
    monkeypatch.setattr(classical, "LARGE_PIXELS", 1)
    assert classical.encode_within(name, photo, 20) is None
    slow = [made for made in encodings if made[-1] != classical._QUICK_OPTIONS[name]]
    assert len(slow) == len(classical.SUBSAMPLINGS.get(name, (None,)))


def test_what_a_larger_photograph_is_not_given_is_said():
    assert classical.settings_note("jpegxl", 12_000_000) == "effort 7, not 9"
    assert [classical.settings_note(name, 12_000_000) for name in ("rda", *classical.CODECS)] == [
        ""
    ] * 5
