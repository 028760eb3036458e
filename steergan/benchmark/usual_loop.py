"""A training step as torch's tutorials and the usual GAN repositories write it: what a user has without ours."""

import copy

import torch
from torch import Tensor

from steergan.benchmark.rivals import Pair
from steergan.benchmark.training import DISCRIMINATOR, GENERATOR, STEP, Actions, all_alike
from steergan.losses import OBJECTIVES
from steergan.penalties import mixed_images, r1_penalty, wgan_gp
from steergan.recipe import Recipe
from steergan.training import Batch, Latents
from steergan.training.protocols import as_module


class UsualLoop:
    """Updates of both players, with torch's Adam as it comes, and an average that walks over the parameters.

    The mathematics is that of `training.Step`, of recipes without augmentation and accumulation, and whose
    average has neither a start nor a ramp-up.

    Args:
        pair: on the batch's device; it is put into training mode, once.
        recipe: loss, rates and updates.
        batch: the real images of every update.
    """

    def __init__(self, pair: Pair, recipe: Recipe, batch: Batch) -> None:
        self.recipe, self.real, self.y = recipe, *batch
        self.updated = 0
        self.z_dim, self.elements = pair.generator.z_dim, pair.generator.elements
        self.generator, self.discriminator = (as_module(network).train() for network in pair)
        self.average = copy.deepcopy(self.generator)
        self.objective = OBJECTIVES[recipe.loss.name]
        settings = recipe.training
        betas = settings.beta1, settings.beta2
        self.of_generator = torch.optim.Adam(self.generator.parameters(), settings.generator_rate, betas)
        self.of_discriminator = torch.optim.Adam(self.discriminator.parameters(), settings.discriminator_rate, betas)

    def __call__(self) -> None:
        """A generator step."""
        for _ in range(self.recipe.training.discriminator_updates):
            self.update_discriminator(due=self.updated % self.recipe.loss.penalty_every == 0)
            self.updated += 1
        self.update_generator()
        self.update_average()

    def update_discriminator(self, due: bool = True) -> None:
        """Real scores up, fake scores down; the fake images are made for this update alone, without a graph.

        Args:
            due: whether lazy penalties on gradients, if any, fall into this update.
        """
        loss, real, y = self.recipe.loss, self.real, self.y
        r1, r2, mixing = (due * loss.penalty_every * w for w in (loss.r1_weight, loss.r2_weight, loss.wgan_gp_weight))
        with torch.no_grad():
            fake = self.fake()
        real, fake = real.detach().requires_grad_(r1 > 0), fake.requires_grad_(r2 > 0)
        real_B, fake_B = self.discriminator(real, y), self.discriminator(fake, y)
        total = self.objective.discriminator(real_B, fake_B)
        if r1 > 0:
            total = total + r1_penalty(real_B, real, r1)
        if r2 > 0:
            total = total + r1_penalty(fake_B, fake, r2)
        if mixing > 0:
            mixed = mixed_images(real, fake, self.shares())
            total = total + wgan_gp(self.discriminator(mixed, y), mixed, mixing)
        self.of_discriminator.zero_grad()
        total.backward()
        self.of_discriminator.step()

    def update_generator(self) -> None:
        """Fake scores up, on images of new latents; a relativistic loss compares them with real scores."""
        fake_B = self.discriminator(self.fake(), self.y)
        real_B = fake_B.detach()
        if self.objective.generator_sees_real:
            with torch.no_grad():
                real_B = self.discriminator(self.real, self.y)
        total = self.objective.generator(fake_B, real_B)
        self.of_generator.zero_grad()
        total.backward()
        self.of_generator.step()

    @torch.no_grad()
    def update_average(self) -> None:
        """Average <- decay * average + (1 - decay) * generator, which is what is evaluated and saved."""
        for averaged, trained in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            averaged.lerp_(trained, 1 - self.recipe.training.ema_decay)

    def fake(self) -> Tensor:
        """Generated images (B, C, H, W) of new latents, with the real images' labels."""
        z, element = self.latents()
        image: Tensor = self.generator(z, self.y, element)
        return image

    def latents(self) -> Latents:
        """Gaussian z, and a group element for every image where the generator turns its seed map."""
        z = torch.randn(len(self.y), self.z_dim, device=self.y.device)
        element = torch.randint(self.elements, self.y.shape, device=self.y.device) if self.elements else None
        return Latents(z, element)

    def shares(self) -> Tensor:
        """Of the real image in the mixed ones, (B,) in [0, 1]."""
        return torch.rand(len(self.y), device=self.y.device)

    def actions(self) -> Actions:
        """A step, and one update of either player."""
        return {
            STEP: all_alike(self.recipe, self),
            DISCRIMINATOR: self.update_discriminator,
            GENERATOR: self.update_generator,
        }
