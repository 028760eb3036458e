"""Figures in lines of text."""

import pytest

from steergan.run.figures_in_words import described

TABLE = {
    "extractor": "classifier", "frechet_invariant": 0.5, "floor_frechet_invariant": 0.01,
    "scrambled_frechet_invariant": 4.5, "kid": 0.25, "floor_kid": 0.001, "scrambled_kid": 3.0, "rank_deficient": [],
    "label_agreement": None, "precision": 0.5, "recall": None,
}  # fmt: skip


def test_a_figure_stands_between_real_and_scrambled_images() -> None:
    wanted = "Frechet distance 0.5 (real against real 0.01, scrambled 4.5), precision 0.50"
    assert described(TABLE) == wanted
    assert described(TABLE | {"extractor": "scattering"}) == f"texture metric: {wanted}"
    assert described(TABLE | {"extractor": "untrained mine", "label_agreement": 0.25}) == (
        "untrained features: Frechet distance 0.5 (real against real 0.01, scrambled 4.5), label agreement 0.250, "
        "precision 0.50"
    )


@pytest.mark.parametrize("scrambled", [3.0, None])
def test_kid_stands_in_with_its_own_neighbours(scrambled: float | None) -> None:
    found = described(TABLE | {"frechet_invariant": None, "scrambled_kid": scrambled, "recall": 0.125})
    beside = "" if scrambled is None else ", scrambled 3"
    assert found == f"KID 0.25 (real against real 0.001{beside}), precision 0.50, recall 0.12"


def test_few_images_are_told_of_beside_the_figure() -> None:
    found = described(TABLE | {"rank_deficient": ["invariant"], "floor_frechet_invariant": None})
    assert "real against real not known: too few images" in found
    assert "fewer images than features: biased, trust KID, 0.25)" in found
