"""What is left out because it means nothing, and what is not."""

import numpy as np
import pytest

from steergan.metrics import Distances, Protocol
from steergan.metrics.images import Chosen
from steergan.metrics.meaning import CONTROLS, Scrambled, in_words, left_out

SHARES = ("precision", "recall", "density", "coverage")
GOOD = dict(zip(SHARES, (0.9, 0.9, 1.0, 0.97), strict=True))
NOTHING = dict.fromkeys(SHARES, 0.0)


def found(values: dict[str, float], count: int = 300) -> Distances:
    return Distances(0.1, None, 0.0, count=count, **values)


def reasons(
    floor: dict[str, float], scrambled: dict[str, float], *, count: int = 300, extractor: str = "mine"
) -> dict[str, str]:
    protocol = Protocol(count, real_count=300)
    return left_out(extractor, protocol, count, found(floor), found(scrambled))


def test_figures_that_tell_real_images_from_scrambled_ones_are_given() -> None:
    assert reasons(GOOD, NOTHING) == {}


def test_untrained_features_have_none_of_the_four() -> None:
    made = reasons(GOOD, NOTHING, extractor="untrained classifier")
    assert tuple(made) == SHARES
    assert in_words(made) == [
        "left out: precision, recall, density, coverage (untrained features don't know what makes images alike)"
    ]


@pytest.mark.parametrize(
    ("count", "without"), [(250, ()), (249, SHARES[2:]), (150, SHARES[2:]), (149, SHARES)]
)
def test_fewer_than_fifty_images_for_each_neighbour_are_too_few(count: int, without: tuple[str, ...]) -> None:
    made = reasons(GOOD, NOTHING, count=count)
    assert tuple(made) == without
    assert all(f"{count} images, fewer than 50 for each of k = " in reason for reason in made.values())


@pytest.mark.parametrize("name", SHARES)
def test_what_real_images_do_not_reach_takes_its_pair_with_it(name: str) -> None:
    pair = SHARES[:2] if name in SHARES[:2] else SHARES[2:]
    made = reasons(GOOD | {name: 0.24}, NOTHING)
    assert tuple(made) == pair
    assert set(made.values()) == {
        f"real images in the generator's place have a {name} of 0.24: too few for these features"
    }
    assert reasons(GOOD | {name: 0.26}, NOTHING) == {}


def test_features_that_take_scrambled_images_for_real_ones_are_blind() -> None:
    made = reasons(GOOD, NOTHING | {"precision": 0.67, "recall": 0.46})
    assert tuple(made) == SHARES[:2]
    assert set(made.values()) == {
        "scrambled images have precision 0.67 and recall 0.46: these features don't see them"
    }
    assert reasons(GOOD, NOTHING | {"precision": 0.67, "recall": 0.44}) == {}  # the pair as a whole sees them


def images(count: int) -> Chosen:
    drawn = np.random.default_rng(0).integers(0, 256, (count + 5, 3, 4, 6), dtype=np.uint8)
    return Chosen(drawn, np.arange(count))


def test_scrambled_images_have_the_same_pixels_at_other_places() -> None:
    real = images(20)
    made = Scrambled(real, seed=0)
    whole = made[0:20]
    for before, after in zip(real[0:20], whole, strict=True):
        colours = [sorted(map(tuple, image.reshape(3, -1).T.tolist())) for image in (before, after)]
        assert colours[0] == colours[1]  # colours stay together
        assert (before != after).any()
    np.testing.assert_array_equal(made[7:9], whole[7:9])
    assert (Scrambled(real, seed=1)[0:20] != whole).any()
    places = [np.argsort(image[0].ravel(), kind="stable").tolist() for image in whole[:2]]
    assert places[0] != places[1]


def test_at_most_a_thousand_images_are_scrambled() -> None:
    assert len(Scrambled(images(CONTROLS + 3), 0)) == CONTROLS
    assert Scrambled(images(9), 0).shape == (9, 3, 4, 6)
