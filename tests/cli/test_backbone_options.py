"""Which images a backbone is tuned on, and how, as the options say."""

from pathlib import Path

import click
import pytest

from steergan_cli.backbone_options import chosen_data, chosen_tuning
from tests.documentation.public_names import ROOT


def test_data_come_from_a_name_or_from_a_recipe() -> None:
    assert chosen_data("digits", "", None).name == "digits"
    named = chosen_data("folder", "patches", None)
    assert (named.name, named.path) == ("folder", "patches")
    recipe = ROOT / "recipes" / "quickstart.toml"
    assert chosen_data(None, "", recipe).name == "digits"


@pytest.mark.parametrize(("name", "recipe"), [(None, None), ("digits", Path("x.toml"))])
def test_neither_or_both_are_refused(name: str | None, recipe: Path | None) -> None:
    with pytest.raises(click.UsageError, match="give --data NAME or --recipe FILE, and not both"):
        chosen_data(name, "", recipe)


def test_tuning_has_defaults_and_takes_what_is_given() -> None:
    plain = chosen_tuning("resnet18", "none", None, None, 3, 1, rotate=False)
    assert (plain.weights, plain.side, plain.training.peak_rate, plain.training.group) == (None, 0, 1e-4, "trivial")
    given = chosen_tuning("resnet18", "net.pth", 64, 1e-3, 3, 1, rotate=True)
    assert (given.weights, given.side, given.training.peak_rate) == (Path("net.pth"), 64, 1e-3)
    assert (given.training.group, given.training.epochs, given.training.seed) == ("D4", 3, 1)
