"""escnn's bases of steerable filters, sampled on the pixel grid, and kept on disk: for groups beyond the grid."""

import contextlib
import hashlib
import importlib.metadata
import io
import os
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
from escnn.group import Representation
from escnn.gspaces import GSpace2D
from escnn.kernels import EmptyBasisException, KernelBasis
from escnn.nn.modules.basismanager.basisexpansion_singleblock import normalize_basis
from escnn.nn.modules.conv.r2convolution import compute_basis_params
from torch import Tensor

from steergan.errors import RunError, SymmetryError
from steergan.files import cache_folder, cache_unwritable, read_plain, write_whole
from steergan.seals import check_seal, safetensors_bytes, safetensors_parts, sealed_safetensors
from steergan.symmetry import group_name, is_grid_group

FORMAT = 2
"""Of the files in the cache; to be raised when the same key would hold another basis."""

LEAST_ENERGY = 1e-2
"""Below this, an element that was scaled to length one has vanished on the grid. Source: escnn."""


class BasisExpansion(torch.nn.Module):
    """Coefficients of a sampled basis of steerable filters.

    Args:
        basis: (count, out size, in size * k * k); a layer that changes its dtype or device leaves its siblings alone.
    """

    basis: Tensor
    is_identity = False

    def __init__(self, basis: Tensor) -> None:
        super().__init__()
        self.count = len(basis)
        self.register_buffer("basis", basis.to(torch.get_default_dtype()).contiguous(), persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        """(n_out, n_in, count) -> (n_out, out size, n_in, in size * k * k)."""
        return torch.einsum("ocb,bsl->oscl", weight, self.basis)

    def fit(self, block: Tensor) -> Tensor:
        """The coefficients whose block lies nearest, in the sense of least squares."""
        n_out, _, n_in, _ = block.shape
        matrix = self.basis.flatten(1).mT
        target = block.permute(1, 3, 0, 2).reshape(matrix.shape[0], -1)
        solution: Tensor = torch.linalg.lstsq(matrix, target).solution
        return solution.mT.reshape(n_out, n_in, self.count)


@contextlib.contextmanager
def quiet_escnn() -> Iterator[None]:
    """Inside, escnn neither prints what it computes nor warns that its own folder can't be written to."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@cache
def sampled_basis(
    space: GSpace2D, out_representation: Representation, in_representation: Representation, kernel_size: int
) -> Tensor | None:
    """The basis of escnn at its default band limit, (count, out size, in size * k * k) float64; None if it is empty.

    Taken from the cache folder if it is there, and left there if it was made and the folder can be written to.

    Args:
        space: any planar gspace.
        out_representation: of one field.
        in_representation: of one field.
        kernel_size: taps along one side. Even kernels have rings at half pixels, and the same band limits.
    """
    key = cache_key(space, out_representation, in_representation, kernel_size)
    path = cache_folder() / "bases" / f"{key}.safetensors"
    shape = (out_representation.size, in_representation.size * kernel_size**2)
    kept = read_basis(path)
    if kept is not None and kept.shape[1:] == shape and kept.dtype == torch.float64:
        return kept if len(kept) else None
    points = grid_points(kernel_size)
    found = basis_at(space, out_representation, in_representation, kernel_size, points).flatten(2)
    keep_basis(path, found)
    return found if len(found) else None


def basis_at(
    space: GSpace2D,
    out_representation: Representation,
    in_representation: Representation,
    kernel_size: int,
    points: Tensor,
) -> Tensor:
    """The filters of `sampled_basis` as continuous functions, at any points.

    Args:
        space: any planar gspace.
        out_representation: of one field.
        in_representation: of one field.
        kernel_size: taps along one side of the kernel whose band limits hold.
        points: (P, 2), x to the right and y up, in pixels from the centre.

    Returns:
        (count, out size, in size, P) float64; scaled so that they have length one on the pixel grid.
    """
    with quiet_escnn():
        found = analytic_basis(space, out_representation, in_representation, kernel_size)
        if found is None:
            return torch.zeros(0, out_representation.size, in_representation.size, len(points), dtype=torch.float64)
        basis, mask = found
        on_grid = sample(basis, grid_points(kernel_size))
        sizes = torch.tensor([element["shape"][0] for element in basis], dtype=torch.float64)
        length = normalize_basis(on_grid.clone(), sizes)
        mask &= length.square().flatten(1).sum(1) > LEAST_ENERGY
        # normalize_basis divides by a number per element: found again, and divided by at the other points.
        scale = (on_grid * length).flatten(1).sum(1) / on_grid.square().flatten(1).sum(1).clamp_min(1e-300)
        return sample(basis, points)[mask] * scale[mask, None, None, None]


def sample(basis: KernelBasis, points: Tensor) -> Tensor:
    """(count, out size, in size, P) float64.

    escnn keeps bases, shares their parts, and compares them by value: their numbers are replaced for the time being,
    one by one, because torch's own conversion compares parts that are converted with parts that are not.
    """
    singles = [(part, name, tensor) for part in parts_of(basis, {}) for name, tensor in part._buffers.items()]
    try:
        for part, name, tensor in singles:
            if tensor is not None and tensor.is_floating_point():
                part._buffers[name] = tensor.double()
        sampled: Tensor = basis.sample(points.double()).detach()
    finally:
        for part, name, tensor in singles:
            part._buffers[name] = tensor
    return sampled.permute(1, 2, 3, 0)


def parts_of(module: torch.nn.Module, seen: dict[int, torch.nn.Module]) -> list[torch.nn.Module]:
    """A module and all below it, each once."""
    if id(module) not in seen:
        seen[id(module)] = module
        for child in module._modules.values():
            if child is not None:
                parts_of(child, seen)
    return list(seen.values())


def analytic_basis(
    space: GSpace2D, out_representation: Representation, in_representation: Representation, kernel_size: int
) -> tuple[KernelBasis, Tensor] | None:
    """The basis of escnn, and which of its elements lie within the band limit; None if there are none."""
    rings = [0.5 + r for r in range(kernel_size // 2)] if kernel_size % 2 == 0 else None
    limit = None if rings is None else half_pixel_limit(rings[-1])
    band, rings, sigma, highest = compute_basis_params(kernel_size, frequencies_cutoff=limit, rings=rings)
    try:
        basis = space.build_kernel_basis(in_representation, out_representation, sigma, rings, maximum_frequency=highest)
    except EmptyBasisException:
        return None
    mask = torch.tensor([bool(band(element)) for element in basis])
    return (basis, mask) if bool(mask.any()) else None


def half_pixel_limit(rim: float) -> Callable[[float], int]:
    """The highest angular frequency on a ring of an even kernel: as on odd ones, 2 on the rim and 2 r inside."""
    return lambda radius: min(int(2 * radius), 2) if radius == rim else int(2 * radius)


def grid_points(kernel_size: int) -> Tensor:
    """Where a kernel's taps lie, (k * k, 2) float64, row by row from the upper left; x to the right, y up."""
    centred = torch.arange(kernel_size, dtype=torch.float64) - (kernel_size - 1) / 2
    y, x = torch.meshgrid(-centred, centred, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)


# --- on disk


def cache_key(
    space: GSpace2D, out_representation: Representation, in_representation: Representation, kernel_size: int
) -> str:
    """A name for all that decides a basis."""
    digest = hashlib.sha256(f"{FORMAT}/{importlib.metadata.version('escnn')}/{space.name}/{kernel_size}".encode())
    for representation in (out_representation, in_representation):
        digest.update(f"/{representation.group.name}/{representation.irreps}/".encode())
        digest.update(np.ascontiguousarray(representation.change_of_basis, dtype=np.float64).tobytes())
    return digest.hexdigest()


def read_basis(path: os.PathLike[str]) -> Tensor | None:
    """What `keep_basis` left; None if it is not there, or damaged."""
    try:
        content = read_plain(Path(path))
        check_seal(content)
        header, tensors = safetensors_parts(content)
        if header["basis"]["dtype"] != "F64":
            return None
        numbers = np.frombuffer(bytearray(tensors), dtype=np.float64)
        return torch.from_numpy(numbers.reshape(header["basis"]["shape"]))
    except Exception:  # whatever odd bytes lead to: it is made anew
        return None


def keep_basis(path: os.PathLike[str], basis: Tensor) -> None:
    """Leave a basis in the cache, where that is possible; processes that do so at once don't meet."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_whole(path, sealed_safetensors(basis_bytes(basis)))
    except (OSError, RunError) as error:
        cache_unwritable(error, "bases of filters are computed in every process")


def basis_bytes(basis: Tensor) -> bytes:
    """A .safetensors file of one tensor, as the library writes it, which layers do without."""
    tensors = basis.contiguous().numpy().tobytes()
    entry = {"dtype": "F64", "shape": list(basis.shape), "data_offsets": [0, len(tensors)]}
    return safetensors_bytes({"basis": entry}, tensors)


# --- what a kernel can hold


def highest_frequency(kernel_size: int) -> int:
    """The highest angular frequency that a kernel tells from lower ones: half of the 4 (k - 1) taps on its rim."""
    return 2 * (kernel_size - 1)


def check_kernel(space: GSpace2D, representation: Representation, kernel_size: int) -> None:
    """Refuse fields with frequencies beyond those of the kernels between them.

    Raises:
        SymmetryError: such fields. Groups that permute pixels, and 1x1 kernels, hold whatever there is.
    """
    if is_grid_group(space) or kernel_size == 1:
        return
    frequency = max(irrep[-1] for irrep in representation.irreps)
    if frequency <= highest_frequency(kernel_size):
        return
    fitting = frequency // 2 + 1 + (frequency % 2 > 0)
    fitting += 1 - fitting % 2
    came = f"{kernel_size}x{kernel_size} kernels hold angular frequencies up to {highest_frequency(kernel_size)}"
    lower = "a lower frequency" if int(space.fibergroup.order()) < 1 else "a smaller group"
    raise SymmetryError(
        f"{came}, fields of {group_name(space)} reach {frequency}; use kernel_size = {fitting}, or {lower}"
    )
