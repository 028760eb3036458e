"""What came is shown in one line that moves no cursor, whatever it is."""

import pytest

from steergan.errors import DataError, SteerganError, escaped, one_line, reason, shown

ODD = "a\nb\r\x1b[2J\x07\u202egnp.exe\u2028c\udcff\x9b1m"


@pytest.mark.parametrize("kind", [SteerganError, DataError])
def test_a_line_of_ours_is_one_line(kind: type[SteerganError]) -> None:
    line = str(kind(f"{ODD}.png: not an image"))
    assert line.isprintable()
    assert line == r"a\nb\r\x1b[2J\x07\u202egnp.exe\u2028c\udcff\x9b1m.png: not an image"
    assert line.encode() == line.encode("utf-8", "strict")


def test_what_prints_stays_as_it_is() -> None:
    text = "Gänse, 鵝, and C:\\new at 0.5 ± 0.1"
    assert one_line(text) == escaped(text) == text


def test_what_was_escaped_once_is_not_escaped_again() -> None:
    assert one_line(one_line(ODD)) == one_line(ODD)


def test_long_words_keep_their_ends() -> None:
    line = one_line(f"recipe.toml: name = '{'a' * 9_000}z'; text was wanted")
    assert len(line) < 350
    assert line.startswith("recipe.toml: name = 'aaa")
    assert line.endswith("az'; text was wanted")


@pytest.mark.parametrize("value", ["x" * 10_000, list(range(10_000)), 10**5_000, {"a": 10**5_000}], ids=type)
def test_values_are_shown_shortened(value: object) -> None:
    assert len(shown(value)) <= 100


def test_a_value_without_an_end_is_named_by_its_kind() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert shown(nested) == "a list too long to be written"
    while nested:  # one by one: the interpreter's stack is not made for all at once
        nested = nested.pop()  # type: ignore[assignment]


def test_the_reason_is_what_the_system_says_or_a_name() -> None:
    assert reason(OSError(28, "No space left on device", "x")) == "No space left on device"
    assert reason(ValueError("two\nlines")) == "two lines"
    assert reason(MemoryError()) == "MemoryError"
