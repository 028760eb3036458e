"""What a page may say of turned pictures."""

from pathlib import Path

import pytest

from steergan.report.claims import REFLECTION, TURNS, measured_difference, product, views
from steergan.run import load_run, verify_run
from steergan.verification import Certificate
from steergan.verification.elements import NAMES
from steergan.verification.records import Record, broken


@pytest.fixture(scope="module")
def certificate(tiny_run: Path) -> Certificate:
    return verify_run(tiny_run, quick=True)[-1]


def test_only_what_the_certificate_proves_is_called_an_output(certificate: Certificate) -> None:
    found = views(certificate, "symmetrized")
    assert [view.proved for view in found] == [True] * 4 + [False] * 4
    assert found[0].words == "As the generator drew them."
    assert "the rotation by 90 degrees" in found[1].words
    assert all(view.words.startswith("Proved: this is the generator's output") for view in found[1:4])
    assert all("nothing is claimed" in view.words and "Proved" not in view.words for view in found[4:])


def test_a_broken_network_has_no_outputs_among_turned_pictures(certificate: Certificate) -> None:
    fault = Record(1, "lift", broken("windows that lie symmetrically were wanted", "at size 7"))
    found = views(certificate.with_records(fault), "symmetrized")
    assert not any(view.proved for view in found)
    assert "verdict is “broken”" in found[1].words


def test_without_a_certificate_nothing_is_claimed() -> None:
    assert not any(view.proved for view in views(None, "steerable"))


def test_of_a_dense_latent_only_the_synthesis_is_claimed(certificate: Certificate) -> None:
    assert views(certificate, "dense")[1].words.startswith("Proved of the synthesis alone")


def test_the_eight_views_are_the_eight_elements() -> None:
    assert {*TURNS, *(product(turn, REFLECTION) for turn in TURNS)} == set(NAMES)
    assert NAMES[product(TURNS[1], REFLECTION)] == "the reflection about the falling diagonal"


def test_outputs_are_the_moved_pictures(tiny_run: Path, steerable: Path) -> None:
    assert measured_difference(load_run(tiny_run), [0, 1]) in (0, 1)
    assert measured_difference(load_run(steerable), [0]) is None
