"""Bases off the grid are escnn's own, sampled more precisely, kept on disk, and made where nothing can be written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import escnn.group._clebsh_gordan as clebsh_gordan
import numpy as np
import pytest
import torch
from escnn import gspaces
from escnn.group import Representation, directsum
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType, R2Conv

from steergan.errors import SymmetryError
from steergan.layers.filters import bases as module
from steergan.layers.filters.bases import (
    basis_at,
    check_kernel,
    highest_frequency,
    keep_basis,
    quiet_escnn,
    read_basis,
    sampled_basis,
)
from steergan.symmetry import elements_of, fourier_representation, group_name, gspace, is_continuous
from tests.thorough import grid


def field(space: GSpace2D) -> Representation:
    """A field of several irreps; not all of D8's, which would be 49 pairs and half a minute."""
    if is_continuous(space):
        return fourier_representation(space, 2)
    if group_name(space) == "D8":
        return directsum([space.trivial_repr, space.irrep(1, 1), space.irrep(1, 3)], name="three irreps of D8")
    return space.regular_repr


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path))
    sampled_basis.cache_clear()
    yield tmp_path / "bases"
    sampled_basis.cache_clear()


@pytest.mark.parametrize(("kernel_size", "name"), grid([1, 3, 5], ["C8", "D8", "SO2", "O2", "C12"]))
def test_they_are_those_of_escnn(name: str, kernel_size: int) -> None:
    space = gspace(name)
    for out, into in ((field(space), space.trivial_repr), (field(space), field(space))):
        layer = R2Conv(FieldType(space, [into]), FieldType(space, [out]), kernel_size, bias=False, initialize=False)
        expansion = layer.basisexpansion
        wanted = torch.stack([expansion(row) for row in torch.eye(expansion.dimension())]).flatten(1).double()
        found = sampled_basis(space, out, into, kernel_size)
        assert found is not None
        assert torch.allclose(found.flatten(1), wanted, atol=1e-5)


@pytest.mark.parametrize(("kernel_size", "name"), grid([4, 5, 7], ["C8", "D8", "SO2", "O2"]))
def test_as_functions_they_satisfy_the_constraint_at_every_element(name: str, kernel_size: int) -> None:
    """K(g x) = rho_out(g) K(x) rho_in(g)^-1, at points between the pixels."""
    space = gspace(name)
    stream = torch.Generator().manual_seed(0)
    points = (torch.rand(20, 2, generator=stream, dtype=torch.float64) - 0.5) * kernel_size
    out, into = field(space), space.irrep(*field(space).irreps[1])
    before = basis_at(space, out, into, kernel_size, points)
    assert len(before)
    for element in elements_of(space, 7)[:9]:
        turned = points @ torch.from_numpy(np.asarray(space.basespace_action(element))).mT
        after = basis_at(space, out, into, kernel_size, turned)
        rho_out, rho_in = (torch.from_numpy(np.asarray(r(element))) for r in (out, into))
        wanted = torch.einsum("ij,bjkp,lk->bilp", rho_out, before, rho_in)
        assert float((after - wanted).abs().max() / before.abs().max()) < 1e-5


@pytest.mark.parametrize("kernel_size", [2, 4, 5])
def test_on_the_grid_they_are_exact_at_quarter_turns(kernel_size: int) -> None:
    space = gspace("SO2")
    out = field(space)
    found = sampled_basis(space, out, space.trivial_repr, kernel_size)
    assert found is not None
    on_grid = found.unflatten(2, (kernel_size, kernel_size))
    rho = torch.from_numpy(np.asarray(out(space.fibergroup.element(np.pi / 2))))
    wanted = torch.einsum("ji,bjhw->bihw", rho, on_grid)  # K(g^-1 x), which rot90 gives, is rho(g)^-1 K(x)
    assert float((torch.rot90(on_grid, 1, (2, 3)) - wanted).abs().max()) < 1e-6


# --- on disk


def test_a_second_process_reads_what_the_first_one_made(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = gspace("C8")
    made = sampled_basis(space, space.regular_repr, space.trivial_repr, 5)
    assert len(list(empty_cache.iterdir())) == 1
    sampled_basis.cache_clear()
    monkeypatch.setattr(module, "basis_at", None)  # nothing is made any more
    kept = sampled_basis(space, space.regular_repr, space.trivial_repr, 5)
    assert made is not None
    assert kept is not None
    assert torch.equal(made, kept)


def test_an_empty_basis_is_remembered_as_empty(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = gspace("SO2")
    assert sampled_basis(space, space.irrep(5), space.trivial_repr, 3) is None
    sampled_basis.cache_clear()
    monkeypatch.setattr(module, "basis_at", None)
    assert sampled_basis(space, space.irrep(5), space.trivial_repr, 3) is None


@pytest.mark.parametrize("content", [b"", b"no tensors", None])
def test_a_damaged_file_is_made_again(empty_cache: Path, content: bytes | None) -> None:
    space = gspace("C8")
    made = sampled_basis(space, space.regular_repr, space.trivial_repr, 3)
    assert made is not None
    (file,) = empty_cache.iterdir()
    whole = file.read_bytes()
    if content is None:
        keep_basis(file, made[:, :3])  # a basis of other fields
    else:
        file.write_bytes(content)
    sampled_basis.cache_clear()
    again = sampled_basis(space, space.regular_repr, space.trivial_repr, 3)
    assert again is not None
    assert torch.equal(again, made)
    assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("STEERGAN_CACHE", str(blocked))
    sampled_basis.cache_clear()
    space = gspace("C8")
    assert sampled_basis(space, space.regular_repr, space.trivial_repr, 3) is not None
    assert read_basis(blocked / "bases" / "x") is None


def test_different_fields_kernels_and_groups_have_different_keys() -> None:
    spaces: list[Any] = [gspace("C8"), gspace("C16"), gspaces.rot2dOnR2(12), gspace("SO2")]
    keys = {
        module.cache_key(space, out, space.trivial_repr, size)
        for space in spaces
        for out in (field(space), space.irrep(*field(space).irreps[1]))
        for size in (3, 5)
    }
    assert len(keys) == len(spaces) * 4


def test_a_cache_of_escnn_without_room_is_not_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "no room")

    solve = clebsh_gordan._clebsh_gordan_tensor.__wrapped__  # behind what the tests remember
    monkeypatch.setattr(solve.store_backend, "_concurrency_safe_write", no_room)
    monkeypatch.setattr(solve.store_backend, "contains_item", lambda *args, **kwargs: False)
    group = gspace("O2").fibergroup
    irreps = (group.irrep(1, 1).id, group.irrep(1, 1).id, group.irrep(1, 2).id)
    with pytest.warns(Warning, match="Unable to cache"):
        solve(*irreps, group.__class__.__name__, **group._keys)
    with quiet_escnn():  # in tests a warning is an error
        solve(*irreps, group.__class__.__name__, **group._keys)


# --- what a kernel can hold


@pytest.mark.parametrize(("kernel_size", "frequency"), [(1, 0), (3, 4), (5, 8), (7, 12)])
def test_the_rim_of_a_kernel_holds_half_as_many_frequencies_as_taps(kernel_size: int, frequency: int) -> None:
    assert highest_frequency(kernel_size) == frequency


@pytest.mark.parametrize(
    ("name", "representation", "kernel_size", "words"),
    [
        ("C16", None, 3, r"3x3.*up to 4.*C16 reach 8.*kernel_size = 5.*smaller group"),
        ("D16", None, 3, r"D16 reach 8"),
        ("C32", None, 5, r"5x5.*C32 reach 16.*kernel_size = 9"),
        ("SO2", 5, 3, r"SO2 reach 5.*kernel_size = 5.*lower frequency"),
        ("O2", 9, 5, r"O2 reach 9.*kernel_size = 7"),
    ],
)
def test_frequencies_beyond_the_kernel_are_refused(
    name: str, representation: int | None, kernel_size: int, words: str
) -> None:
    space = gspace(name)
    fields = space.regular_repr if representation is None else fourier_representation(space, representation)
    with pytest.raises(SymmetryError, match=words):
        check_kernel(space, fields, kernel_size)


def test_what_fits_and_what_permutes_pixels_and_single_taps_pass() -> None:
    check_kernel(gspace("C16"), gspace("C16").regular_repr, 5)
    check_kernel(gspace("C16"), gspace("C16").regular_repr, 1)
    check_kernel(gspace("SO2"), fourier_representation(gspace("SO2"), 4), 3)
    check_kernel(gspace("D4"), gspace("D4").regular_repr, 3)
