"""Any generator, with a uniformly drawn group element on its images."""

from typing import Any

from torch import Tensor, nn

from steergan.errors import SymmetryError
from steergan.symmetry import gspace, is_grid_group, is_trivial
from steergan.symmetry.actions import act, action_table


class Symmetrized(nn.Module):
    """A generator whose images are moved by group elements, one for each image, drawn by the caller.

    Where the element is uniform and independent of the latent, the law of the images is invariant under the group,
    exactly, whatever the generator does: `steergan.invariance.samples.latent_claim` proves the table of moves.

    Args:
        generator: (z, y) -> image (B, C, H, W), or (z, y, element); with `z_dim`, `classes` and `image_shape`, and
            `elements` if it takes elements itself. It is part of this module, not copied.
        group: one whose elements map the pixel grid onto itself: C2, C4, D1, D2, D4.

    Attributes:
        generator: as it came.
        group: its name.
        elements: how many the caller draws from: the group's order, times the generator's own elements.
        moves_GP: where every pixel of a moved image comes from, (G, H * W) int64.

    Shapes: z (B, Z), y (B,) int64, element (B,) int64 in 0..elements -> image (B, C, H, W).
    Symmetry: invariant in law; no single image is.

    Raises:
        SymmetryError: the group does not permute pixels, is trivial, or turns the images onto another shape.

    Source: Birrell et al. 2022 (symmetrization of a generator's law).

    Examples:
        >>> import torch
        >>> from steergan.networks import Generator, GeneratorSpec, symmetrize
        >>> plain = Generator(GeneratorSpec(group="trivial", widths=(4,), upsamplings=1), (1, 8, 8), 2).eval()
        >>> turned = symmetrize(plain, "C4")
        >>> z, y = torch.randn(1, plain.z_dim), torch.tensor([1])
        >>> quarter = turned(z, y, torch.tensor([1]))
        >>> torch.equal(quarter, torch.rot90(plain(z, y), 1, (2, 3)))
        True
    """

    moves_GP: Tensor

    def __init__(self, generator: nn.Module, group: str = "C4") -> None:
        super().__init__()
        space = gspace(group)
        if not is_grid_group(space) or is_trivial(space):
            raise SymmetryError(f"symmetrize({group!r}): C2, C4, D1, D2 or D4, which permute pixels, was wanted")
        made: Any = generator
        self.generator, self.group = generator, group
        self.z_dim: int = made.z_dim
        self.classes: int = made.classes
        self.image_shape: tuple[int, int, int] = tuple(made.image_shape)
        self.register_buffer("moves_GP", action_table(group, *self.image_shape[1:]), persistent=False)
        self._own_elements = int(getattr(made, "elements", 0))
        self.elements = len(self.moves_GP) * max(self._own_elements, 1)

    def forward(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:
        """Latent, label and element -> image.

        Raises:
            SymmetryError: no element came, without which the law is that of the generator alone.
        """
        if element is None:
            raise SymmetryError(
                f"a symmetrized generator wants an element for each image, (B,) int64 below {self.elements}; "
                "steergan.training.draw_latents draws it uniformly"
            )
        own, move = element // len(self.moves_GP), element % len(self.moves_GP)
        image = self.generator(z, y, own) if self._own_elements else self.generator(z, y)
        return act(image, self.moves_GP, move)


def symmetrize(generator: nn.Module, group: str = "C4") -> Symmetrized:
    """A generator with a uniformly drawn group element on its images; see `Symmetrized`.

    Args:
        generator: any generator of images, ours or another's.
        group: C2, C4, D1, D2 or D4.

    Raises:
        SymmetryError: as `Symmetrized`.

    Examples:
        >>> from steergan.invariance.samples import latent_claim
        >>> from steergan.networks import Generator, GeneratorSpec
        >>> plain = Generator(GeneratorSpec(group="trivial", widths=(4,), upsamplings=1), (1, 8, 8), 2)
        >>> law = latent_claim(symmetrize(plain, "D4"))
        >>> law.kind, law.holds
        ('exact', True)
    """
    return Symmetrized(generator, group)
