"""A step of a translation is timed as any other, against the rivals that it has."""

import pytest

from steergan.benchmark import equal_channels, step_report, time_step
from steergan.benchmark.rivals import CHANNELS, DENSE, OWN, PARAMETERS, STOCK
from steergan.benchmark.training import STEP
from steergan.errors import RecipeError
from steergan.recipe import TranslationRecipe
from tests.benchmark.tiny import without_warm_up


def recipe(**generator: object) -> TranslationRecipe:
    """Of 8 pixels."""
    return TranslationRecipe.model_validate(
        {
            "name": "tiny",
            "data": {"name": "relief", "size": 8},
            "generator": {"group": "C4", "widths": [4, 4], **generator},
            "discriminator": {"group": "C4", "widths": [4, 4]},
            "loss": {"name": "non-saturating", "r1_weight": 0.0, "reconstruction_weight": 100.0},
            "training": {"batch_size": 1, "discriminator_updates": 1},
        }
    )


def test_a_step_is_timed_for_all_rivals(monkeypatch: pytest.MonkeyPatch) -> None:
    without_warm_up(monkeypatch)
    found = time_step(recipe(), rounds=1, parts=(STEP, "sampling"))
    rivals = {OWN, DENSE, CHANNELS, PARAMETERS, STOCK}
    assert set(found.parts[STEP]) == set(found.parts["sampling"]) == rivals
    assert found.parameters[OWN] == found.parameters[DENSE]
    assert found.parameters[CHANNELS][0] > found.parameters[OWN][0]
    assert (OWN, PARAMETERS, 2.5) in [(target.name, target.rival, target.most) for target in found.targets()]
    report = step_report.report(found)
    assert "Against stock escnn:" in report.verdict
    assert "spectral norm" not in report.verdict


def test_rivals_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    without_warm_up(monkeypatch)
    found = time_step(recipe(), rounds=1, parts=(STEP,), rivals=(PARAMETERS,))
    assert list(found.parts[STEP]) == [OWN, PARAMETERS]
    assert [(target.name, target.rival) for target in found.targets()] == [(OWN, PARAMETERS)]
    assert "stock escnn" not in step_report.report(found).verdict


def test_as_many_channels_make_a_plain_pair() -> None:
    plain = equal_channels(recipe())
    assert (plain.generator.group, plain.generator.widths) == ("trivial", (8, 8))
    assert isinstance(plain, TranslationRecipe)


def test_what_escnn_has_no_layers_for_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"no stock escnn rival of generator\.dropout"):
        time_step(recipe(dropout=0.5), rounds=1, parts=(STEP,), rivals=(STOCK,))
