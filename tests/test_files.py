"""A file is replaced whole or not at all, whatever goes wrong."""

import errno
import os
import stat
from pathlib import Path

import pytest

from rdalib.files import check_writable, write_file, written_beside


@pytest.fixture
def folder(tmp_path):
    """A folder that holds one old file."""
    (tmp_path / "old").write_bytes(b"old")
    return tmp_path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["old", "new", "new.rda", "x" * 250 + ".rda"])
def test_the_new_bytes_are_all_that_is_there(folder, name):
    write_file(folder / name, b"new")
    assert contents(folder) == {"old": b"old"} | {name: b"new"}


def test_readers_see_the_old_file_until_the_new_one_is_whole(folder):
    with written_beside(folder / "old") as beside:
        Path(beside).write_bytes(b"half")
        assert (folder / "old").read_bytes() == b"old"
    assert contents(folder) == {"old": b"half"}


def test_the_temporary_file_keeps_the_ending_that_says_the_format(folder):
    with written_beside(folder / "picture.png") as beside:
        assert beside.endswith(".png")


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt]
)
@pytest.mark.parametrize("name", ["old", "new"])
def test_an_error_leaves_the_folder_as_it_was(folder, name, error):
    with pytest.raises((OSError, KeyboardInterrupt)), written_beside(folder / name) as beside:
        Path(beside).write_bytes(b"half")
        raise error
    assert contents(folder) == {"old": b"old"}


def test_an_error_of_the_system_names_the_file_that_was_meant(folder):
    with pytest.raises(OSError) as caught, written_beside(folder / "new"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(folder / "new")


def test_a_failed_rename_leaves_the_folder_as_it_was(folder, monkeypatch):
    def refuse(source, target):
        raise PermissionError(errno.EACCES, "Permission denied", source)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError) as caught:
        write_file(folder / "old", b"new")
    assert caught.value.filename == str(folder / "old")
    assert contents(folder) == {"old": b"old"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_a_new_file_has_the_rights_that_open_would_give_it(folder):
    write_file(folder / "new", b"new")
    (folder / "plain").touch()
    rights = [stat.S_IMODE((folder / name).stat().st_mode) for name in ("new", "plain")]
    assert rights[0] == rights[1]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_stays_a_link_to_the_new_bytes(folder):
    (folder / "link").symlink_to(folder / "old")
    write_file(folder / "link", b"new")
    assert (folder / "link").is_symlink()
    assert (folder / "old").read_bytes() == b"new"


def test_refusals_name_the_path_and_what_is_wrong_with_it(folder):
    with pytest.raises(IsADirectoryError, match="is a folder; name a file in it"):
        check_writable(folder)
    with pytest.raises(FileNotFoundError, match=r"missing.new: there is no folder .*missing; make"):
        check_writable(folder / "missing" / "new")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        check_writable(folder / "old" / "new")


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="no such device here")
def test_a_device_is_refused_and_not_replaced():
    with pytest.raises(OSError, match="/dev/null is not a regular file"):
        write_file("/dev/null", b"new")
    assert not os.path.isfile("/dev/null")


@pytest.mark.parametrize("locked", ["", "old"])
def test_a_folder_or_a_file_without_the_right_to_write_is_refused(folder, monkeypatch, locked):
    # By os.access, since root may write anywhere.
    forbidden = os.path.realpath(folder / locked)
    monkeypatch.setattr(os, "access", lambda path, mode: os.path.realpath(path) != forbidden)
    with pytest.raises(PermissionError, match="no permission to write to"):
        write_file(folder / "old", b"new")
    assert contents(folder) == {"old": b"old"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_file_keeps_the_permissions_of_what_it_replaces(folder):
    for mode in (0o600, 0o640, 0o444):
        (folder / "old").chmod(mode)
        with written_beside(folder / "old") as beside:
            Path(beside).write_bytes(b"new")
        assert stat.S_IMODE((folder / "old").stat().st_mode) == mode


def test_the_process_keeps_its_umask_throughout(folder, monkeypatch):
    def umask(mask):
        raise AssertionError("other threads would make files with another umask meanwhile")

    monkeypatch.setattr(os, "umask", umask)
    write_file(folder / "new", b"new")
