"""Pages are read as sentences, and figures that look measured are told from all other numbers."""

import pytest

from benchmarks.prose import figures, sentences

PAGE = """# A heading

<!-- 1.5 times -->
First sentence goes
on here. A second one (of 2.5 s)! `code.py` begins a third.

```sh
steergan train --seconds 2.5   # 3.7 times
```

    indented 4.2 times

* A point, `x = 0.5`,
  that goes on
* another; see [results](results.md#x-1.5)

> quoted 0.25
>
> again

| a | b |
|---|--:|
| C4 | 1.5 |

|G| times as many, where a < b
and 2 > c
"""


def test_sentences_are_those_of_prose_points_and_rows() -> None:
    assert [s.text for s in sentences(PAGE)] == [
        "A heading", "First sentence goes on here.", "A second one (of 2.5 s)!", "`code.py` begins a third.",
        "A point, `x = 0.5`, that goes on", "another; see [results](results.md#x-1.5)", "quoted 0.25", "again",
        "| a | b |", "| C4 | 1.5 |", "|G| times as many, where a < b and 2 > c",
    ]  # fmt: skip


def test_sentences_know_the_line_that_their_paragraph_begins_on() -> None:
    lines = PAGE.splitlines()
    for found in sentences(PAGE):
        assert lines[found.line - 1].lstrip("#*> ")[:5] in ("First", found.text[:5])


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("C4 is 3.7 times faster.", ["3.7"]),
        ("A step takes 4 times as long, and 12 MB.", ["4", "12"]),
        ("It is four times as fast, twice as small, and takes half of the time.", ["four", "twice", "half"]),
        ("KID is lower by an eighth.", ["an eighth"]),
        ("Recall rises to 31 %, p = 0.03.", ["31", "0.03"]),
        ("The Frechet distance is 20 at the end.", ["20"]),
        ("Errors of 1e-5, in 1,553 s or two minutes.", ["1e-5", "1,553", "two"]),
        ("KID is lower in 12 of 12 pairs, and in two of three seeds.", ["12", "two"]),
        ("C4 halves the distance.", ["halves"]),
        ("Between 2 and 3 GB, 30 dB.", ["2", "3", "30"]),
        ("Times 0.68 (0.56 to 0.72).", ["0.68", "0.56", "0.72"]),
    ],
)
def test_measurements_are_found(sentence: str, found: list[str]) -> None:
    assert figures(sentence) == found


@pytest.mark.parametrize(
    "sentence",
    [
        "Images of 28 x 28 pixels under C4, batch 32, seeds 0 to 7.",
        "Python 3.11 and 3.12, torch 2.6, escnn 1.0.11 of 2023.",
        "Set `loss.r1_weight` to `0.05`; see [results](results.md#x-0.5) and arXiv 2305.13517.",
        "As in section 3.1, Table 2 and Fig. 3.",
        "Bounds of 2^-16, 2^8 times that; 3 seeds, 1,200 steps, 45 degrees.",
        "Errors of 16 inputs at distances of 12 pixels.",
    ],
)
def test_settings_sizes_versions_and_places_are_no_measurements(sentence: str) -> None:
    assert figures(sentence) == []
