"""Level 3: the network's own code on integers in float64, where f(g x) == g f(x) has to hold bit for bit.

Weights and inputs become small integers, leaky slopes 1/4, means sums, spectral norms 1, batch norm an integer affine
map; functions that leave the integers are replaced by ones that do not. After convolutions, norms and nonlinearities
values are cut to 8 bits, truncated toward zero: an odd function of each entry, so it commutes with signed permutations.
All sums are then exact, in any order. So are convolutions in the group's Fourier basis: their butterflies add and
subtract, and divide by powers of two.
"""

import math
from dataclasses import replace
from typing import Any

import torch
from escnn.nn import R2Conv
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._python_dispatch import TorchDispatchMode

from steergan.errors import SymmetryError
from steergan.kernels import library
from steergan.layers import FieldBatchNorm, GroupConvolution
from steergan.layers.filters.bases import BasisExpansion
from steergan.layers.filters.path import fourier_paths
from steergan.layers.shared_filters import FilteredLayer, shared_filters
from steergan.verification.elements import NAMES, Matrix, channel_action, transform
from steergan.verification.laws.memory import tensors_in
from steergan.verification.measured.forward import Runner, acted_on, first_broken_layer, parts_in_use, widened
from steergan.verification.records import Finding, broken, exact
from steergan.verification.subject import BATCH, Size, Subject, TypedTensors, in_one_line, twin_of
from steergan.verification.surroundings import in_mode

EXACT = 2.0**53

CUT = 128.0

aten = torch.ops.aten

CURVED = (
    *("elu", "gelu", "silu", "softplus", "sigmoid", "exp", "celu", "selu", "mish", "hardswish", "hardsigmoid", "expm1"),
    *("log_sigmoid_forward", "relu6"),
)
"""Functions of one entry that leave the integers; ReLU stands in for them."""

ODD_CURVED = ("tanh", "erf", "sin", "asinh", "atan", "sinh")
"""Odd ones; the identity stands in, so that the comparison comes before a last tanh."""

NOT_INTEGER = (
    *("sqrt", "rsqrt", "reciprocal", "linalg_vector_norm", "norm", "var", "std", "var_mean", "_softmax", "log"),
    *("_log_softmax", "pow", "upsample_bicubic2d", "_adaptive_avg_pool2d", "logsumexp", "native_group_norm"),
    *("native_layer_norm", "_fused_rms_norm", "grid_sampler_2d", "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"),
    *("_safe_softmax", "_scaled_dot_product_flash_attention_for_cpu"),
    *("upsample_linear1d", "upsample_trilinear3d", "_fft_r2c", "_fft_c2r", "_fft_c2c", "_cdist_forward"),
)

GROWING = (
    *("add", "sub"),
    *("convolution", "native_batch_norm", "addcmul", "addmm", "mm", "bmm", "mv", "mul", "relu", "leaky_relu"),
    *("_native_batch_norm_legit_no_training", "sum", "clamp", "hardtanh", "baddbmm", "convolve"),
)
"""Operations whose results are checked to be exact, and, sums of two apart, cut to 8 bits."""


SUMMING = (
    *("add", "sub", "convolution", "convolve", "native_batch_norm", "_native_batch_norm_legit_no_training", "addcmul"),
    *("addmm", "mm", "bmm", "mv", "baddbmm", "dot", "sum", "mean", "avg_pool2d", "upsample_bilinear2d", "cumsum"),
)
"""Operations in which the order of arguments decides what is rounded, if anything is: of integers nothing is."""

FRACTION = 1024
"""Numbers are integers here if they are, times this: slopes and means leave fractions of powers of two."""


class NotInteger(Exception):
    """An operation without an integer form."""


class IntegerMode(TorchDispatchMode):
    """Replaces what leaves the integers, and watches that every value stays exact.

    Attributes:
        fourier: how many convolutions ran in the group's Fourier basis.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fourier = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: torch would import its compiler, which takes seconds, to keep it out of a mode that never compiles."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__.rstrip("_")
        if name in SUMMING and not all(whole(operand) for operand in tensors_in((args, kwargs or {}))):
            raise NotInteger(f"{name}, of numbers that are no integers (made in floating point)")
        out = self._run(name, func, args, dict(kwargs or {}))
        self.fourier += name == "convolve"
        first = out[0] if isinstance(out, tuple) else out
        if name in GROWING and isinstance(first, Tensor) and first.dtype == torch.float64 and first.numel():
            if not float(first.abs().max()) < EXACT:
                raise NotInteger(f"{name}, whose values pass 2^53")
            if name not in ("add", "sub") and not by_number(name, args):
                first.copy_(torch.fmod(torch.trunc(first), CUT))
        return out

    def _run(self, name: str, func: Any, args: Any, kwargs: Any) -> Any:
        in_place = func.overloadpacket.__name__.endswith("_")
        if name == "convolve" and not self._coefficients_fit(args[0], args[1]):
            raise NotInteger(f"{name}, whose coefficients pass 2^53")
        if name in CURVED:
            return args[0].relu_() if in_place else args[0].relu()
        if name in ODD_CURVED:
            return args[0] if in_place else args[0].clone()
        if by_number(name, args):
            return func(args[0], power_of_two(args[1]))
        if name == "leaky_relu":
            return (aten.leaky_relu_ if in_place else aten.leaky_relu)(args[0], 0.25)
        if name == "mean":
            axes = args[1] if len(args) > 1 else kwargs.get("dim")
            keep = args[2] if len(args) > 2 else kwargs.get("keepdim", False)
            return args[0].sum() if axes is None else args[0].sum(axes, keepdim=keep)
        if name == "avg_pool2d":
            return aten.avg_pool2d(*args[:5], *self._pool_defaults(args), count_include_pad=False, divisor_override=1)
        if name == "upsample_bilinear2d":
            if args[2] or tuple(args[1]) != tuple(2 * side for side in args[0].shape[2:]):
                raise NotInteger("bilinear resampling by another factor than two, or with align_corners")
            return 16 * func(*args, **kwargs)
        if name in NOT_INTEGER or (name == "div" and not self._halves(args)):
            raise NotInteger(name)
        return func(*args, **kwargs)

    @staticmethod
    def _coefficients_fit(x: Tensor, w: Tensor) -> bool:
        """Whether all sums in the Fourier basis are exact: of x and w, |G| times as large each, in units of 1 / |G|."""
        fields, order, taps = max(w.shape[:2]), w.shape[2], w.shape[3] * w.shape[4]
        largest = float(x.abs().max()) * float(w.abs().max())
        return largest * fields * order * taps * order**2 < EXACT

    @staticmethod
    def _pool_defaults(args: Any) -> list[Any]:
        return [[], 0, False][len(args) - 2 :] if len(args) < 5 else []

    @staticmethod
    def _halves(args: Any) -> bool:
        return isinstance(args[1], int | float) and float(args[1]) in (1.0, 2.0, 4.0, 8.0)


def by_number(name: str, args: Any) -> bool:
    """Whether all entries are multiplied by one number."""
    return name == "mul" and isinstance(args[1], int | float)


def power_of_two(number: float) -> float:
    """The power of two from 1/2 to 8 that stands for a number: s (a + b) is s a + s b then, to the bit."""
    if number == 0 or not math.isfinite(number):
        return number
    return math.copysign(2.0 ** min(3, max(-1, round(math.log2(abs(number))))), number)


def whole(tensor: Tensor) -> bool:
    """Whether all entries are integers, or fractions as coarse as one of `FRACTION`; infinities count as such."""
    if tensor.dtype != torch.float64:
        return True
    scaled = tensor * FRACTION
    return bool((scaled == scaled.trunc()).all())


class IntegerRunner(Runner):
    """Runs a network in `IntegerMode`.

    Attributes:
        fourier: how many convolutions of the last forward ran in the group's Fourier basis.
    """

    fourier = 0

    def __call__(self, x: Tensor, matrix: Matrix | None = None) -> TypedTensors:
        """The result on integers x (B, C, H, W) in float64; see `Runner`."""
        with IntegerMode() as mode:
            result = super().__call__(x, matrix)
        self.fourier = mode.fourier
        return result


def integer_findings(
    subject: Subject, elements: tuple[Matrix, ...], seed: int = 0
) -> list[tuple[tuple[Size, ...], Finding]]:
    """What each of the subject's sizes gives, as ((size,), finding); ((), why) where the level does not apply to it.

    Args:
        subject: what is claimed.
        elements: that are claimed.
        seed: of weights and inputs.
    """
    basis = [path for path, part in parts_in_use(subject).items() if isinstance(part, R2Conv | BasisExpansion)]
    if basis:
        return [((), _not_applicable(f"bases sampled in floating point ({basis[0]} and others)"))]
    network = integer_twin(subject.module, seed)
    return [((size,), _judged(subject, network, size, elements, seed)) for size in subject.sizes]


def _judged(subject: Subject, network: nn.Module, size: Size, elements: tuple[Matrix, ...], seed: int) -> Finding:
    try:
        return _at_size(subject, network, size, elements, seed)
    except NotInteger as error:
        return _not_applicable(f"no integer form of {error}")
    except SymmetryError as error:
        return broken("f(g x) == g f(x) was wanted", str(error))
    except RuntimeError as error:
        return _not_applicable(f"does not run in float64: {in_one_line(error)}")


def _not_applicable(why: str) -> Finding:
    return Finding("exact", "not applicable", why)


def _at_size(subject: Subject, network: nn.Module, size: Size, elements: tuple[Matrix, ...], seed: int) -> Finding:
    """Compare at one size, the network as it stands, and say in which form its convolutions ran."""
    finding, count = _bit_for_bit(subject, network, size, elements, seed)
    able = [path for path in fourier_paths(network) if path.fourier_group is not None]
    if finding.verdict != "holds" or not able:
        return finding
    if count:
        words = f"{count} convolutions in the Fourier form"
    elif any(path.wants_fourier for path in able):
        words = f"not in the Fourier form: {library.absence()}"
    else:
        words = "not in the Fourier form, which no convolution takes: too few fields, or the dense path was chosen"
    return replace(finding, argument=f"{finding.argument}; {words}")


def _bit_for_bit(
    subject: Subject, network: nn.Module, size: Size, elements: tuple[Matrix, ...], seed: int
) -> tuple[Finding, int]:
    """The comparison, and how many convolutions of a forward ran in the Fourier form."""
    stream = torch.Generator().manual_seed(seed + 1)

    def draw(*shape: int) -> Tensor:
        return torch.randint(-8, 9, shape, generator=stream).double()

    x, other = draw(BATCH, subject.in_type.size, *size), draw(BATCH, subject.in_type.size, *size)
    subject = subject.at(size)
    others = tuple(draw(*o.shape) if o.is_floating_point() else o for o in subject.inputs)
    subject = replace(subject, others=others)
    runner = IntegerRunner(subject, network)
    with shared_filters(network):
        reference = runner(x)
        kinds = [subject.in_type, *subject.other_types, *subject.wanted(reference)]
        if any(kind is not None and channel_action(kind, m) is None for kind in kinds for m in elements):
            raise NotInteger("a field type whose entries the group does not permute")
        if not all(torch.equal(a, b) for (a, _), (b, _) in zip(reference, runner(x), strict=True)):
            raise NotInteger("a forward whose result on one input changes from call to call")
        if all(torch.equal(a, b) for (a, _), (b, _) in zip(reference, runner(other), strict=True)):
            return _not_applicable("on these integers the result does not depend on the input"), runner.fourier
        for matrix in elements:
            moved = runner(transform(x, subject.in_type, matrix), matrix)
            wanted = acted_on(reference, subject, matrix)
            if not all(torch.equal(a, b) for (a, _), b in zip(moved, wanted, strict=True)):
                path = first_broken_layer(runner, x, matrix, lambda a, b: not torch.equal(a, b))
                at = f"first seen in {path}" if path else "in the result"
                return broken("f(g x) == g f(x) was wanted, bit for bit", f"under {NAMES[matrix]}, {at}"), 0
    return exact(f"f(g x) == g f(x) bit for bit on integers, for {len(elements)} elements"), runner.fourier


@torch.no_grad()
def integer_twin(module: nn.Module, seed: int = 0) -> nn.Module:
    """A copy in float64 and evaluation mode whose parameters are small integers and whose norms are integer maps."""
    twin = in_mode(widened(twin_of(module)), training=False)
    stream = torch.Generator().manual_seed(seed)

    def draw(tensor: Tensor, low: int = -2) -> None:
        tensor.copy_(torch.randint(low, 3, tensor.shape, generator=stream))

    for part in twin.modules():
        own = [p for p in part.parameters(recurse=False) if p.requires_grad and p.is_floating_point()]
        for parameter in own:
            draw(parameter)
        if isinstance(part, FilteredLayer):
            part.spectral = None
            if isinstance(part, GroupConvolution):
                if part.fourier_fields is not None and not part.fourier_fields.permute:
                    part.convolution_choice = "dense"  # its change of basis is no map of integers
                for weight in part.weights:
                    draw(weight)
                    weight.view(-1)[0] = 1  # no filter is all zeros
        if isinstance(part, FieldBatchNorm | _BatchNorm):
            if part.running_mean is not None and part.running_var is not None:
                draw(part.running_mean)
                part.running_var.fill_(1)
            part.eps = 0.0
            if part.weight is not None:
                draw(part.weight, 1)
    return twin
