"""Equivariance of a run's two networks, measured."""

from pathlib import Path

import torch

from steergan.randomness import torch_stream
from steergan.run.load import load_run
from steergan.symmetry import group_order
from steergan.verification import EquivarianceErrors, equivariance_errors

BATCH = 4


def verify(path: Path) -> list[EquivarianceErrors]:
    """The discriminator's invariance and the synthesis's equivariance, every element that permutes pixels.

    In evaluation mode, on the averaged weights of a finished run, on seeded random inputs. A network under the trivial
    group has nothing to claim and is left out.

    Raises:
        RunError: no finished run.
    """
    run = load_run(path)
    stream = torch_stream(run.recipe.training.seed, "verification")
    classes = run.generator.classes
    y = torch.randint(classes, (BATCH,), generator=stream)
    image = 2 * torch.rand(BATCH, *run.generator.image_shape, generator=stream, dtype=torch.float64) - 1
    z = torch.randn(BATCH, run.generator.z_dim, generator=stream, dtype=torch.float64)
    synthesis, trunk = run.generator.synthesis, run.discriminator.trunk
    with torch.no_grad():
        twin = run.generator.double()
        c = torch.cat([z, twin.embedding(y)], dim=1)
        seed_map = twin.seed_map(c, None)
    found = []
    if group_order(trunk.in_type.gspace) > 1:
        found.append(
            equivariance_errors(
                "discriminator",
                run.discriminator,
                lambda m, x: m(x, y)[:, None, None, None],
                image,
                trunk.in_type,
                None,
            )
        )
    if group_order(synthesis.in_type.gspace) > 1:
        found.append(
            equivariance_errors(
                "synthesis (seed map to image)",
                synthesis,
                lambda m, x: m(m.in_type(x), c.to(x.dtype)).tensor,
                seed_map,
                synthesis.in_type,
                synthesis.out_type,
            )
        )
    return found
