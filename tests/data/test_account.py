"""The table of classes, and what stands below it."""

from steergan.data import Account, LeftOut


def test_columns_are_aligned_and_none_is_there_for_nothing() -> None:
    account = Account(("ant", "b"), (1200, 7), (30, 2), notes=("first", "second"))
    assert account.text().splitlines() == [
        "class  name  training  held out",
        "    0  ant      1,200        30",
        "    1  b            7         2",
        "read as: first",
        "second",
    ]


def test_bounds_and_what_is_not_known_are_said() -> None:
    table = Account(("a",), (3,), None, at_most=True).text().splitlines()
    assert table[1].split("a  ")[-1].split() == ["at", "most", "3", "?"]


def test_long_lists_are_cut_and_the_rest_is_counted() -> None:
    left_out = tuple(LeftOut(f"{k}.png", "damaged", "1") for k in range(5))
    account = Account(tuple(map(str, range(9))), range(9), range(9), left_out)
    assert account.text(2).splitlines()[1:] == [
        "    0  0            0         0         0",
        "    1  1            1         1         5",
        "and 7 more classes",
        "left out: 0.png: damaged",
        "left out: 1.png: damaged",
        "left out: 3 more",
    ]
    assert len(account.text().splitlines()) == 1 + 9 + 5
