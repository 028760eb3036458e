"""What the README and the documentation state as measured is in the record that they name, and no figure has none."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import benchmarks
from benchmarks.claims import Claim, faults, page, page_faults, pages, read_claims, value_of
from steergan.errors import RunError
from steergan.results import Result, read_results, write_result
from tests.benchmarks.results import a_result

ROOT = Path(__file__).parents[2]
RECORDS = {"a-result": a_result(verdict="It holds: 1.25 here, and 2.5 (alone: 0.011) there.")}


def found(text: str, *claims: Claim) -> list[str]:
    """What is wrong with a page."""
    return page_faults("docs/x.md", text, claims, RECORDS)


def of(sentence: str, **figures: str) -> Claim:
    """A claim of a sentence; figures are given as `_1_5 = "path"`."""
    return Claim(
        "docs/x.md", sentence, {f.strip("_").replace("_", "."): [s] for f, s in figures.items()}, "a-result", ""
    )


@pytest.fixture(scope="module")
def records() -> list[Result]:
    return read_results(ROOT / "docs" / "results")


def test_every_figure_of_the_documentation_is_in_the_record_that_it_names(records: list[Result]) -> None:
    assert faults(ROOT, read_claims(ROOT / "docs" / "claims.toml"), records) == []


def test_committed_page_of_claims_is_what_the_table_says() -> None:
    assert (ROOT / "docs" / "claims.md").read_text() == page(read_claims(ROOT / "docs" / "claims.toml"))


@pytest.mark.parametrize("name", ["README.md", "docs/training.md", "docs/speed.md", "docs/guide/images.md"])
def test_a_sentence_planted_in_the_documentation_is_found(name: str, tmp_path: Path, records: list[Result]) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("*.png", "*.json"))
    shutil.copy(ROOT / "README.md", tmp_path)
    with (tmp_path / name).open("a") as file:
        file.write("\nC4 is 3.7 times faster.\n")
    claims = read_claims(ROOT / "docs" / "claims.toml")
    (fault,) = faults(tmp_path, claims, records)
    assert fault.startswith(name)
    assert "no claim covers '3.7' in 'C4 is 3.7 times faster.'" in fault


def test_pages_are_those_that_people_write() -> None:
    names = {str(path.relative_to(ROOT)) for path in pages(ROOT)}
    assert {"README.md", "docs/guide/images.md", "docs/speed.md"} <= names
    assert not {"docs/results.md", "docs/claims.md", "docs/changelog.md", "docs/reference/tables.md"} & names


def test_a_figure_that_the_record_rounds_to_is_right_and_any_other_is_wrong() -> None:
    text = "The distance is 2.0, between 1.25 and 2.0."
    right = of("The distance", _2_0="0 > CNN > distance", _1_25="0 > C4 > ratio > lower")
    assert "no claim covers '2.0'" in found(text, right)[0]
    assert found("The distance is 2.0.", of("The distance", _2_0="0 > CNN > distance")) == []
    assert found("The distance is 2.1.", of("The distance", _2_1="0 > CNN > distance")) == [
        "docs/x.md:1: '2.1' is 2 in the record (0 > CNN > distance)"
    ]
    assert found("It is twice as fast.", of("It is", twice="0 > CNN > distance")) == []
    assert found("It is twice as fast.", of("It is", twice="0 > CNN > distance > 2"))


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("0 > CNN > distance", 2.0),
        ("0 > CNN > distance > sd", 1.0),
        ("0 > CNN > distance > 2", 3.0),
        ("0 > C4 > ratio", 1.5),
        ("0 > C4 > ratio > upper", 1.75),
        ("0 > CNN > images", 1200.0),
        ("1e-3 * 0 > CNN > images", 1.2),
        ("0 > CNN > images divided by 0 > CNN > distance", 600.0),
        ("a-result: 0 > CNN > distance divided by a-result: 0 > C4 > distance", 4.0),
        ("verdict > It holds:", 1.25),
        ("verdict > and > alone:", 0.011),
    ],
)
def test_paths_lead_to_figures(source: str, value: float) -> None:
    assert value_of(source, "a-result", RECORDS) == pytest.approx(value)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("b-result: 0 > CNN > distance", "no record 'b-result'"),
        ("1 > CNN > distance", "TABLE below 1"),
        ("0 > D4 > distance", "0 rows begin so"),
        ("0 > CNN > time", "columns are setting, distance, ratio, images"),
        ("0 > CNN > ratio", "leads to nothing"),
        ("0 > C4 > distance > sd", "leads to nothing"),
        ("verdict > miracle", "'miracle' is not there"),
        ("verdict > there", "no number is behind it"),
    ],
)
def test_paths_that_lead_nowhere_are_named(source: str, reason: str) -> None:
    with pytest.raises(RunError, match=reason):
        value_of(source, "a-result", RECORDS)


def test_sentences_that_are_not_there_and_figures_that_are_not_in_them_are_named() -> None:
    assert "0 sentences begin with 'Gone'" in found("Here.", of("Gone"))[0]
    assert "2 sentences begin with 'A'" in found("A b. A c.", of("A"))[0]
    assert "'2.0' is not in the sentence" in found("Here.", of("Here", _2_0="0 > CNN > distance"))[0]
    assert "'2' is not in the sentence" in found("Here: 12 and 2.5 `x`.", of("Here", _2="0 > CNN > distance"))[0]
    stranger = Claim("docs/none.md", "x", {})
    assert faults(ROOT, [stranger], [])[-1] == "docs/none.md: not a page that claims are checked in"


def test_a_single_look_says_so_and_has_a_command() -> None:
    look = Claim("docs/x.md", "It takes", {"2.5": ["look"]}, "", "steergan train x.toml")
    assert "neither the sentence nor its paragraph says so" in found("It takes 2.5 s.", look)[0]
    assert found("It takes 2.5 s. That is a single look.", look) == []
    assert found("It takes 2.5 s.\n\nThat is a single look.", look)
    unsaid = Claim("docs/x.md", "It takes", {"2.5": ["look"]})
    assert "without a command" in found("It takes 2.5 s, in one run.", unsaid)[0]


def test_what_is_printed_may_be_claimed_too() -> None:
    text = "It ends with\n\n    distance: 2.0\n    floor: 9.5\n"
    assert found(text) == []
    assert found(text, of("distance:", _2_0="0 > CNN > distance")) == []
    assert found(text, of("distance:", _3_0="0 > CNN > distance"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1", "not a table of claims"),
        ("[[claim]]\nfile = 'a'\nsentence = 'b'", "wanted are file, sentence"),
        (
            "[[claim]]\nfile = 'a'\nsentence = 'b'\nfigures = []\nrecords = 'c'",
            "it has file, sentence, figures, records",
        ),
        ("[[claim]]\nfile = 'a'\nsentence = 'b'\nfigures = ['1.5']", "figure '1.5' has no source"),
    ],
)
def test_tables_of_claims_that_are_none_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "claims.toml").write_text(text)
    with pytest.raises(RunError, match=reason):
        read_claims(tmp_path / "claims.toml")


def test_page_names_records_and_looks_and_leaves_out_what_is_given() -> None:
    text = page(
        [
            of("It holds `x` | [here](y.md)", _2_0="0 > CNN > distance", _3_0="b: 0 > CNN > distance"),
            Claim("docs/x.md", "It takes", {"2.5": ["look"]}, "", "steergan train x.toml"),
            of("A setting", _0_5="given: a setting"),
        ]
    )
    assert "| It holds x \\| here ... | 2.0, 3.0 | [a-result](results.md#a-result), [b](results.md#b) |" in text
    assert "| It takes ... | 2.5 | a single look: `steergan train x.toml` |" in text
    assert "A setting" not in text


def test_command_writes_the_page_of_claims_beside_the_results_and_tells_what_disagrees(tmp_path: Path) -> None:
    docs, line = tmp_path / "docs", "record = 'a-result'\nfigures = ['2.0 = 0 > CNN > distance']\n"
    write_result(docs / "results" / "a-result.json", a_result())
    (docs / "claims.toml").write_text(f"[[claim]]\nfile = 'docs/x.md'\nsentence = 'The distance'\n{line}")
    (docs / "x.md").write_text("The distance is 2.0.")
    made = CliRunner().invoke(benchmarks, ["page", str(docs / "results")])
    assert made.exit_code == 0, made.output
    assert made.stderr == ""
    assert (docs / "claims.md").read_text() == page(read_claims(docs / "claims.toml"))
    (docs / "x.md").write_text("The distance is 2.1.")
    told = CliRunner().invoke(benchmarks, ["page", str(docs / "results")]).stderr
    assert told.splitlines()[0] == "docs/x.md:1: '2.0' is not in the sentence 'The distance'"
    assert "no claim covers '2.1'" in told
