"""The equivariance error at angles between the multiples of 90 degrees: measured, and never proved.

g acts on inputs exactly (`bumps`); what is interpolated is the output alone, where it is a map. How much of the error
that explains is measured without a network: the same output, turned there and back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log10

import numpy as np
import torch
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, spline_filter1d
from torch import Tensor, nn

from steergan.layers import shared_filters
from steergan.motions import plane_motion
from steergan.symmetry import pixel_permutations
from steergan.verification.measured.bumps import fibre_of
from steergan.verification.measured.moved_inputs import Inputs, element_or_none, inputs_at
from steergan.verification.measured.spectrum import harmonics
from steergan.verification.subject import Size, Subject, Tell, tensors_of, twin_of, untold
from steergan.verification.surroundings import in_mode

STEPS = 48
"""Angles around the circle: every 7.5 degrees, which shows harmonics up to 23."""
TABLE = (15.0, 30.0, 45.0, 90.0)
"""Degrees that tables name."""
SEEDS = (0, 1, 2, 3)
SPREAD = 8
"""Seeds over which the spread of a result is taken."""
CHUNK = 12
"""Angles that are run at once."""
RANGE = 2.0
"""Of pixel values in [-1, 1]."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OffGrid:
    """What was measured of one network.

    Attributes:
        angles: degrees, counterclockwise.
        median, upper: relative error at each, over inputs and sizes: the median and the 95 % quantile.
        floor: the median error of turning outputs there and back, over sqrt 2; 0 where outputs are no maps.
        reflected: at `TABLE`, median error of a reflection and that angle; empty for groups without reflections.
        harmonics: power of the error as a function of the angle, by harmonic from 0; empty unless all angles are there.
        eq_r: PSNR in dB over all angles (StyleGAN3's EQ-R) where the output is an image, else None.
        inputs: how many inputs, over all sizes.
    """

    angles: tuple[float, ...]
    median: tuple[float, ...]
    upper: tuple[float, ...]
    floor: tuple[float, ...]
    reflected: tuple[float, ...]
    harmonics: tuple[float, ...]
    eq_r: float | None
    inputs: int

    def at(self, degrees: float) -> tuple[float, float, float] | None:
        """Median, 95 % quantile and floor at an angle; None if it was not measured."""
        if degrees not in self.angles:
            return None
        i = self.angles.index(degrees)
        return self.median[i], self.upper[i], self.floor[i]


def decibels(error: float) -> float:
    """How far below the output an error lies, in dB; larger is better."""
    return -20 * log10(max(error, 1e-12))


def beyond_floor(error: float, floor: float) -> float:
    """The network's own share of an error, if it and the interpolation's are independent."""
    return float(np.sqrt(max(error**2 - floor**2, 0.0)))


@torch.no_grad()
def measure_off_grid(
    subject: Subject, *, steps: int = STEPS, seeds: Sequence[int] = SEEDS, tell: Tell = untold
) -> OffGrid:
    """Errors of a network, in evaluation mode and float32, at equal angles around the circle.

    The error of a map is its root mean square over the inscribed disk, as a share of what varies in outputs there; that
    of an invariant result is its difference as a share of the results' spread over inputs.

    Args:
        subject: what is claimed. Where its types are trivial every angle is measured, those too that its group lacks;
            else those that the group has.
        steps: angles.
        seeds: of the inputs, two from each.
        tell: told what is being measured.
    """
    network = in_mode(twin_of(subject.module).float(), training=False)
    _, out_type = run(subject, network, [inputs_at(subject, subject.sizes[0], 0)])
    types = [kind for kind in (subject.in_type, *subject.other_types, out_type) if kind is not None]
    angles = [a for a in (360.0 * i / steps for i in range(steps)) if can_move(types, a)]
    mirrored = [a for a in TABLE if has_reflections(subject.in_type.gspace) and can_move(types, a, reflect=True)]
    errors, floors, squares, turned = [], [], [], []
    with shared_filters(network):
        for size in subject.sizes:
            for seed in seeds:
                tell(f"{subject.name}: between the angles of the grid, {size[0]} x {size[1]}, seed {seed}")
                found = errors_of(subject, network, size, seed, angles, reflect=False)
                errors.append(found.errors)
                floors.append(found.floors)
                squares.append(found.mean_square)
                if mirrored:
                    turned.append(errors_of(subject, network, size, seed, mirrored, reflect=True).errors)
    error_AI, floor_AI = np.concatenate(errors, axis=1), np.concatenate(floors, axis=1)
    is_image = squares[0] is not None
    psnr = 10 * log10(RANGE**2 / max(float(np.mean(squares)), 1e-20)) if is_image else None  # type: ignore[arg-type]
    return OffGrid(
        tuple(angles),
        numbers(np.median(error_AI, axis=1)),
        numbers(np.quantile(error_AI, 0.95, axis=1)),
        numbers(np.median(floor_AI, axis=1)),
        numbers(np.median(np.concatenate(turned, axis=1), axis=1)) if turned else (),
        numbers(harmonics(error_AI)) if len(angles) == steps else (),
        psnr,
        error_AI.shape[1],
    )


@dataclass(frozen=True)
class Errors:
    """Of the inputs of one seed at one size."""

    errors: Array
    """(angles, inputs)."""
    floors: Array
    mean_square: float | None
    """Over angles, inputs and the disk; None where the output is no map."""


def errors_of(
    subject: Subject, network: nn.Module, size: Size, seed: int, angles: Sequence[float], *, reflect: bool
) -> Errors:
    """The output at each angle against the output that was turned."""
    upright, out_type = run(subject, network, [inputs_at(subject, size, seed)])
    inputs = [inputs_at(subject, size, seed, (angle, reflect)) for angle in angles]
    found = torch.cat([run(subject, network, inputs[i : i + CHUNK])[0] for i in range(0, len(inputs), CHUNK)])
    scale = spread(subject, network, size)
    if out_type is None or upright.dim() == 3:  # vectors turn without a pixel that is interpolated
        wanted = upright.expand_as(found) if out_type is None else turned_vectors(upright, out_type, angles, reflect)
        difference = (found - wanted).reshape(*found.shape[:2], -1).norm(dim=2).double().numpy()
        return Errors(difference / scale, np.zeros_like(difference), None)
    errors, floors, square = map_errors(upright[0].double().numpy(), found.double().numpy(), out_type, angles, reflect)
    return Errors(errors / scale, floors / scale, square)


def spread(subject: Subject, network: nn.Module, size: Size) -> float:
    """Root mean square of what varies: of each channel over the disk and inputs, of an invariant result over inputs."""
    results = [run(subject, network, [inputs_at(subject, size, seed)]) for seed in range(SPREAD)]
    values = torch.cat([result[0] for result, _ in results]).double()
    if results[0][1] is None or values.dim() != 4:
        values_ND = values.reshape(len(values), -1)
        square = (values_ND - values_ND.mean(0)).square().sum(1).mean()
    else:
        inside = values[..., torch.from_numpy(inner_disk(*values.shape[2:]))]
        square = (inside - inside.mean((0, 2), keepdim=True)).square().mean()
    return max(float(square.sqrt()), 1e-12)


def run(subject: Subject, network: nn.Module, inputs: Sequence[Inputs]) -> tuple[Tensor, FieldType | None]:
    """The first result on inputs (B, C, H, W) at several angles, (angles, B, ...), and its type if it is a map."""
    alike = zip(*(others for _, others in inputs), strict=True)
    others = tuple(torch.cat(values) if values[0].dim() else values[0] for values in alike)
    result = replace(subject, others=others)(network, torch.cat([x for x, _ in inputs]))
    tensors = tensors_of(result)
    return tensors[0][0].float().unflatten(0, (len(inputs), -1)), subject.wanted(tensors)[0]


def map_errors(
    upright: Array, found: Array, out_type: FieldType, angles: Sequence[float], reflect: bool
) -> tuple[Array, Array, float]:
    """Root mean square errors and floors, (angles, inputs), and the mean square, of maps over the disk.

    Args:
        upright: (B, C, H, W), the output on upright inputs.
        found: (angles, B, C, H, W), outputs on turned inputs.
        out_type: how outputs transform.
        angles: degrees, counterclockwise.
        reflect: whether inputs were reflected first.
    """
    disk = inner_disk(*upright.shape[2:])
    errors, floors, squares = [], [], []
    for angle, y in zip(angles, found, strict=True):
        motion = plane_motion(angle, reflect)
        fibre = fibre_of(out_type, element_or_none(out_type.gspace, angle, reflect))
        wanted = turned_map(upright, motion)
        back = turned_map(wanted, motion.T)
        if fibre is not None:
            wanted = np.einsum("ij,bjhw->bihw", fibre, wanted)
        square = ((y - wanted)[..., disk] ** 2).mean(axis=(1, 2))
        errors.append(np.sqrt(square))
        floors.append(np.sqrt(((back - upright)[..., disk] ** 2).mean(axis=(1, 2)) / 2))
        squares.append(square.mean())
    return np.stack(errors), np.stack(floors), float(np.mean(squares))


def turned_map(x: Array, motion: Array) -> Array:
    """(g x)(p) = x(g^-1 p) on (B, C, H, W): exact where g permutes pixels, else by cubic splines."""
    height, width = x.shape[2:]
    if np.abs(motion - motion.round()).max() < 1e-9:
        moved = pixel_permutations(motion.round().astype(np.int64)[None], height, width)
        if moved is not None:
            return x.reshape(*x.shape[:2], -1)[..., moved[0]].reshape(x.shape)
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    # From (x, y up) to (row, column): row = -y, column = x.
    to_xy = np.array([[0.0, 1.0], [-1.0, 0.0]])
    source = to_xy.T @ motion.T @ to_xy
    smooth, offset = x, centre - source @ centre
    for axis in (2, 3):  # of all maps at once
        smooth = spline_filter1d(smooth, 3, axis, mode="nearest")
    out = np.empty_like(x)
    for index in np.ndindex(*x.shape[:2]):
        affine_transform(smooth[index], source, offset, output=out[index], order=3, mode="nearest", prefilter=False)
    return out


def turned_vectors(upright: Tensor, out_type: FieldType, angles: Sequence[float], reflect: bool) -> Tensor:
    """Vectors (1, B, C) acted on at each angle, (angles, B, C)."""
    fibres = [fibre_of(out_type, element_or_none(out_type.gspace, angle, reflect)) for angle in angles]
    return torch.cat([upright if f is None else upright @ torch.from_numpy(f.T).to(upright) for f in fibres])


def inner_disk(height: int, width: int) -> NDArray[np.bool_]:
    """Pixels whose surroundings stay in the map at every angle."""
    row, column = np.indices((height, width))
    return np.hypot(row - (height - 1) / 2, column - (width - 1) / 2) <= max(min(height, width) / 2 - 1.5, 0.75)


def has_reflections(space: GSpace2D) -> bool:
    """Whether a group turns the plane over."""
    return element_or_none(space, 0.0, True) is not None


def can_move(types: Sequence[FieldType], angle: float, *, reflect: bool = False) -> bool:
    """Whether it is known how fields of all these types move."""
    for field_type in types:
        try:
            fibre_of(field_type, element_or_none(field_type.gspace, angle, reflect))
        except ValueError:
            return False
    return True


def numbers(values: Array) -> tuple[float, ...]:
    """An array (N,) as Python's numbers."""
    return tuple(float(value) for value in values)
