"""Files of a user that are damaged, odd, huge, locked or lead elsewhere: loaded, or refused in one line that helps."""

import io
import os
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from steergan.data import load, lysto, survey
from steergan.data.folder import ImageFiles
from steergan.errors import DataError, SteerganError
from steergan.files import cache_folder
from steergan.metrics import choose_extractor, read_network
from steergan.metrics.backbone import read_state
from steergan.recipe import validate
from tests.data.test_lysto import write_lysto
from tests.faults.damage import TYPES, damaged
from tests.thorough import size

pytestmark = pytest.mark.usefixtures("cache")
BAD_ADVICE = ("batch_size", "--out")
"""What helps with no file."""


def refusal(read: Callable[[], Any]) -> str:
    """The line about a file; empty if it was read."""
    try:
        read()
    except SteerganError as error:
        line = str(error)
        assert line.isprintable()
        assert not any(advice in line for advice in BAD_ADVICE)
        assert len(line) < 1500
        return line
    return ""


def loaded(name: str, path: Path, **more: Any) -> Callable[[], Any]:
    """Prepares a data set."""
    settings = validate({"name": "x", "data": {"name": name, "path": str(path), **more}}, "test").data
    return lambda: load(settings, "train")


# --- .npz


def npz(path: Path, **members: bytes) -> Path:
    """An archive of such files, with right checksums."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def npy(values: Any) -> bytes:
    """An .npy file."""
    content = io.BytesIO()
    np.save(content, values)
    return content.getvalue()


IMAGES, LABELS = npy(np.arange(640, dtype=np.uint8).reshape(10, 8, 8)), npy(np.arange(10) % 2)


def test_flipped_headers_of_arrays_are_one_line_or_other_images(tmp_path: Path) -> None:
    """Their archive is whole: only the header of an array is odd."""
    draw = random.Random(0)
    refused = 0
    count = size(150, 1024)
    for _ in range(count):
        place, bit = draw.randrange(128), draw.randrange(8)
        content = IMAGES[:place] + bytes([IMAGES[place] ^ 1 << bit]) + IMAGES[place + 1 :]
        refused += bool(refusal(loaded("npz", npz(tmp_path / "x.npz", images=content, labels=LABELS))))
    assert refused > count // 4


def test_damaged_archives_are_one_line(tmp_path: Path) -> None:
    path = npz(tmp_path / "x.npz", images=IMAGES, labels=LABELS)
    for _, content in damaged(path.read_bytes(), size(60, 1000)):
        path.write_bytes(content)
        refusal(loaded("npz", path))


def header(text: str, length: int | None = None) -> bytes:
    """An .npy file that begins so."""
    line = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(line) if length is None else length) + line


def shaped(shape: str, descr: str = "'|u1'") -> bytes:
    """An array that says it has such a shape."""
    return header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}")


HEADERS = {
    "nested": header("[" * 5_000),
    "names": header("{'descr': '|u1', 'fortran_order': False, 'shape': (n,)}"),
    "unended": header("{'descr': '|u1', 'fortran"),
    "huge": shaped("(999999999999, 64, 64)"),
    "beyond": shaped("(99999999999999999999999999, 64, 64)"),
    "negative": shaped("(-3, 8, 8)"),
    "objects": shaped("(3, 8, 8)", "'|O'"),
    "digits": shaped("(" + "9" * 5_000 + ",)"),
    "fields": shaped("(3, 8, 8)", "[('a', '<f4')]"),
    "dates": npy(np.zeros((3, 8, 8), "datetime64[s]")),
    "complex": npy(np.zeros((3, 8, 8), complex)),
    "text": npy(np.full((3, 8, 8), "x")),
    "no numbers": npy(np.full((3, 8, 8), np.nan)),
    "scalar": npy(np.uint8(3)),
    "none": b"",
}


@pytest.mark.parametrize("kind", HEADERS)
@pytest.mark.parametrize("array", ["images", "labels"])
def test_odd_arrays_are_one_line(tmp_path: Path, kind: str, array: str) -> None:
    arrays = {"images": IMAGES, "labels": LABELS, array: HEADERS[kind]}
    assert "x.npz: " in refusal(loaded("npz", npz(tmp_path / "x.npz", **arrays)))


def locked(content: bytes) -> bytes:
    """The archive, its members marked as encrypted."""
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(signature)
        while place >= 0:
            content = content[: place + offset] + b"\x01" + content[place + offset + 1 :]
            place = content.find(signature, place + 4)
    return content


def of_method(content: bytes, method: int) -> bytes:
    """The archive, its members marked as packed in this way."""
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = content.find(signature)
        while place >= 0:
            content = content[: place + offset] + struct.pack("<H", method) + content[place + offset + 2 :]
            place = content.find(signature, place + 4)
    return content


def test_archives_that_are_locked_odd_raw_or_of_other_things_are_one_line(tmp_path: Path) -> None:
    whole = npz(tmp_path / "whole.npz", images=IMAGES, labels=LABELS).read_bytes()
    odd = {
        "encrypted": locked(whole),
        **{f"method {k}": of_method(whole, k) for k in (1, 8, 9, 12, 14, 93, 99)},
        "raw": IMAGES,
        "pickle": b"\x80\x04N.",
        "empty archive": b"PK\x05\x06" + bytes(18),
        **TYPES,
    }
    for name, content in odd.items():
        (tmp_path / "x.npz").write_bytes(content)
        assert "x.npz: " in refusal(loaded("npz", tmp_path / "x.npz")), name


def test_what_is_packed_small_and_is_larger_than_the_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    content = bytearray(npz(tmp_path / "x.npz", images=IMAGES).read_bytes())
    extra = struct.pack("<HHQ", 1, 8, 2 * memory)  # as an archive says sizes above 4 GB
    central = content.find(b"PK\x01\x02")
    content[central + 24 : central + 28] = b"\xff" * 4
    length = struct.unpack_from("<H", content, central + 28)[0]
    struct.pack_into("<H", content, central + 30, len(extra))
    place = central + 46 + length
    content[place:place] = extra
    end = content.find(b"PK\x05\x06")
    struct.pack_into("<I", content, end + 12, struct.unpack_from("<I", content, end + 12)[0] + len(extra))
    (tmp_path / "x.npz").write_bytes(content)
    line = refusal(loaded("npz", tmp_path / "x.npz"))
    assert "GB of memory; save the images as files" in line


# --- HDF5


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """LYSTO of eight pixels a side."""
    monkeypatch.setattr(lysto, "SIDE", 8)


def small_lysto(path: Path) -> Path:
    organs = np.array([b"colon_1", b"breast_1", b"prostate_1"] * 4)
    with h5py.File(path, "w") as file:
        file["x"], file["organ"] = np.zeros((12, 8, 8, 3), np.uint8), organs
    return path


def test_damaged_hdf5_is_one_line(tmp_path: Path, small: None) -> None:
    whole = small_lysto(tmp_path / "training.h5").read_bytes()
    path = tmp_path / "damaged.h5"
    for _, content in damaged(whole, size(100, 1000)):
        path.write_bytes(content)
        refusal(loaded("lysto", path, size=8))


def linked(path: Path, key: str, link: str, other: Path) -> None:
    """The file, one of its arrays somewhere else."""
    with h5py.File(small_lysto(path), "a") as file:
        array = file[key]
        shape, kind = array.shape, array.dtype
        del file[key]
        if link == "external link":
            file[key] = h5py.ExternalLink(str(other), key)
        elif link == "soft link":
            file["y"] = np.zeros(shape, kind)
            file[key] = h5py.SoftLink("/y")
        elif link == "external storage":
            file.create_dataset(key, shape, kind, external=[(str(other), 0, h5py.h5f.UNLIMITED)])
        else:
            layout = h5py.VirtualLayout(shape, kind)
            layout[:] = h5py.VirtualSource(str(other), key, shape)
            file.create_virtual_dataset(key, layout)


@pytest.mark.parametrize("key", ["x", "organ"])
@pytest.mark.parametrize("link", ["external link", "soft link", "external storage", "virtual"])
def test_arrays_that_lie_elsewhere_are_refused(tmp_path: Path, small: None, key: str, link: str) -> None:
    other = small_lysto(tmp_path / "other.h5")
    linked(tmp_path / "training.h5", key, link, other)
    line = refusal(loaded("lysto", tmp_path / "training.h5", size=8))
    assert f"{key} is a link" in line or f"{key} lies in other files" in line


def test_a_plain_file_of_that_size_is_read(tmp_path: Path, small: None) -> None:
    assert refusal(loaded("lysto", small_lysto(tmp_path / "training.h5"), size=8)) == ""


# --- names and paths

NOBODY = "~nobody-at-all/images"


@pytest.mark.parametrize("name", ["folder", "npz", "patches", "lysto", "rotmnist", "cifar10"])
@pytest.mark.parametrize("path", [NOBODY, "a\0b", "x" * 5_000, "\x1b[2J\n", "/dev/zero"])
def test_odd_paths_are_one_line(name: str, path: str) -> None:
    settings = validate({"name": "x", "data": {"name": name, "path": path}}, "test").data
    assert refusal(lambda: survey(settings))


def test_users_that_are_not_there_are_no_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nobody" in refusal(lambda: choose_extractor(f"{NOBODY}.safetensors", (1, 8, 8)))
    monkeypatch.setenv("STEERGAN_DATA", NOBODY)
    settings = validate({"name": "x", "data": {"name": "rotmnist"}}, "test").data
    assert NOBODY in refusal(lambda: survey(settings))
    monkeypatch.setenv("STEERGAN_CACHE", NOBODY)
    assert "there is no such user" in refusal(cache_folder)


def pictures(folder: Path, names: list[bytes]) -> None:
    """Class folders of these names, with images of these names."""
    from PIL import Image

    for k, name in enumerate(names):
        inside = os.path.join(os.fsencode(folder), name)
        os.makedirs(inside)
        for j in range(4):
            content = io.BytesIO()
            Image.new("L", (8, 8), 40 * k + j).save(content, "png")
            with open(os.path.join(inside, b"%d-%b.png" % (j, name)), "wb") as file:
                file.write(content.getvalue())


def test_names_that_are_no_text_or_steer_a_terminal_are_shown_escaped(tmp_path: Path) -> None:
    pictures(tmp_path / "images", [b"caf\xe9", b"two\nlines", b"\x1b[31mred", "\u202egnp".encode()])
    found = loaded("folder", tmp_path / "images")()
    assert found.class_names == (r"\u202egnp", r"\x1b[31mred", r"caf\udce9", r"two\nlines")
    assert len(found) == 12


def test_a_path_that_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9")))
    pictures(folder, [b"a", b"b"])
    settings = validate({"name": "x", "data": {"name": "folder"}}, "test").data
    line = refusal(lambda: load(settings.model_copy(update={"path": str(folder)}), "train"))
    assert r"caf\udce9: a name in this path has characters that are no text; rename it" in line


# --- files of weights


def weights_files(tmp_path: Path) -> Iterator[Path]:
    """A file under each name that some reader takes."""
    for ending in ("safetensors", "pt", "pth"):
        yield tmp_path / f"x.{ending}"


@pytest.mark.parametrize("kind", [*TYPES, "zip", "pickle"])
def test_files_of_weights_that_are_none_are_one_line(tmp_path: Path, kind: str) -> None:
    content = TYPES.get(kind, zlib.compress(b"x") if kind == "zip" else b"\x80\x04cos\nsystem\n.")
    for path in weights_files(tmp_path):
        path.write_bytes(content)
        assert f"{path}: " in refusal(partial(read_network, path))
        assert f"{path}: " in refusal(partial(read_state, path))
        assert refusal(partial(choose_extractor, str(path), (1, 8, 8)))


def test_an_original_that_cannot_be_read_is_no_fault_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(tmp_path / "images", [b"a", b"b"])

    def broken(rows: ImageFiles, chosen: slice) -> None:
        raise OSError(5, "Input/output error", str(rows.files[0]))

    monkeypatch.setattr("steergan.data.folder.ImageFiles.__getitem__", broken)
    line = refusal(loaded("folder", tmp_path / "images"))
    assert "cannot be read (Input/output error); replace it" in line
    assert "STEERGAN_CACHE" not in line


def test_lysto_of_the_real_size_is_still_read(tmp_path: Path) -> None:
    write_lysto(tmp_path / "training.h5", 12)
    with pytest.raises(DataError, match="at most"):
        loaded("lysto", tmp_path / "training.h5", size=300)()
