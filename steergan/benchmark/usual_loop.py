"""A training step as torch's tutorials and the usual GAN repositories write it: what a user has without ours."""

import copy

import torch
from torch import Tensor

from steergan.benchmark.rivals import Pair
from steergan.benchmark.training import DISCRIMINATOR, GENERATOR, STEP, Actions
from steergan.losses import OBJECTIVES
from steergan.penalties import mixed_images, r1_penalty, wgan_gp
from steergan.recipe import Recipe
from steergan.training import Batch
from steergan.training.protocols import as_module


class UsualLoop:
    """Updates of both players, with torch's Adam as it comes, and an average that walks over the parameters.

    The mathematics is that of `training.Step`, of recipes without augmentation and accumulation.

    Args:
        pair: on the batch's device; it is put into training mode, once.
        recipe: loss, rates and updates.
        batch: the real images of every update.
    """

    def __init__(self, pair: Pair, recipe: Recipe, batch: Batch) -> None:
        self.pair, self.recipe, self.batch = pair, recipe, batch
        self.generator, self.discriminator = (as_module(network).train() for network in pair)
        self.average = copy.deepcopy(self.generator)
        self.objective = OBJECTIVES[recipe.loss.name]
        settings = recipe.training
        betas = settings.beta1, settings.beta2
        self.of_generator = torch.optim.Adam(self.generator.parameters(), settings.generator_rate, betas)
        self.of_discriminator = torch.optim.Adam(self.discriminator.parameters(), settings.discriminator_rate, betas)

    def draw(self) -> Tensor:
        """Images of new latents."""
        y = self.batch[1]
        z = torch.randn(len(y), self.pair.generator.z_dim, device=y.device)
        elements = self.pair.generator.elements
        element = torch.randint(elements, y.shape, device=y.device) if elements else None
        image: Tensor = self.generator(z, y, element)
        return image

    def update_discriminator(self) -> None:
        loss, (image, y) = self.recipe.loss, self.batch
        with torch.no_grad():
            fake = self.draw()
        image = image.detach().requires_grad_(loss.r1_weight > 0)
        real_B, fake_B = self.discriminator(image, y), self.discriminator(fake, y)
        total = self.objective.discriminator(real_B, fake_B)
        if loss.r1_weight > 0:
            total = total + r1_penalty(real_B, image, loss.r1_weight)
        if loss.wgan_gp_weight > 0:
            mixed = mixed_images(image.detach(), fake, torch.rand(len(y), device=y.device))
            total = total + wgan_gp(self.discriminator(mixed, y), mixed, loss.wgan_gp_weight)
        self.of_discriminator.zero_grad()
        total.backward()
        self.of_discriminator.step()

    def update_generator(self) -> None:
        image, y = self.batch
        fake_B = self.discriminator(self.draw(), y)
        real_B = fake_B.detach()
        if self.objective.generator_sees_real:
            with torch.no_grad():
                real_B = self.discriminator(image, y)
        total = self.objective.generator(fake_B, real_B)
        self.of_generator.zero_grad()
        total.backward()
        self.of_generator.step()

    @torch.no_grad()
    def update_average(self) -> None:
        for averaged, trained in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            averaged.lerp_(trained, 1 - self.recipe.training.ema_decay)

    def __call__(self) -> None:
        """A generator step."""
        for _ in range(self.recipe.training.discriminator_updates):
            self.update_discriminator()
        self.update_generator()
        self.update_average()

    def actions(self) -> Actions:
        """A step, and one update of either player."""
        return {STEP: self, DISCRIMINATOR: self.update_discriminator, GENERATOR: self.update_generator}
