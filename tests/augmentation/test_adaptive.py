"""The probability of augmentation follows how well the discriminator knows the real images."""

import pytest
import torch

from steergan.augmentation import AdaptiveProbability
from steergan.augmentation.adaptive import INTERVAL


def after(signs: list[float], target: float = 0.6, images: int = 100, count: int = 1) -> AdaptiveProbability:
    found = AdaptiveProbability(target, images)
    for step, sign in enumerate(signs, start=1):
        found.observe(torch.tensor(sign), count)
        found.after_step(step)
    return found


def test_it_rises_while_all_real_scores_are_positive_by_the_share_of_images_shown() -> None:
    assert after([1.0] * 8, count=3).probability.item() == pytest.approx(24 / 100)


def test_it_falls_while_the_discriminator_does_not_overfit_and_stops_at_zero() -> None:
    assert after([1.0] * 8 + [0.5] * 4).probability.item() == pytest.approx(4 / 100)
    assert after([1.0] * 4 + [-1.0] * 12).probability.item() == 0.0


def test_it_stops_at_one() -> None:
    assert after([1.0] * 8, images=5).probability.item() == 1.0


def test_it_stays_at_the_target() -> None:
    assert after([1.0] * 4 + [0.5] * 4, target=0.5).probability.item() == pytest.approx(4 / 100)


def test_it_moves_at_the_end_of_an_interval_only_and_by_its_mean_sign() -> None:
    assert after([1.0] * (INTERVAL - 1)).probability.item() == 0.0
    assert after([0.1, 0.9, 0.9, 0.9]).probability.item() == pytest.approx(INTERVAL / 100)
    assert after([1.0] * 4 + [0.9, 0.9, 0.1, 0.1]).probability.item() == 0.0


def test_a_state_taken_back_goes_on_the_same() -> None:
    whole, second = after([1.0] * 10), AdaptiveProbability(0.6, 100)
    second.load_state_dict(after([1.0] * 6).state_dict())
    for step in range(7, 11):
        second.observe(torch.tensor(1.0), 1)
        second.after_step(step)
    assert second.state_dict() == whole.state_dict()


def test_a_state_that_lacks_something_is_refused() -> None:
    with pytest.raises(KeyError):
        AdaptiveProbability(0.6, 100).load_state_dict({"probability": torch.tensor(0.5)})
