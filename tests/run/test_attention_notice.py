from collections.abc import Callable

import pytest

from steergan.layers import SelfAttention
from steergan.recipe import Recipe
from steergan.run.attention_notice import attention_notice
from steergan.run.build import build_discriminator, build_generator


@pytest.mark.parametrize("twice", [True, False])
def test_penalties_on_gradients_and_odd_maps_are_told_to_attention(recipe: Callable[..., Recipe], twice: bool) -> None:
    settings = recipe(
        "generator.attention=[true, false]",
        "discriminator.attention=[false, true]",
        f"loss.r1_weight={0.1 * twice}",
    )
    generator, discriminator = build_generator(settings, (1, 10, 10), 2), build_discriminator(settings, (1, 20, 20), 2)
    found = [
        part.twice for net in (generator, discriminator) for part in net.modules() if isinstance(part, SelfAttention)
    ]
    assert found == [False, twice]
    wanted = (
        "attention on odd maps does not pool keys and values, which is four times as dear "
        "(generator synthesis.attention.0, discriminator trunk.stages.6)"
    )
    assert attention_notice(generator, discriminator) == wanted
    assert attention_notice(build_generator(recipe(), (1, 8, 8), 2)) is None
