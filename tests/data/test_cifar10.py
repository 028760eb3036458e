"""CIFAR-10's batches, both versions, in folders and archives; pickles that are not only data are not run."""

import io
import os
import pickle
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from steergan.data import cifar10, load, prepare
from steergan.errors import DataError
from steergan.recipe.data import Cifar10

ROWS = 20
NAMES = (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")


@pytest.fixture(autouse=True)
def small_batches(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "ROWS", ROWS)


def some_batch(number: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows of 1,024 red, 1,024 green and 1,024 blue pixels, each row by row; and labels."""
    images = np.random.default_rng(number).integers(0, 256, (ROWS, 3072), dtype=np.uint8)
    images[:, 0], images[:, 1024 + 31], images[:, 2048 + 32 * 31] = 11, 22, 33  # red upper left, green upper right, ...
    return images, (np.arange(ROWS) + number) % 10


def python_two_pickle(images: NDArray[Any], labels: list[int]) -> bytes:
    """As the official files are: protocol 2 of Python 2, whose strings (U, T) are bytes."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01" + b"".join(b"J" + length.to_bytes(4, "little") for length in images.shape) + b"\x86"
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + images.size.to_bytes(4, "little") + images.tobytes() + b"tb"
    )
    digits = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(U\x0bbatch_labelU\x15training batch 1 of 5U\x06labels" + digits + b"U\x04data" + array + b"u."


def contents(version: str) -> dict[str, bytes]:
    """Files of a version, by name."""
    found = {}
    for number, name in enumerate(NAMES):
        images, labels = some_batch(number)
        if version == "py":
            found[name] = python_two_pickle(images, labels.tolist())
        else:
            found[f"{name}.bin"] = np.column_stack([labels.astype(np.uint8), images]).tobytes()
    return found


def as_folder(root: Path, files: Mapping[str, bytes]) -> Path:
    folder = root / "cifar-10-batches"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return root


def as_archive(root: Path, files: Mapping[str, bytes]) -> Path:
    path = root / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"readme.html": b"hello", **files}.items():
            member = tarfile.TarInfo(f"cifar-10-batches/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def settings(path: Path | str, **more: Any) -> Cifar10:
    return Cifar10.model_validate({"path": str(path), **more})


def refusal(path: Path, **more: Any) -> str:
    with pytest.raises(DataError) as caught:
        prepare(settings(path, **more))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("version", ["py", "bin"])
@pytest.mark.parametrize("write", [as_folder, as_archive])
def test_pixels_come_to_their_place_and_colour(
    tmp_path: Path, version: str, write: Callable[[Path, Mapping[str, bytes]], Path]
) -> None:
    path = write(tmp_path, contents(version))
    train, held_out = (load(settings(path), split) for split in ("train", "held_out"))
    assert (len(train), len(held_out)) == (5 * ROWS, ROWS)
    assert train.class_names[:4] == ("airplane", "automobile", "bird", "cat")
    assert train.class_names[9] == "truck"
    assert (train.images[:, 0, 0, 0] == 11).all()
    assert (train.images[:, 1, 0, 31] == 22).all()
    assert (train.images[:, 2, 31, 0] == 33).all()
    images, labels = some_batch(2)
    np.testing.assert_array_equal(train.images[2 * ROWS + 7], images[7].reshape(3, 32, 32))
    np.testing.assert_array_equal(train.labels[2 * ROWS : 3 * ROWS], labels)
    np.testing.assert_array_equal(held_out.labels, some_batch(5)[1])


def test_a_pickle_of_python_three_is_read(tmp_path: Path) -> None:
    files = contents("py")
    images, labels = some_batch(0)
    files["data_batch_1"] = pickle.dumps({"data": images, "labels": labels.tolist()}, protocol=2)
    train = load(settings(as_folder(tmp_path, files)), "train")
    np.testing.assert_array_equal(train.images[0], images[0].reshape(3, 32, 32))


class Malicious:
    """Runs a command when an ordinary unpickler reads it."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("nested", [False, True])
def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path: Path, nested: bool) -> None:
    attack: Any = Malicious(f"touch {tmp_path}/run")
    files = contents("py")
    files["data_batch_3"] = pickle.dumps({"data": some_batch(0)[0], "labels": [attack]} if nested else attack)
    line = refusal(as_folder(tmp_path, files))
    assert "data_batch_3: not a pickled batch of images (it asks for posix.system" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "attack",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nload\n.",
        b"c_codecs\ndecode\n.",
        b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x03\x00\x00\x00hextR.",
        b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93.",
    ],
)
def test_only_what_arrays_need_can_be_asked_for(attack: bytes) -> None:
    with pytest.raises(DataError, match="it asks for"):
        cifar10.read_pickled("x", attack)


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ([1, 2], "holds no dict"),
        ({"data": some_batch(0)[0], "fine_labels": [1] * ROWS}, "holds data, fine_labels; data"),
        ({"data": some_batch(0)[0].astype(float), "labels": [1] * ROWS}, "data (uint8)"),
        ({"data": some_batch(0)[0], "labels": [10] * ROWS}, "a label outside 0 to 9"),
        ({"data": some_batch(0)[0], "labels": ["a"] * ROWS}, "a label outside 0 to 9"),
        ({"data": some_batch(0)[0][:9], "labels": [1] * 9}, "images (9, 3072) and 9 labels"),
        ({"data": some_batch(0)[0].reshape(-1, 32, 32, 3), "labels": [1] * ROWS}, "images (20, 32, 32, 3)"),
    ],
)
def test_other_pickles_are_refused(batch: object, said: str) -> None:
    with pytest.raises(DataError) as caught:
        cifar10.read_pickled("x", pickle.dumps(batch, protocol=2))
    assert said in str(caught.value)


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_cut_batches_are_refused(cut: int) -> None:
    images, labels = some_batch(0)
    with pytest.raises(DataError, match="not a pickled batch"):
        cifar10.read_pickled("x", python_two_pickle(images, labels.tolist())[:cut])
    plain = np.column_stack([labels.astype(np.uint8), images]).tobytes()[:cut]
    with pytest.raises(DataError, match=f"x: {len(plain):,} bytes; 61,460 were wanted"):
        cifar10.read_binary("x", plain)


def test_a_binary_label_above_nine_is_refused() -> None:
    with pytest.raises(DataError, match="a label outside 0 to 9"):
        cifar10.read_binary("x", bytes([10]) * (ROWS * 3073))


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_truncated_archive_is_named(tmp_path: Path, kept: float) -> None:
    path = as_archive(tmp_path, contents("py"))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert refusal(path).startswith(f"{path}: truncated, damaged, or no archive")


def test_an_archive_without_a_batch_is_named(tmp_path: Path) -> None:
    path = as_archive(tmp_path, {name: content for name, content in contents("bin").items() if "4" not in name})
    assert refusal(path).startswith(f"{path}: data_batch_4.bin is missing")


def test_a_file_that_is_no_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("hello")
    assert "truncated, damaged, or no archive" in refusal(tmp_path / "x.txt")


def test_the_archive_is_found_where_no_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_DATA", str(tmp_path))
    with pytest.raises(DataError, match="no originals in STEERGAN_DATA"):
        prepare(settings(""))
    as_archive(tmp_path, contents("py"))
    from_archive = prepare(settings(""))
    assert from_archive.manifest["kind"] == "archive"
    as_folder(tmp_path, contents("bin"))
    from_folder = prepare(settings(""))
    assert from_folder.manifest["kind"] == "binary"
    assert from_archive.splits["train"].checksum == from_folder.splits["train"].checksum


def test_another_size_is_refused(tmp_path: Path) -> None:
    path = as_folder(tmp_path, contents("py"))
    assert "leave data.size out" in refusal(path, size=64)
    assert load(settings(path, size=32), "train").image_shape == (3, 32, 32)


def test_a_download_goes_into_the_cache_and_is_found(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(root: str, *, download: bool) -> None:
        assert download
        Path(root).mkdir(parents=True)
        as_folder(Path(root), contents("py"))

    monkeypatch.setattr("torchvision.datasets.CIFAR10", fetch)
    assert cifar10.download_cifar10() == cache / "originals"
    assert len(load(settings(""), "held_out")) == ROWS


def test_without_a_network_one_line_says_what_to_do() -> None:
    with pytest.raises(DataError, match=r"could not be downloaded .* copy cifar-10-python.tar.gz"):
        cifar10.download_cifar10()
