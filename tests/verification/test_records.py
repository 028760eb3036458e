"""Findings and rows: what each of the short forms means, and the flat row that files have."""

from steergan.verification import Finding, Record, broken, exact, unknown


def test_short_forms_say_how_it_is_known_and_what_came_out() -> None:
    assert exact("why") == Finding("exact", "holds", "why", 0.0)
    assert broken("wanted", "where", 0.5) == Finding("exact", "broken", "wanted", 0.5, "where")
    assert unknown("reason") == Finding("unknown", "not proved", "reason")
    assert [f.form for f in (exact("a"), exact("a", form="Fourier"))] == ["direct", "Fourier"]


def test_a_row_of_a_file_is_flat_and_has_sizes_in_words() -> None:
    row = Record(
        1, "pool", broken("windows", "at size 5"), "AveragePool", "1 trivial of C4", ((5, 5), (2, 2)), "training"
    )
    assert row.as_row() == {
        "at": [],
        "level": 1,
        "path": "pool",
        "layer": "AveragePool",
        "types": "1 trivial of C4",
        "size": "5 x 5 -> 2 x 2",
        "kind": "exact",
        "verdict": "broken",
        "argument": "windows",
        "bound": None,
        "witness": "at size 5",
        "scope": "all weights",
        "form": "direct",
        "mode": "training",
    }
