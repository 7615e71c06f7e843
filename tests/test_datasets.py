"""The photographs to train and measure on: which ones, from where, and crops of them."""

import hashlib
import logging
from collections import Counter
from importlib import resources
from pathlib import Path

import numpy as np
import pooch
import pytest
import requests
import torch
from PIL import Image

from rdalib.datasets import (
    cache_folder,
    fetch,
    find,
    photo_paths,
    training_paths,
    validation_paths,
    what_is_missing,
)
from rdalib.images import PhotoError, read_photo
from rdalib.patches import RandomPatches


def save_photo(path, height=8, width=8, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(samples).save(path)
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("RDALIB_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


# Which photographs


def test_photographs_are_found_in_all_folders_below_and_sorted(tmp_path):
    names = ["b.PNG", "a/z.jpg", "a/b/c.tif", "c.webp"]
    for name in names:
        save_photo(tmp_path / name)
    for other in ("notes.txt", "._b.png", "a/log.csv"):
        (tmp_path / other).write_text("no photograph")
    (tmp_path / "folder.png").mkdir()
    assert photo_paths(tmp_path) == sorted(tmp_path / name for name in names)
    assert photo_paths(str(tmp_path)) == photo_paths(tmp_path)


def test_a_folder_without_photographs_is_refused_by_its_name(tmp_path):
    (tmp_path / "notes.txt").write_text("no photograph")
    with pytest.raises(ValueError, match=r"no photographs in it, by their endings: \.jpg, "):
        photo_paths(tmp_path)
    with pytest.raises(ValueError, match=r"missing: no such folder"):
        photo_paths(tmp_path / "missing")
    with pytest.raises(ValueError, match=r"notes\.txt: not a folder"):
        photo_paths(tmp_path / "notes.txt")


def test_a_data_set_is_found_by_name_and_a_folder_is_itself(cache):
    save_photo(cache / "kodak" / "kodim01.png")
    assert find("kodak") == cache / "kodak"
    assert find("some/folder") == Path("some/folder")


@pytest.mark.parametrize("left", [False, True], ids=["missing", "empty"])
def test_a_data_set_that_is_not_there_names_the_command_that_fetches_it(cache, left):
    if left:  # a fetch without a network leaves a folder
        (cache / "bsds500" / "train").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"bsds500 is not in .*cache; fetch it: rda fetch bsds500"):
        find("bsds500")


def test_the_cache_is_where_the_environment_says(cache, monkeypatch):
    assert cache_folder() == cache
    monkeypatch.delenv("RDALIB_DATA")
    assert cache_folder() == Path(pooch.os_cache("rdalib"))


def test_every_fifth_photograph_of_bsds500s_test_folder_is_kept_out_of_training(cache):
    for part, count in (("train", 3), ("test", 11)):
        for index in range(count):
            save_photo(cache / "bsds500" / part / f"{index:03}.jpg")
    kept_out = validation_paths("bsds500")
    assert [path.stem for path in kept_out] == ["000", "005", "010"]
    trained_on = training_paths("bsds500")
    assert sorted(trained_on + kept_out) == photo_paths(cache / "bsds500")
    assert not set(trained_on) & set(kept_out)


def test_large_photographs_have_a_folder_that_validates(cache):
    for part, count in (("train", 3), ("validation", 2)):
        for index in range(count):
            save_photo(cache / "large" / part / f"{index}.jpg")
    assert validation_paths("large") == photo_paths(cache / "large" / "validation")
    assert training_paths("large") == photo_paths(cache / "large" / "train")


def test_every_twentieth_photograph_of_a_folder_validates(tmp_path):
    paths = [save_photo(tmp_path / f"{index:02}.png") for index in range(41)]
    assert validation_paths(tmp_path) == [paths[19], paths[39]]
    assert training_paths(tmp_path) == [p for p in paths if p not in (paths[19], paths[39])]


# Downloads, from a network that is played


def registered(name):
    text = resources.files("rdalib").joinpath("registry.tsv").read_text()
    rows = [row.split("\t") for row in text.splitlines()]
    return [row for row in rows if row[0].startswith(name + "/")]


@pytest.mark.parametrize(
    "name, parts",
    [
        ("bsds500", {"train": 200, "val": 100, "test": 200}),
        ("large", {"train": 37, "validation": 8}),
        ("kodak", {"": 24}),
    ],
)
def test_the_registry_lists_every_photograph_once_with_checksum_and_address(name, parts):
    paths, checksums, addresses = zip(*registered(name), strict=True)
    folders = Counter(path.removeprefix(name).rpartition("/")[0].strip("/") for path in paths)
    assert folders == parts
    assert len(set(paths)) == len(set(checksums)) == len(set(addresses)) == len(paths)
    assert all(len(bytes.fromhex(checksum)) == 32 for checksum in checksums)
    assert all(address.startswith("https://") for address in addresses)


def play_network(monkeypatch, data):
    """Every address answers with data[address]; returns the list of addresses asked for."""
    asked = []

    def download(url, output_file, pooch_, **kwargs):
        asked.append(url)
        Path(output_file).write_bytes(data(url))

    monkeypatch.setattr(pooch.core, "choose_downloader", lambda url, **kwargs: download)
    return asked


def play_registry(monkeypatch, rows):
    registry = "".join("\t".join(row) + "\n" for row in rows)

    class Folder:
        def joinpath(self, name):
            return self

        def read_text(self):
            return registry

    monkeypatch.setattr(resources, "files", lambda package: Folder())


def test_fetch_downloads_what_is_missing_or_damaged_and_nothing_else(cache, monkeypatch):
    files = {f"https://a/{letter}": letter.encode() for letter in "xyz"}
    rows = [
        (f"kodak/{address[-1]}.png", hashlib.sha256(data).hexdigest(), address)
        for address, data in files.items()
    ]
    play_registry(monkeypatch, rows)
    asked = play_network(monkeypatch, files.get)
    assert fetch("kodak") == cache / "kodak"
    assert asked == list(files)
    assert {p.name: p.read_bytes() for p in (cache / "kodak").iterdir()} == {
        "x.png": b"x",
        "y.png": b"y",
        "z.png": b"z",
    }
    (cache / "kodak" / "x.png").unlink()
    (cache / "kodak" / "y.png").write_bytes(b"damaged")
    asked.clear()
    fetch("kodak")
    assert asked == ["https://a/x", "https://a/y"]
    assert (cache / "kodak" / "y.png").read_bytes() == b"y"


def test_fetch_leaves_the_terminal_to_its_progress_bar(cache, monkeypatch):
    said = []
    handler = logging.Handler()
    handler.emit = said.append
    logger = pooch.get_logger()
    logger.setLevel("INFO")  # as pooch does, which would say a line a file
    monkeypatch.setattr(logger, "handlers", [handler])
    play_registry(monkeypatch, [("kodak/x.png", hashlib.sha256(b"x").hexdigest(), "https://a/x")])
    play_network(monkeypatch, lambda address: b"x")
    fetch("kodak")
    assert said == []


def test_fetch_keeps_nothing_with_a_wrong_checksum(cache, monkeypatch):
    asked = play_network(monkeypatch, lambda address: b"not what was registered")
    with pytest.raises(ValueError, match="hash of downloaded file"):
        fetch("kodak")
    assert len(asked) == 1
    assert list((cache / "kodak").iterdir()) == []


def test_fetch_without_a_network_says_so(cache, monkeypatch):
    def unreachable(address):
        raise requests.ConnectionError("HTTPSConnectionPool(host='a'): Max retries exceeded")

    play_network(monkeypatch, unreachable)
    with pytest.raises(OSError, match=r"^https://.* cannot be downloaded .*; with a network, run"):
        fetch("bsds500")


def test_an_interrupted_fetch_is_told_from_a_whole_set(cache, monkeypatch):
    play_registry(monkeypatch, [(f"kodak/{x}.png", "0" * 64, "https://a") for x in "xyz"])
    save_photo(cache / "kodak" / "x.png")
    (cache / "kodak" / "tmp1234").touch()  # as pooch leaves
    assert what_is_missing("kodak") == (
        "only 1 of the 3 photographs of kodak are there; for the others: rda fetch kodak"
    )
    for letter in "yz":
        save_photo(cache / "kodak" / f"{letter}.png")
    assert what_is_missing("kodak") is None
    assert what_is_missing(cache) is None  # a folder is what is in it


def test_the_cache_may_be_named_from_home(monkeypatch):
    monkeypatch.setenv("RDALIB_DATA", "~/photographs")
    assert cache_folder() == Path.home() / "photographs"


def test_fetch_refuses_other_names():
    with pytest.raises(ValueError, match="no data set 'imagenet'; there are bsds500, kodak, large"):
        fetch("imagenet")


# Crops


def test_patches_are_crops_of_the_photographs_or_their_mirror_images(tmp_path):
    paths = [save_photo(tmp_path / f"{seed}.png", 9, 12, seed) for seed in range(2)]
    patches = RandomPatches(paths, size=7)
    crops = set()
    for index, path in enumerate(paths):
        y = read_photo(path)
        for top in range(3):
            for left in range(6):
                crop = y[:, top : top + 7, left : left + 7]
                crops |= {(crop.numpy().tobytes(), index, False)}
                crops |= {(crop.flip(2).numpy().tobytes(), index, True)}
    known = {data: (index, mirrored) for data, index, mirrored in crops}
    sample = patches.sample(400, torch.Generator().manual_seed(0))
    assert sample.shape == (400, 3, 7, 7) and sample.dtype == torch.float32
    seen = [patch.numpy().tobytes() for patch in sample]
    assert set(seen) <= set(known)
    assert {known[data] for data in seen} == {(i, m) for i in (0, 1) for m in (False, True)}
    assert len(set(seen)) > 70  # all 72 crops but the odd one: 400 draws leave out 0.3 of them


def test_the_generator_is_the_only_source_of_chance(tmp_path):
    patches = RandomPatches([save_photo(tmp_path / "a.png", 40, 40)], size=16)
    samples = []
    for seed in (1, 1, 2):
        torch.manual_seed(len(samples))
        generator = torch.Generator().manual_seed(seed)
        samples.append((patches.sample(3, generator), patches.blocks(8, 5, generator)))
    for same, again in zip(samples[0], samples[1], strict=True):
        assert torch.equal(same, again)
    assert not torch.equal(samples[0][0], samples[2][0])


def test_a_photograph_smaller_than_a_crop_is_extended_by_its_edge(tmp_path):
    path = save_photo(tmp_path / "small.png", 3, 5)
    patches = RandomPatches([path], size=8)
    y = read_photo(path)
    extended = y[:, [0, 1, 2, 2, 2, 2, 2, 2]][:, :, [0, 1, 2, 3, 4, 4, 4, 4]]
    for patch in patches.sample(8, torch.Generator().manual_seed(0)):
        assert torch.equal(patch, extended) or torch.equal(patch, extended.flip(2))


def test_blocks_are_flat_pieces_of_crops_around_zero(tmp_path):
    path = save_photo(tmp_path / "a.png", 16, 16)
    blocks = RandomPatches([path], size=16).blocks(8, 9, torch.Generator().manual_seed(0))
    y = read_photo(path) - 0.5
    pieces = [
        piece.flatten()
        for side in (y, y.flip(2))
        for row in side.split(8, dim=1)
        for piece in row.split(8, dim=2)
    ]
    assert blocks.shape == (9, 3 * 8 * 8)
    for block in blocks:
        assert any(torch.equal(block, piece) for piece in pieces)


def test_training_on_nothing_or_on_no_photograph_is_refused(tmp_path):
    for sets in ([], [[]], [[save_photo(tmp_path / "a.png")], []]):
        with pytest.raises(PhotoError, match="no photographs to train on"):
            RandomPatches(*sets)
    (tmp_path / "text.jpg").write_text("no photograph")
    with pytest.raises(PhotoError, match=r"text\.jpg is not a photograph"):
        RandomPatches([tmp_path / "text.jpg"])


def test_every_set_has_the_same_share_of_the_crops(tmp_path):
    dark, light = tmp_path / "dark.png", tmp_path / "light.png"
    Image.new("RGB", (20, 20), (10, 10, 10)).save(dark)
    Image.new("RGB", (20, 20), (250, 250, 250)).save(light)
    patches = RandomPatches([dark], [light] * 9, size=4)
    sample = patches.sample(400, torch.Generator().manual_seed(0))
    assert 0.4 < float((sample.mean(dim=(1, 2, 3)) > 0.5).float().mean()) < 0.6


def test_crops_show_up_to_the_largest_scale_and_no_more_than_there_is(tmp_path):
    # A ramp: its slope in a crop says at which scale it was taken.
    ramp = np.broadcast_to(np.arange(240, dtype=np.uint8)[None, :, None], (120, 240, 3))
    Image.fromarray(np.ascontiguousarray(ramp)).save(tmp_path / "ramp.png")

    def slopes(largest_scale):
        patches = RandomPatches([tmp_path / "ramp.png"], size=16, largest_scale=largest_scale)
        sample = patches.sample(200, torch.Generator().manual_seed(0)) * 255
        return (sample[:, 0, 8, 12] - sample[:, 0, 8, 4]).abs() / 8

    assert slopes(1.0).unique().tolist() == [1.0]
    for largest in (3.0, 50.0):
        found, possible = slopes(largest), min(largest, 120 / 16)
        assert 0.9 < found.min() < 1.1
        assert 0.9 * possible < found.max() < 1.05 * possible
        median = float(found.median())
        assert median == pytest.approx(min(largest**0.5, possible), rel=0.25)


def test_recoloured_crops_have_other_colours_and_the_rest_their_own(tmp_path):
    Image.new("RGB", (20, 20), (200, 100, 50)).save(tmp_path / "a.png")
    own = torch.tensor([200.0, 100.0, 50.0]) / 255
    for share in (0.0, 0.5):
        patches = RandomPatches([tmp_path / "a.png"], size=4, recoloured=share)
        sample = patches.sample(400, torch.Generator().manual_seed(0))
        colours = sample.mean(dim=(2, 3))
        other = ((colours - own).abs().amax(dim=1) > 0.01).float().mean()
        assert abs(float(other) - share) < 0.1
        assert torch.equal((255 * sample).round() / 255, sample)
        assert sample.min() >= 0 and sample.max() <= 1


def test_photographs_beyond_the_memory_allowed_take_turns(tmp_path):
    paths = [save_photo(tmp_path / f"{seed}.png", 16, 16, seed) for seed in range(6)]
    known = {read_photo(path).numpy().tobytes(): index for index, path in enumerate(paths)}
    known |= {read_photo(path).flip(2).numpy().tobytes(): i for i, path in enumerate(paths)}

    def seen(patches, step):
        sample = patches.sample(60, torch.Generator().manual_seed(step), step=step)
        return {known[patch.numpy().tobytes()] for patch in sample}

    patches = RandomPatches(paths, size=16, pool_bytes=2 * 16 * 16 * 3 - 1)
    pools = [seen(patches, 500 * number) for number in range(20)]
    assert {len(pool) for pool in pools} == {2}
    assert set().union(*pools) == set(range(6))
    resumed = RandomPatches(paths, size=16, pool_bytes=2 * 16 * 16 * 3 - 1)
    assert seen(resumed, 3499) == seen(resumed, 3000) == pools[6]  # a pool follows from the step
    assert seen(RandomPatches(paths, size=16), 3000) == set(range(6))


def test_photographs_are_told_apart_by_names_and_sizes(tmp_path):
    paths = [save_photo(tmp_path / f"{seed}.png", 9, 9, seed) for seed in range(3)]
    whole = RandomPatches(paths, size=4).fingerprint()
    assert RandomPatches(paths[::-1], size=8).fingerprint() == whole
    assert RandomPatches(paths[:2], size=4).fingerprint() != whole
    assert RandomPatches(paths[:1], paths[1:], size=4).fingerprint() != whole


def test_crops_to_count_are_as_many_as_cover_the_photographs_and_keep_their_colours(tmp_path):
    Image.new("RGB", (40, 40), (200, 100, 50)).save(tmp_path / "a.png")
    patches = RandomPatches([tmp_path / "a.png"], size=4, recoloured=1.0)
    assert patches.to_cover(1000) == 100 and patches.to_cover(30) == 30
    assert RandomPatches([tmp_path / "a.png"], size=40).to_cover(1000) == 8
    own = torch.tensor([200.0, 100.0, 50.0])[:, None, None] / 255
    crops = list(patches.crops(5))
    assert len(crops) == 5 and all(torch.allclose(y, own.expand(3, 4, 4)) for y in crops)
    assert patches.recoloured == 1.0
