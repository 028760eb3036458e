"""A certificate in words and as a file, and what `differences` finds between a saved one and a new one."""

import json
from dataclasses import replace

import pytest
from escnn import nn as enn

from steergan.errors import SymmetryError
from steergan.verification import (
    Certificate,
    NotEquivariant,
    Record,
    assert_equivariant,
    broken,
    differences,
    exact,
    unknown,
    verify,
)
from steergan.verification.elements import IDENTITY, NAMES
from tests.verification.networks import HIDDEN, IMAGE, Shifts, lift, stock


def certificate(*records: Record) -> Certificate:
    """One of two elements that holds these records."""
    return Certificate(
        "net",
        "equivariant",
        "C2",
        (IDENTITY, (-1, 0, 0, -1)),
        ((5, 5), (6, 4)),
        ("evaluation",),
        2,
        records,
        "",
        (),
        {},
    )


def test_a_certificate_is_valid_json_with_its_verdict_and_sentence() -> None:
    found = verify(stock(), [5, 6])
    read = json.loads(found.to_json())
    assert (read["verdict"], read["sentence"]) == (found.verdict, found.sentence)
    assert read["elements"] == [NAMES[matrix] for matrix in found.elements]
    assert read["sizes"] == ["5 x 5", "6 x 6"]
    assert len(read["records"]) == len(found.records)
    assert read["versions"].keys() == {"steergan", "escnn", "torch", "numpy"}
    assert "NaN" not in found.to_json()
    assert {"5 x 5 -> 5 x 5", "6 x 6 -> 6 x 6"} == {row["size"] for row in read["records"] if row["level"] == 1}


def test_files_that_know_no_forms_are_compared_as_well() -> None:
    fourier = Record(1, "0", exact("Fourier form: tables", form="Fourier"), "GroupConvolution", sizes=((5, 5), (5, 5)))
    plain = replace(fourier, finding=exact("a gather"))
    with_kernels, without = certificate(plain, fourier), certificate(plain)
    assert with_kernels.as_dict()["records"][1]["form"] == "Fourier"
    older = json.loads(with_kernels.to_json())
    for row in older["records"]:
        del row["form"]
    assert differences({**older, "sentence": ""}, without) == []
    doubted = certificate(plain, replace(fourier, finding=unknown("Fourier form: replaced", form="Fourier")))
    assert len(differences(json.loads(replace(doubted, records=doubted.records).to_json()), without)) == 1


def test_a_broken_network_raises_its_sentence() -> None:
    verify(stock(), [5], level=2).raise_if_broken()
    found = verify(Shifts(lift()), [5])
    assert found.verdict == "broken"
    with pytest.raises(NotEquivariant, match="NOT equivariant under C4"):
        found.raise_if_broken()
    assert issubclass(NotEquivariant, SymmetryError)


def test_not_proved_is_no_error_of_the_network() -> None:
    found = verify(lift(), [5], level=1)
    found.raise_if_broken()
    assert "a proof needs 2" in found.sentence


def test_the_first_fault_is_a_broken_layer_before_an_end_that_breaks() -> None:
    end = Record(3, "end to end", broken("bit for bit", "under the rotation by 180 degrees"), sizes=((5, 5),))
    layer = Record(1, "pool", broken("windows", "at size 5"), "AveragePool", sizes=((5, 5), (2, 2)))
    doubt = Record(2, "head", unknown("addmm"), sizes=((5, 5),))
    assert certificate(end, layer, doubt).first_fault == layer
    assert "pool (AveragePool) breaks it at 5 x 5 -> 2 x 2: at size 5." in certificate(end, layer, doubt).sentence
    assert "end to end breaks it at 5 x 5: under the rotation" in certificate(end, doubt).sentence
    assert certificate(end, doubt).sentence.endswith("The proof stops at head: addmm.")
    assert certificate(doubt).verdict == "not proved"
    assert certificate().sentence.startswith(
        "net is equivariant under C2, all 2 elements that permute pixels, at 5 x 5 and 6 x 4"
    )
    assert certificate().with_records(doubt, note="So it is.").note == "So it is."
    assert certificate(layer, doubt).counts() == {"exact": 1, "unknown": 1}


def test_a_size_and_a_mode_have_verdicts_of_their_own() -> None:
    layer = Record(1, "pool", broken("windows", "at size 6"), "AveragePool", sizes=((6, 4), (3, 2)), at=((6, 4),))
    found = replace(certificate(layer), modes=("evaluation", "training"))
    assert (found.verdict, found.verdict_at((5, 5), "training"), found.verdict_at((6, 4), "evaluation")) == (
        "broken",
        "proved",
        "broken",
    )
    assert "NOT equivariant under C2 at 6 x 4 pixels, in evaluation and training mode" in found.sentence
    assert "Proved at 5 x 5 pixels, in evaluation and training mode." in found.sentence
    draws = Record(1, "drop", unknown("it draws"), "Dropout", mode="training", at=((5, 5), (6, 4)))
    doubted = replace(found, records=(draws,))
    assert (doubted.verdict, doubted.verdict_at((5, 5), "evaluation")) == ("not proved", "proved")
    assert "in evaluation mode: proved for every input" in doubted.sentence
    assert "Not proved at 5 x 5 and 6 x 4 pixels, in training mode: drop (Dropout): it draws." in doubted.sentence
    assert 'modes=("evaluation",)' in doubted.sentence
    both = replace(found, records=(layer, replace(draws, at=((5, 5),))))
    assert "Proved at 5 x 5 pixels, in evaluation mode." in both.sentence
    assert "Not proved at 5 x 5 pixels, in training mode: drop" in both.sentence
    assert [row["verdict"] for row in both.as_dict()["verdicts"]] == ["proved", "not proved", "broken", "broken"]


def test_a_network_right_at_one_size_is_not_accused_there() -> None:
    network = enn.SequentialModule(
        enn.R2Conv(IMAGE, HIDDEN, 3, padding=1), enn.R2Conv(HIDDEN, HIDDEN, 3, padding=1, stride=2)
    )
    found = verify(network, [9, 8], level=4)
    assert [found.verdict_at(size, "evaluation") for size in found.sizes] == ["proved", "broken"]
    assert "NOT equivariant under C4 at 8 x 8 pixels" in found.sentence


def test_a_rectangle_on_the_way_of_one_input_is_no_fault_of_the_other() -> None:
    found = verify(lift(), [5, (4, 6)], level=0)
    assert {r.at for r in found.records if r.finding.verdict == "broken"} == {((4, 6),)}


def test_dropout_is_no_fault_in_evaluation_and_the_argument_is_named() -> None:
    network = enn.SequentialModule(lift(), enn.PointwiseDropout(HIDDEN))
    with pytest.raises(AssertionError, match=r'PointwiseDropout\): it draws random numbers per pixel.*"evaluation",'):
        assert_equivariant(network, [5], level=2)
    assert_equivariant(network, [5], level=2, modes=("evaluation",))
