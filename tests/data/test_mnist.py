import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from steergan.data.mnist import read_amat, read_idx, read_labelled
from steergan.errors import DataError
from tests.data.files import idx_bytes, write_amat

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
LABELS = np.arange(6, dtype=np.uint8)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_files_are_read_zipped_or_not(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "images").write_bytes(pack(idx_bytes(IMAGES)))
    (tmp_path / "labels").write_bytes(pack(idx_bytes(LABELS)))
    images, labels = read_labelled(tmp_path / "images", tmp_path / "labels")
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    assert labels.dtype == np.int64


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda whole: gzip.compress(whole)[:-20], "damaged gzip file"),
        (lambda whole: gzip.compress(whole)[:300] + b"\0\0\0" + gzip.compress(whole)[303:], "damaged gzip file"),
        (lambda whole: b"\0\0\x0d\x03" + whole[4:], "not an IDX file of images or labels"),
        (lambda whole: b"<html>404 Not Found</html>", "not an IDX file"),
        (lambda whole: b"", "starts with nothing"),
        (lambda whole: whole[:-1], "4703 bytes follow a header that announces 6 x 28 x 28"),
        (lambda whole: whole + b"\0", "4705 bytes follow"),
        (lambda whole: whole[:10], "not an IDX file"),
    ],
)
def test_damaged_idx_file_is_refused_by_name(
    tmp_path: Path, damage: Callable[[bytes], bytes], fault: str
) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(idx_bytes(IMAGES)))
    with pytest.raises(DataError, match=fault) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)
    assert "replace it by a whole copy" in str(caught.value)


def test_missing_idx_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: cannot be read"):
        read_idx(tmp_path / "none")


@pytest.mark.parametrize(
    ("images", "labels", "fault"),
    [
        (IMAGES, LABELS[:5], "5 labels for 6 images"),
        (IMAGES, LABELS + np.uint8(9), "a label 14"),
        (IMAGES[:, :27], LABELS, "28 x 28 were wanted"),
        (LABELS, LABELS, "28 x 28 were wanted"),
        (IMAGES, IMAGES, "labels for 6 images"),
    ],
)
def test_idx_files_that_do_not_fit_are_refused(
    tmp_path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8], fault: str
) -> None:
    (tmp_path / "i").write_bytes(idx_bytes(images))
    (tmp_path / "l").write_bytes(idx_bytes(labels))
    with pytest.raises(DataError, match=fault):
        read_labelled(tmp_path / "i", tmp_path / "l")


def test_amat_rows_become_images_row_by_row(tmp_path: Path) -> None:
    images, labels = write_amat(tmp_path / "x.amat", 2100, 5)  # more than one chunk
    read_images, read_labels = read_amat(tmp_path / "x.amat", 2100)
    np.testing.assert_array_equal(read_images, images)
    np.testing.assert_array_equal(read_labels, labels)


ROW = " ".join(["0.5"] * 784)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{ROW} 3\n", "1 rows; 2 were wanted"),
        (f"{ROW} 3\n" * 3, "more than 2 rows"),
        ("", "0 rows; 2 were wanted"),
        (f"{ROW}\n" * 2, "rows of 784 numbers"),
        (f"{ROW} 3\n{ROW}", "not rows of numbers, all of one length"),
        (f"{ROW} three\n" * 2, "not rows of numbers"),
        ("\u00e9" * 9, "not rows of numbers"),
        (f"{ROW} 10\n" * 2, "a label outside 0 to 9"),
        (f"{ROW} 1.5\n" * 2, "a label outside 0 to 9"),
        (f"{ROW} 3\n".replace("0.5", "127", 1) * 2, r"a pixel outside \[0, 1\]"),
        (f"{ROW} 3\n".replace("0.5", "nan", 1) * 2, r"a pixel outside \[0, 1\]"),
    ],
)
def test_damaged_amat_file_is_refused_by_name(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "x.amat"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=fault) as caught:
        read_amat(path, 2)
    assert str(path) in str(caught.value)


def test_missing_amat_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_amat(tmp_path / "none.amat", 2)
