"""What the shipped recipes say, section by section."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from steergan.recipe import LossSettings, TrainingSettings, read_recipe


def test_infinite_weights_and_decays_of_one_are_refused() -> None:
    with pytest.raises(ValidationError, match="finite"):
        LossSettings(r1_weight=float("inf"))
    with pytest.raises(ValidationError, match="less than 1"):
        TrainingSettings(ema_decay=1.0)


def test_shipped_recipes_say_what_table_2_says() -> None:
    folder = Path(__file__).parents[2] / "recipes" / "paper" / "rotmnist"
    cells = {path.stem: read_recipe(path) for path in folder.glob("*-*-*-*.toml")}
    assert len(cells) == 3 * 4 * 4
    wgan = cells["wgan-cnn-c4-33"]
    assert (wgan.loss.name, wgan.loss.r1_weight, wgan.loss.wgan_gp_weight) == ("wasserstein", 0.0, 10.0)
    assert (wgan.generator.group, wgan.discriminator.group, wgan.data.fraction) == ("trivial", "C4", 0.33)
    for name, recipe in cells.items():
        assert recipe.name == f"table2-{name}"
        assert (recipe.generator.latent, recipe.discriminator.pooling) == ("dense", "paper")
        assert (recipe.training.steps, recipe.training.batch_size, recipe.training.ema_decay) == (20_000, 64, 0.9999)
