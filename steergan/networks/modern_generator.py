"""The modern generator: residual blocks without norms."""

from torch import Tensor, nn

from steergan.networks.generator import Generator
from steergan.networks.leaky_tanh import leaky_tanh
from steergan.networks.learned_basis import LearnedBasis
from steergan.networks.modern_spec import ModernGeneratorSpec
from steergan.networks.modern_synthesis import ModernSynthesis
from steergan.networks.noise_maps import NoiseMaps
from steergan.networks.steerable_latent import SteerableSeed
from steergan.symmetry import gspace


class ModernGenerator(Generator):
    """Draws images: generator(z, y, element=None) -> image. A `Generator` of blocks without norms.

    Args:
        spec: its settings.
        image_shape: (C, H, W) in pixels; H and W are multiples of 2^(stages - 1).
        classes: number of labels K.
        disk: the image is black outside its inscribed disk.

    Attributes:
        z_dim: length Z of the latent, the numbers of maps of noise at its end among them.
        noise: where in it they stand.

    Shapes, symmetry: those of `Generator`. With noise it is equivariant from the seed map and the noise on, which an
        element moves together; independent pixels of noise that are alike keep their law, and so do the images.

    Raises:
        SymmetryError: as `Generator`; hidden fields that `cardinality` does not divide.

    Source: Huang et al. 2024 (R3GAN), made equivariant; styles: Karras et al. 2020; noise: Karras et al. 2019.

    Examples:
        >>> import torch
        >>> spec = ModernGeneratorSpec(group="D4", z_dim=8, embedding_dim=4, seed_width=8, widths=(16, 8), noise=True)
        >>> generator = ModernGenerator(spec, (1, 8, 8), classes=3).eval()
        >>> generator.z_dim  # 8, and maps of 4 x 4 and 8 x 8
        88
        >>> z, y = torch.randn(2, generator.z_dim), torch.tensor([0, 2])
        >>> image, quarter = (generator(z, y, element=torch.tensor([g, g])) for g in (0, 1))
        >>> torch.allclose(quarter, torch.rot90(image, 1, (2, 3)), atol=1e-5)
        True
    """

    noise: NoiseMaps

    def _start(self, spec: ModernGeneratorSpec, seed_pixels: tuple[int, int]) -> None:
        self.tanh_leak = spec.tanh_leak
        height, width = seed_pixels
        sizes = [(height << i, width << i) for i in range(len(spec.widths))] if spec.noise else []
        self.noise = NoiseMaps(gspace(spec.group), spec.z_dim, sizes)
        self.z_dim += self.noise.numbers

    def _dense_seed(self, spec: ModernGeneratorSpec, seed_pixels: tuple[int, int]) -> LearnedBasis:
        return LearnedBasis(self.conditioning, spec.seed_width, seed_pixels)

    def _synthesis(self, spec: ModernGeneratorSpec, channels: int, seed_pixels: tuple[int, int]) -> ModernSynthesis:
        synthesis = ModernSynthesis(spec, channels, self.conditioning, seed_pixels, self.noise)
        self.conditioning += self.noise.numbers
        return synthesis

    def _first_weights(self, spec: ModernGeneratorSpec) -> None:
        """A label's numbers are as large as the latent's; so are those of a steerable seed map."""
        nn.init.normal_(self.embedding.weight)
        if isinstance(self.seed, SteerableSeed):
            side = self.seed.spread.kernel_size
            for weight in self.seed.spread.filter_weights():
                weight.data.mul_(side)

    def seed_map(self, c: Tensor, element: Tensor | None) -> Tensor:
        """Conditioning vector -> seed map, as in `Generator`; noise has no part in it."""
        return super().seed_map(self.noise.without(c), element)

    def decode(self, c: Tensor, element: Tensor | None = None) -> Tensor:
        """Conditioning vector -> image, as in `Generator`; an element moves the noise, too."""
        if self.latent_type is not None:
            return super().decode(c, element)
        return self.render(self.seed_map(c, element), self.noise.turned(c, element))

    def squashed(self, image: Tensor) -> Tensor:
        """Image before tanh -> image in [-1, 1], of any shape; its gradient is that of `leaky_tanh` in training."""
        return leaky_tanh(image, self.tanh_leak) if self.training and self.tanh_leak else super().squashed(image)

    @property
    def turns(self) -> list[tuple[Tensor, tuple[int, int]]]:
        """What an element moves: the seed map, as in `Generator`, and every map of noise."""
        return [*super().turns, *zip(self.noise.turns, self.noise.sizes, strict=True)]
