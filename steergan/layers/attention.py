"""Self-attention between the pixels of a feature map, in fields."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from steergan.errors import SteerganError, SymmetryError
from steergan.layers.convolution import GroupConvolution
from steergan.layers.fields import field_kinds, typed_tensor
from steergan.layers.kept import watched
from steergan.layers.pooling import MaxPool
from steergan.layers.recomputation import Recomputable
from steergan.layers.relative_bias import RelativeBias
from steergan.layers.residual import HalvingPool
from steergan.layers.spectral_norm import NormOf
from steergan.symmetry import group_name, is_continuous, is_grid_group, is_permutation, is_trivial

ScoresOf = Literal["invariant", "oriented"]
Attention = Callable[[Tensor, Tensor, Tensor, Tensor | None, float], Tensor]
"""(queries, keys, values, bias, scale of scores) -> what is seen."""


@dataclass(frozen=True)
class Scores:
    """How pixels score pixels.

    Args:
        kind: "invariant": inner products over whole fields, one map of scores, which moves with the pixels and is left
            as it is otherwise; "oriented": over one orientation of all fields, |G| maps, which the group permutes.
        heads: sets of fields that score apart.
        biases: (H, W) in pixels of the maps for which a number is learned for each offset, see `RelativeBias`; None:
            none, on maps of any size.

    Examples:
        >>> Scores("oriented", heads=2)
        Scores(kind='oriented', heads=2, biases=None)
    """

    kind: ScoresOf = "invariant"
    heads: int = 1
    biases: tuple[int, int] | None = None


class SelfAttention(Recomputable):
    """x + gamma o(v a) with a = softmax(q . k / sqrt(d)) over all pixels, gamma a number that begins at 0.

    Queries q, keys k, values v and o are 1x1 group convolutions without biases, spectrally normed; keys and values are
    then pooled 2x2: by the maximum on the pixel grid, beyond it (and for irreps) by the mean that the other layers take
    there. With the trivial group it is BigGAN's block.

    Args:
        fields: any field type; for oriented scores regular fields.
        key: queries and keys have so many times fewer fields, at least one; of each representation.
        value: and values so many times fewer.
        scores: how pixels score pixels, in one word or in `Scores`.
        pool: keys and values are pooled, which needs maps of even sizes.
        spectral_norm: on the four filter banks.

    Attributes:
        multiplied: d, the products in a score.
        twice: whether forwards under gradients take the plain softmax, which can be differentiated twice, as R1 does;
            else, and without gradients, torch's fused operator, which can't, see `choose_attention`.

    Shapes: (B, C, H, W) -> the same.
    Symmetry: equivariant, exact to rounding for grid groups on even sizes, or without a pool; for others at multiples
        of 90 degrees, and approximately between.

    Raises:
        SteerganError: other scores; less than one head or divisor.
        SymmetryError: heads that would split fields; oriented scores of other fields than regular ones; (when run) an
            odd map that is to be pooled, or another than that of the biases.
    Source: Zhang et al. 2019 (self-attention GAN); Brock et al. 2019 (BigGAN) for the divisors and the pool. On groups:
        Romero et al. 2020, attentive group convolutions, section 4; Dey et al. 2021 name attention as future work.
    Differs: scores are divided by the root of d, the numbers in an inner product, as in Vaswani et al. 2017, so that
        they have one scale under every group.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C4"), 16)
        >>> layer = SelfAttention(regular)
        >>> [len(part.out_type) for part in (layer.query, layer.key, layer.value)]
        [2, 2, 8]
        >>> x = regular(torch.randn(1, 64, 6, 6))
        >>> torch.equal(layer(x).tensor, x.tensor)  # gamma is 0
        True
    """

    twice = True

    def __init__(
        self,
        fields: FieldType,
        *,
        key: int = 8,
        value: int = 2,
        scores: ScoresOf | Scores = "invariant",
        pool: bool = True,
        spectral_norm: bool | NormOf = True,
    ) -> None:
        super().__init__()
        self.in_type = self.out_type = fields
        self.scores = scores if isinstance(scores, Scores) else Scores(scores)
        key_type, value_type = fewer_fields(fields, "key", key), fewer_fields(fields, "value", value)
        check_scores(self.scores, fields, key_type, value_type)
        self.query = GroupConvolution(fields, key_type, 1, bias=False, spectral_norm=spectral_norm)
        self.key = GroupConvolution(fields, key_type, 1, bias=False, spectral_norm=spectral_norm)
        self.value = GroupConvolution(fields, value_type, 1, bias=False, spectral_norm=spectral_norm)
        self.output = GroupConvolution(value_type, fields, 1, bias=False, spectral_norm=spectral_norm)
        self.pool_key, self.pool_value = (halving(t) if pool else None for t in (key_type, value_type))
        oriented = self.scores.kind == "oriented"
        self.orientations = int(fields.gspace.fibergroup.order()) if oriented else 1
        self.multiplied = key_type.size // (self.scores.heads * self.orientations)
        self.bias = None
        if self.scores.biases is not None:
            self.bias = RelativeBias(
                fields.gspace, self.scores.biases, pooled=pool, oriented=oriented, heads=self.scores.heads
            )
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C, H, W) -> the same."""
        if isinstance(typed_tensor(self, x), Tensor):  # a graph that is traced has no sizes
            self._check_size(*x.tensor.shape[2:])
        k, v = self.key(x), self.value(x)
        if self.pool_key is not None and self.pool_value is not None:
            k, v = self.pool_key(k), self.pool_value(v)
        q, bias = self.query(x).tensor, None if self.bias is None else self.bias()
        seen = self.attend(q, k.tensor, v.tensor, bias, fused if self._fuses(q) else plain)
        out = self.output(type(x)(seen, self.output.in_type))
        return type(x)(x.tensor + self.gamma * out.tensor, self.out_type)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, attention: Attention) -> Tensor:
        """What every pixel sees of the values.

        Args:
            q: queries (B, C, H, W).
            k: keys (B, C, h, w).
            v: values (B, D, h, w).
            bias: added to the scores, (maps of scores, H * W, h * w), or None.
            attention: `plain` or `fused`.

        Returns:
            (B, D, H, W).
        """
        q_BMPC, k_BMPC, v_BMPD = (self._tokens(part) for part in (q, k, v))
        seen = attention(q_BMPC, k_BMPC, v_BMPD, bias, self.multiplied**-0.5)
        if self.scores.kind == "oriented":
            channels = seen.unflatten(1, (self.scores.heads, -1)).permute(0, 1, 4, 2, 3).flatten(1, 3)
        else:
            channels = seen.mT.flatten(1, 2)
        return channels.unflatten(2, q.shape[2:])

    def _tokens(self, x: Tensor) -> Tensor:
        """A map (B, C, H, W) as (B, maps of scores, H * W, the numbers of a pixel in each)."""
        heads = self.scores.heads
        if self.scores.kind == "oriented":
            parts = x.flatten(2).unflatten(1, (heads, -1, self.orientations))
            return parts.permute(0, 1, 3, 4, 2).flatten(1, 2)
        return x.flatten(2).unflatten(1, (heads, -1)).mT

    def _fuses(self, q: Any) -> bool:
        if torch.is_grad_enabled() and self.twice:
            return False
        return torch.compiler.is_compiling() or (isinstance(q, Tensor) and not watched())

    def _check_size(self, height: int, width: int) -> None:
        if self.pool_key is not None and (height % 2 or width % 2):
            raise SymmetryError(
                f"SelfAttention got a {height} x {width} map, whose keys it can't pool 2 x 2 to whole windows; "
                "use even sizes, or pool=False"
            )
        if self.bias is not None and (height, width) != self.bias.size:
            made = " x ".join(map(str, self.bias.size))
            raise SymmetryError(f"SelfAttention has biases for maps of {made} and got {height} x {width}; make it anew")

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        self._check_size(*input_shape[2:])
        return input_shape

    def products(self, height: int, width: int) -> int:
        """Multiply-adds of scores and of weighted values for one map, without the convolutions'."""
        pixels = height * width
        seen = pixels // 4 if self.pool_key is not None else pixels
        return pixels * seen * (self.query.out_type.size + self.output.in_type.size)

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return f"{self.in_type}, {self.scores}, pool={self.pool_key is not None}"


def plain(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    """softmax(scale q k^T + bias) v of (B, maps, pixels, numbers), differentiable any number of times."""
    scores = (scale * q) @ k.mT
    return (scores if bias is None else scores + bias).softmax(-1) @ v


def fused(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    """softmax(scale q k^T + bias) v in one operator that keeps no scores, and can be differentiated once.

    It wants as many numbers in values as in keys, side by side in memory: zeros make up for what is missing.
    """
    keys, values = q.shape[-1], v.shape[-1]
    size = max(keys, values)
    q, k, v = (pad(part, (0, size - part.shape[-1])).contiguous() for part in (q, k, v))
    mask = None if bias is None else bias.to(q.dtype)[None].expand(len(q), -1, -1, -1)
    return scaled_dot_product_attention(q, k, v, mask, scale=scale)[..., :values]


def fewer_fields(fields: FieldType, name: str, divisor: int) -> FieldType:
    """So many times fewer fields of each representation, rounded down, at least one.

    Raises:
        SteerganError: a divisor that is no whole number from 1.
    """
    if not isinstance(divisor, int) or divisor < 1:
        raise SteerganError(f"SelfAttention with {name}={divisor!r}: a whole number from 1 was wanted")
    kept = [r for kind in field_kinds(fields) for r in [kind.representation] * max(1, len(kind.fields) // divisor)]
    return FieldType(fields.gspace, kept)


def check_scores(scores: Scores, fields: FieldType, *parts: FieldType) -> None:
    """Refuse scores that these fields can't have.

    Raises:
        SteerganError: an unknown kind; less than one head.
        SymmetryError: heads that would split fields; oriented scores of fields that are not regular.
    """
    if scores.kind not in get_args(ScoresOf):
        raise SteerganError(f"scores {scores.kind!r} are not known; choose one of {', '.join(get_args(ScoresOf))}")
    if not isinstance(scores.heads, int) or scores.heads < 1:
        raise SteerganError(f"attention with heads={scores.heads!r}: a whole number from 1 was wanted")
    kinds = set(fields.representations)
    if scores.heads > 1 and (len(kinds) > 1 or any(len(part) % scores.heads for part in parts)):
        counts = " and ".join(str(len(part)) for part in parts)
        raise SymmetryError(
            f"{scores.heads} heads can't share {counts} fields of keys and values without splitting one; choose a "
            "divisor of both" + "; heads need fields of one representation" * (len(kinds) > 1)
        )
    space = fields.gspace
    regular = is_trivial(space) or (not is_continuous(space) and kinds == {space.regular_repr})
    if scores.kind == "oriented" and not regular:
        raise SymmetryError(
            f"oriented scores are those of one orientation of regular fields, and {group_name(space)} got "
            f'{", ".join(sorted(r.name for r in kinds))}; use invariant scores'
        )


def halving(field_type: FieldType) -> EquivariantModule:
    """The pool of keys and values: the maximum on the pixel grid, else what other layers take."""
    permuted = all(is_permutation(r) for r in set(field_type.representations))
    return MaxPool(field_type) if permuted and is_grid_group(field_type.gspace) else HalvingPool()(field_type)


def choose_attention(network: nn.Module, *, twice: bool) -> None:
    """Say for all attention of a network whether gradients of its gradients are wanted, as penalties on gradients do.

    Where they are not, training keeps no scores, and takes about half the time there.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> network = nn.Sequential(SelfAttention(regular_type(gspace("C4"), 8)))
        >>> choose_attention(network, twice=False)
        >>> network[0].twice
        False
    """
    for layer in network.modules():
        if isinstance(layer, SelfAttention):
            layer.twice = twice
