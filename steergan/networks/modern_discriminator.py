"""The modern discriminator: residual blocks without norms."""

from escnn.nn import FieldType

from steergan.networks.discriminator import Discriminator
from steergan.networks.modern_spec import ModernDiscriminatorSpec
from steergan.networks.modern_trunk import ModernTrunk


class ModernDiscriminator(Discriminator):
    """Scores images: discriminator(image, y) -> logit. A `Discriminator` of blocks without norms.

    Args:
        spec: its settings.
        image_shape: (C, H, W) in pixels.
        classes: number of labels K.
        disk: it sees the inscribed disk of an image, and black, which is zero, around it.
        rotations: answers of `rotation_logits`; 0 builds no head for them.

    Shapes, symmetry: those of `Discriminator`; nothing plain comes behind the group pooling, so the score is invariant
        under the last group.

    Raises:
        RecipeError, SymmetryError: as `ModernTrunk`.

    Source: Huang et al. 2024 (R3GAN), made equivariant; projection: Miyato and Koyama 2018.

    Examples:
        >>> import torch
        >>> spec = ModernDiscriminatorSpec(group="D4", widths=(8, 16))
        >>> discriminator = ModernDiscriminator(spec, (1, 8, 8), classes=3).eval()
        >>> image, y = torch.randn(2, 1, 8, 8), torch.tensor([0, 2])
        >>> torch.allclose(discriminator(image.flip(3), y), discriminator(image, y), atol=1e-5)
        True
    """

    def _build(self, spec: ModernDiscriminatorSpec) -> FieldType:
        self._steer(ModernTrunk(spec, self.image_shape))
        return self.plain_type
