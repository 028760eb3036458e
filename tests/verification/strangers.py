"""Models in the manner of published ones, as their authors write them, right and wrong twins, with the verdict due.

None of them was written for us: hardly one has an `in_type`, most return plain tensors, some turn. What is said of them
is what their author could say, or what a message of `verify` asks for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from escnn import gspaces
from escnn import nn as enn
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.symmetry import field_type
from tests.verification.attention import attended, by_column, by_distance, fused, largest

C4, D4 = gspaces.rot2dOnR2(4), gspaces.flipRot2dOnR2(4)


def kind(words: str) -> FieldType:
    """A field type."""
    return field_type(words)


def conv(into: FieldType, out: FieldType, size: int = 3, stride: int = 1) -> enn.R2Conv:
    return enn.R2Conv(into, out, size, padding=size // 2, stride=stride, bias=False)


def block(into: FieldType, out: FieldType) -> enn.SequentialModule:
    return enn.SequentialModule(conv(into, out), enn.InnerBatchNorm(out), enn.ReLU(out))


class PoseRegressor(nn.Module):
    """Where an object points to: (B, 2), which turns with the image. Twin: it sees which way is right."""

    def __init__(self, right: bool = True) -> None:
        super().__init__()
        self.right, self.image = right, kind("trivial@C4")
        hidden, self.pose = kind("2*regular@C4"), kind("irrep_1@C4")
        self.net = enn.SequentialModule(block(self.image, hidden), conv(hidden, self.pose))

    def forward(self, image: Tensor) -> Tensor:
        y: Tensor = self.net(GeometricTensor(image, self.image)).tensor
        ramp = torch.linspace(0, 1, y.shape[-1]).to(y)
        return y.mean((2, 3)) if self.right else (y * ramp).mean((2, 3))


class Canonicaliser(nn.Module):
    """A logit for each rotation: (B, 4), which the group permutes. Twin: a learned bias for each of them."""

    def __init__(self, right: bool = True) -> None:
        super().__init__()
        self.image, out = kind("3*trivial@C4"), kind("regular@C4")
        self.net = enn.SequentialModule(block(self.image, kind("2*regular@C4")), conv(kind("2*regular@C4"), out))
        self.bias = None if right else nn.Parameter(torch.arange(4.0))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(self.image(x)).tensor.amax((2, 3))
        return logits if self.bias is None else logits + self.bias


class Critic(nn.Module):
    """Value of an observation and an action that turns with it. Twin: the action is taken for two numbers."""

    def __init__(self, right: bool = True) -> None:
        super().__init__()
        self.observation, self.action = kind("trivial@D4"), kind("irrep_1,1@D4" if right else "2*trivial@D4")
        hidden = kind("2*regular@D4")
        self.encoder = block(self.observation, hidden)
        self.both = hidden + self.action
        self.head = enn.SequentialModule(conv(self.both, hidden, 1), enn.ReLU(hidden), enn.GroupPooling(hidden))
        self.value = nn.Linear(2, 1)

    def forward(self, observation: Tensor, action: Tensor) -> Tensor:
        x = self.encoder(self.observation(observation)).tensor
        spread = action[:, :, None, None].expand(-1, -1, *x.shape[2:])
        q = self.head(self.both(torch.cat([x, spread], dim=1))).tensor
        out: Tensor = self.value(q.mean((2, 3)))
        return out


class Recurrent(nn.Module):
    """A step of a recurrent network: an image and a state, both geometric tensors; the state goes on."""

    def __init__(self) -> None:
        super().__init__()
        image, self.state = kind("trivial@C4"), kind("2*regular@C4")
        self.input, self.memory = conv(image, self.state), conv(self.state, self.state)
        self.relu = enn.ReLU(self.state)

    def forward(self, image: GeometricTensor, state: GeometricTensor) -> tuple[GeometricTensor, Tensor]:
        state = self.relu(self.input(image) + self.memory(state))
        return state, state.tensor.mean((1, 2, 3))


class Dropped(nn.Module):
    """A classifier with escnn's dropout on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.input_type, hidden = kind("trivial@C4"), kind("2*regular@C4")
        self.body = enn.SequentialModule(
            block(self.input_type, hidden), enn.PointwiseDropout(hidden, p=0.3), enn.GroupPooling(hidden)
        )
        self.classify = nn.Sequential(nn.Linear(2, 8), nn.LayerNorm(8), nn.ELU(), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.classify(self.body(self.input_type(x)).tensor.amax((2, 3)))
        return out


class Backbone(nn.Module):
    """In mmcv's manner: `train` returns nothing and freezes norms, images come in a list, maps go in a tuple."""

    def __init__(self, stride_on_even: bool = False) -> None:
        super().__init__()
        self.image, hidden = kind("trivial@C4"), kind("2*regular@C4")
        self.stem, self.stage = block(self.image, hidden), conv(hidden, hidden, stride=2)
        self.pad = stride_on_even

    def train(self, mode: bool = True) -> None:  # type: ignore[override]
        super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.BatchNorm3d):
                part.eval()

    def forward(self, images: list[Tensor]) -> tuple[Tensor, Tensor]:
        x = nn.functional.pad(images[0], (0, 1, 0, 1)) if self.pad else images[0]
        first = self.stem(self.image(x))
        return first.tensor, self.stage(first).tensor


class Segmenter(nn.Module):
    """Classes for each pixel, by a plain 1 x 1 convolution at the end. Twin: coordinates are among its channels."""

    def __init__(self, right: bool = True) -> None:
        super().__init__()
        self.image, hidden = kind("trivial@D4"), kind("2*regular@D4")
        self.net = enn.SequentialModule(block(self.image, hidden), enn.GroupPooling(hidden))
        self.right, self.head = right, nn.Conv2d(2 if right else 3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.net(self.image(x)).tensor
        if not self.right:
            ramp = torch.linspace(-1, 1, y.shape[-1]).to(y).expand(y.shape[0], 1, *y.shape[2:])
            y = torch.cat([y, ramp], dim=1)
        out: Tensor = self.head(y)
        return out


class Decision(NamedTuple):
    """What an actor puts out: an action that turns, and a value that does not."""

    action: Tensor
    value: Tensor


class Actor(nn.Module):
    """Inputs in a dict, results in a named tuple. Twin: the action is turned by hand once more."""

    def __init__(self, right: bool = True) -> None:
        super().__init__()
        self.image, self.wind, hidden = kind("trivial@C4"), kind("irrep_1@C4"), kind("2*regular@C4")
        self.right = right
        self.both = self.image + self.wind
        self.trunk = block(self.both, hidden)
        self.act, self.pool = conv(hidden, self.wind), enn.GroupPooling(hidden)

    def forward(self, inputs: dict[str, Tensor]) -> Decision:
        image, wind = inputs["image"], inputs["wind"]
        x = self.trunk(self.both(torch.cat([image, wind[:, :, None, None].expand(-1, -1, *image.shape[2:])], 1)))
        action: Tensor = self.act(x).tensor.mean((2, 3))
        if not self.right:
            action = torch.stack([action[:, 0], action[:, 1].abs()], dim=1)
        return Decision(action, self.pool(x).tensor.mean((1, 2, 3)))


class TakesPixels(enn.EquivariantModule):
    """An `EquivariantModule` whose forward wants plain pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.in_type, self.out_type = kind("trivial@C4"), kind("2*regular@C4")
        self.layer = conv(self.in_type, self.out_type)

    def forward(self, x: Tensor) -> GeometricTensor:
        return self.layer(self.in_type(x / 255))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


class Flow(nn.Module):
    """A vector for each pixel, (B, 2, H, W), which turns twice: with its place, and in itself."""

    def __init__(self) -> None:
        super().__init__()
        self.image, hidden = kind("2*trivial@C4"), kind("2*regular@C4")
        self.net = enn.SequentialModule(block(self.image, hidden), conv(hidden, kind("irrep_1@C4")))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(self.image(x)).tensor
        return out


class Projected(nn.Module):
    """A pose read off a regular field by a fixed matrix, whose type no layer has."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.hidden = kind("trivial@C4"), kind("regular@C4")
        self.net = block(self.image, self.hidden)
        angles = torch.arange(4) * torch.pi / 2
        self.register_buffer("directions", torch.stack([angles.cos(), angles.sin()]).round())

    def forward(self, x: Tensor) -> Tensor:
        return self.net(self.image(x)).tensor.mean((2, 3)) @ self.directions.T


def decoder(size: int, output_padding: int, resized: bool = False) -> nn.Module:
    """A map twice as large: by a transposed convolution, or interpolated from corner to corner."""
    image, hidden = kind("trivial@C4"), kind("2*regular@C4")
    larger = enn.R2ConvTransposed(
        hidden, hidden, size, stride=2, padding=1, output_padding=output_padding, bias=False
    )
    if resized:
        larger = enn.R2Upsampling(hidden, size=13, mode="bilinear", align_corners=True)
    return enn.SequentialModule(block(image, hidden), larger, enn.GroupPooling(hidden))


class Between(nn.Module):
    """Tensor code of the author's own between two layers, its result called a field of some type again.

    Args:
        way: takes (B, C, H, W) of the hidden type to the same of the outer type.
        hidden: the type before, in words.
        outer: the type behind.
    """

    def __init__(self, way: Callable[[Tensor], Tensor], hidden: str = "2*regular@C4", outer: str = "") -> None:
        super().__init__()
        self.way, self.image, self.outer = way, kind("trivial@C4"), kind(outer or hidden)
        self.lift, self.next = conv(self.image, kind(hidden)), conv(self.outer, self.image)

    def forward(self, x: Tensor) -> GeometricTensor:
        return self.next(self.outer(self.way(self.lift(self.image(x)).tensor)))


class Tokens(nn.Module):
    """Pixels as tokens of torch's own MultiheadAttention, behind a group pool. Twin: in front of it."""

    def __init__(self, right: bool = True) -> None:
        super().__init__()
        self.image, hidden = kind("trivial@C4"), kind("4*regular@C4" if right else "regular@C4")
        self.right, self.lift, self.pool = right, block(self.image, hidden), enn.GroupPooling(hidden)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.lift(self.image(x))
        tokens = (self.pool(y) if self.right else y).tensor.flatten(2).mT
        out: Tensor = self.attention(tokens, tokens, tokens)[0]
        return out.mT.reshape(len(out), 4, *x.shape[2:])


def by_halves(cut: int) -> Callable[[Tensor], Tensor]:
    """The first channels pooled by their maximum, the others by their mean, and put together the other way round."""

    def way(x: Tensor) -> Tensor:
        first, second = x[:, :cut], x[:, cut:]
        pooled = [F.avg_pool2d(second, 3, 1, 1), F.max_pool2d(first, 3, 1, 1)]
        return torch.cat(pooled, 1)

    return way


def one_by_one(functions: list[Callable[[Tensor], Tensor]]) -> Callable[[Tensor], Tensor]:
    """A loop over orientations, each of which gets a function of its own."""

    def way(x: Tensor) -> Tensor:
        orientations = x.unflatten(1, (-1, 4)).unbind(2)
        return torch.stack([f(o) for f, o in zip(functions, orientations, strict=True)], 2).flatten(1, 2)

    return way


class Oriented(nn.Module):
    """Scores that see where a pixel lies from each of four orientations, a head for each. Twin: from one, in all."""

    def __init__(self, right: bool = True) -> None:
        super().__init__()
        self.image, self.hidden, self.right = kind("trivial@C4"), kind("2*regular@C4"), right
        self.lift, self.slope = conv(self.image, self.hidden), nn.Parameter(torch.tensor(0.3))

    def bias(self, offset: Tensor) -> Tensor:
        down, right = offset
        # A quarter turn counterclockwise takes what lies to the right to what lies above.
        seen = torch.stack([right, -down, -right, down])
        return self.slope * (seen if self.right else right.expand_as(seen))

    def forward(self, x: Tensor) -> GeometricTensor:
        y = self.lift(self.image(x)).tensor
        heads = y.unflatten(1, (2, 4)).transpose(1, 2).flatten(1, 2)  # an orientation's channels side by side
        out = attended(heads, heads=4, bias=self.bias)
        return self.hidden(out.unflatten(1, (4, 2)).transpose(1, 2).flatten(1, 2))


def smooth() -> nn.Module:
    """SO(2) with IIDBatchNorm and Fourier ELU, as escnn's newer examples have it."""
    space = gspaces.rot2dOnR2(-1, maximum_frequency=2)
    image = FieldType(space, [space.trivial_repr])
    elu = enn.FourierELU(space, 1, irreps=[(f,) for f in range(2)], inplace=True, type="regular", N=8)
    return enn.SequentialModule(conv(image, elu.in_type, 5), enn.IIDBatchNorm2d(elu.in_type), elu)


def restricted() -> nn.Module:
    """C8 first, and C4 from then on."""
    space = gspaces.rot2dOnR2(8)
    image, hidden = FieldType(space, [space.trivial_repr]), FieldType(space, [space.regular_repr])
    restrict = enn.RestrictionModule(hidden, 4)
    apart = enn.DisentangleModule(restrict.out_type)
    return enn.SequentialModule(conv(image, hidden), enn.ReLU(hidden), restrict, apart)


@dataclass(frozen=True)
class Stranger:
    """A model, what its author says of it, and the verdict that is due.

    Attributes:
        build: makes it.
        verdict: one or, where it waits for rules, several.
        about: what `verify` is told beside sizes.
        words: in the certificate's sentence, in order.
        sizes: sides.
        modes: of verification.
        others: made anew; their law is in `about`.
    """

    build: Callable[[], nn.Module]
    verdict: str | tuple[str, ...]
    words: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    sizes: tuple[int, ...] = (7,)
    modes: tuple[str, ...] = ("evaluation",)


STRANGERS = {
    "pose": Stranger(PoseRegressor, "proved", ("Nobody stated the claim", "(2, 2), turns as irrep_1@C4")),
    "pose, stated": Stranger(PoseRegressor, "proved", ("is equivariant",), {"out_type": kind("irrep_1@C4")}),
    "pose, wrong": Stranger(
        lambda: PoseRegressor(right=False), "broken", ("NOT equivariant",), {"out_type": kind("irrep_1@C4")}
    ),
    "pose, wrong and unstated": Stranger(lambda: PoseRegressor(right=False), "broken", ("claim= or out_type=",)),
    "canonicaliser": Stranger(Canonicaliser, "proved", ("(2, 4), turns as regular@C4",)),
    "canonicaliser, wrong": Stranger(lambda: Canonicaliser(right=False), "broken"),
    "canonicaliser, taken for invariant": Stranger(Canonicaliser, "broken", ("NOT invariant",), {"claim": "invariant"}),
    "critic": Stranger(
        Critic, "proved", ("Critic is invariant under D4",), {"in_type": (kind("trivial@D4"), kind("irrep_1,1@D4"))}
    ),
    "critic, wrong": Stranger(
        lambda: Critic(right=False),
        "broken",
        ("NOT invariant",),
        {"in_type": (kind("trivial@D4"), kind("irrep_1,1@D4"))},
    ),
    "recurrent": Stranger(
        Recurrent, "proved", ("result 1, (2,), is invariant",), {"in_type": (kind("trivial@C4"), kind("2*regular@C4"))}
    ),
    "dropout": Stranger(
        Dropped,
        "not proved",
        ("in evaluation mode: proved", "body.1 (PointwiseDropout): it draws", "--mode evaluation"),
        modes=("evaluation", "training"),
    ),
    "dropout, in evaluation": Stranger(Dropped, "proved", ("Dropped is invariant",)),
    "backbone": Stranger(Backbone, "proved", ("result 0, (2, 8, 7, 7), turns as 2*regular@C4",)),
    "backbone, padded on one side": Stranger(lambda: Backbone(stride_on_even=True), "broken"),
    "segmenter": Stranger(Segmenter, "proved", ("(2, 4, 7, 7), turns as 4*trivial@D4",)),
    "segmenter, wrong": Stranger(lambda: Segmenter(right=False), "broken", ("was taken for a map of scalars",)),
    "actor": Stranger(
        Actor,
        "proved",
        ("result 1, (2,), is invariant",),
        {
            "in_type": {"image": kind("trivial@C4"), "wind": kind("irrep_1@C4")},
            "out_type": {"action": kind("irrep_1@C4")},
        },
    ),
    "actor, wrong": Stranger(
        lambda: Actor(right=False),
        "broken",
        (),
        {
            "in_type": {"image": kind("trivial@C4"), "wind": kind("irrep_1@C4")},
            "out_type": {"action": kind("irrep_1@C4")},
        },
    ),
    "takes pixels": Stranger(TakesPixels, "proved", ("TakesPixels is equivariant",)),
    "flow": Stranger(Flow, "proved", ("(2, 2, 7, 7), turns as irrep_1@C4",)),
    "projected": Stranger(Projected, "proved", ("is equivariant",), {"out_type": kind("irrep_1@C4")}),
    "decoder": Stranger(lambda: decoder(4, 0), "proved", ("is equivariant",)),
    "decoder, wrong": Stranger(lambda: decoder(3, 1), "broken", ("NOT equivariant",)),
    "decoder, resized": Stranger(lambda: decoder(4, 0, resized=True), "proved", ("is equivariant",)),
    "decoder, bicubic": Stranger(
        lambda: Between(lambda x: F.interpolate(x, size=11, mode="bicubic")), "proved", ("is equivariant",)
    ),
    "decoder, by a half": Stranger(
        lambda: Between(lambda x: F.interpolate(x, scale_factor=1.5, mode="bilinear")), "broken"
    ),
    "windows of two sizes": Stranger(lambda: Between(lambda x: F.adaptive_max_pool2d(x, 3)), "proved"),
    "group norm": Stranger(lambda: Between(lambda x: F.group_norm(x, 2)), "proved"),
    "group norm, wrong": Stranger(lambda: Between(lambda x: F.group_norm(x, 4)), "broken"),
    "by halves": Stranger(lambda: Between(by_halves(4)), "proved"),
    "by halves, wrong": Stranger(lambda: Between(by_halves(3)), "broken"),
    "one by one": Stranger(lambda: Between(one_by_one([F.silu] * 4)), "proved"),
    "one by one, wrong": Stranger(lambda: Between(one_by_one([F.silu, F.silu, F.relu, F.silu])), "broken"),
    "largest": Stranger(
        lambda: Between(lambda x: largest(x, x.square().sum(1, keepdim=True)), "irrep_1+irrep_2@C4"), "proved"
    ),
    "largest, wrong": Stranger(lambda: Between(lambda x: largest(x, x), "irrep_1+irrep_2@C4"), "broken"),
    "attention": Stranger(lambda: Between(attended), "proved"),
    "attention, of signed fields": Stranger(lambda: Between(attended, "irrep_1+irrep_2+regular@C4"), "proved"),
    "attention, by torch": Stranger(lambda: Between(fused), "proved"),
    "attention, by distance and heads": Stranger(
        lambda: Between(lambda x: attended(x, heads=2, bias=by_distance)), "proved"
    ),
    "attention, to half of the pixels": Stranger(lambda: Between(lambda x: attended(x, positions=24)), "broken"),
    "attention, by part of a field": Stranger(lambda: Between(lambda x: attended(x, scored=3)), "broken"),
    "attention, by columns": Stranger(lambda: Between(lambda x: attended(x, bias=by_column)), "broken"),
    "attention, heads through fields": Stranger(lambda: Between(lambda x: attended(x, heads=4)), "broken"),
    "attention, oriented": Stranger(Oriented, "proved"),
    "attention, of one orientation": Stranger(lambda: Oriented(right=False), "broken"),
    "tokens": Stranger(Tokens, "proved", ("(2, 4, 7, 7), turns as 4*trivial@C4",)),
    "tokens, wrong": Stranger(lambda: Tokens(right=False), "broken", (), {"out_type": kind("regular@C4")}),
    "smooth": Stranger(smooth, "proved", ("is equivariant under SO2",)),
    "restricted": Stranger(restricted, "proved", ("is equivariant under C4",)),
}
