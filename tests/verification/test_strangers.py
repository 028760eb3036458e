"""Models in the manner of published ones get the verdict that is due, and no right one is accused."""

import pytest
import torch

from steergan.errors import SubjectError
from steergan.verification import verify
from tests.verification.strangers import STRANGERS, Critic, Projected


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_s_model_is_judged_rightly(name: str) -> None:
    stranger = STRANGERS[name]
    about = dict(stranger.about)
    torch.manual_seed(0)
    model = stranger.build()
    found = verify(model, stranger.sizes, about.pop("claim", None), level=4, modes=stranger.modes, **about)
    due = stranger.verdict if isinstance(stranger.verdict, tuple) else (stranger.verdict,)
    assert found.verdict in due, found.sentence
    at = 0
    for words in stranger.words:
        assert words in found.sentence[at:], found.sentence
        at = found.sentence.index(words, at)


def test_a_type_that_no_layer_has_is_asked_for_and_named() -> None:
    with pytest.raises(SubjectError, match=r"out_type= \(--out-type 'irrep_1@C4'\)"):
        verify(Projected(), 7, level=2)


def test_a_second_input_of_which_nothing_is_known_is_asked_for() -> None:
    with pytest.raises(SubjectError, match=r"forward also wants action: labels were tried\. Say others="):
        verify(Critic(), 7, level=2)
