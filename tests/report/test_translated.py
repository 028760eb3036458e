"""The page of a run that translates images."""

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from steergan.errors import RunError
from steergan.report import Wish, report_page
from steergan.report import translated as module
from steergan.report.translated import translations, turned_difference
from steergan.run.load import load_translation
from steergan.run.reporting import Silence
from steergan.run.tasks import data_of
from tests.report.test_page import Outline


def test_a_page_shows_inputs_outputs_and_truth_and_the_figures_of_pairs(pair_run: Path) -> None:
    page = report_page(pair_run)
    outline = Outline(page.html)
    assert outline.faults == outline.open == []
    assert page.problems == ()
    headings = re.findall("<h2>(.*?)</h2>", page.html)
    assert headings == ["Translations", "Training", "Figures", "Curves", "Certificate", "Recipe", "Data", "Machine"]
    ids = {a["id"] for _, a in outline.tags if "id" in a}
    assert {str(a["href"])[1:] for a in outline.of("a")} <= ids
    seen = [str(a.get("alt")) for a in outline.of("img")]
    for name in ("input", "output", "truth"):
        assert [alt for alt in seen if alt.startswith(f"{name} of held-out pair")]
    assert all(len(alt) > 5 for alt in seen)
    for words in ("L1, of 255, turned pairs", "differ by at most 0 of 255", "steergan translate ", "held-out pairs"):
        assert words in page.html
    assert page.html.count("the network makes these very outputs") == 7  # every element of D4 but the identity
    assert "steergan sample" not in page.html


def test_an_output_that_does_not_turn_with_its_input_is_measured(
    pair_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = load_translation(pair_run)
    pairs = data_of(run, None, Silence()).held_out
    assert turned_difference(run, pairs) == 0
    monkeypatch.setattr(module, "to_unit", lambda images: images.float().cumsum(3) / 4096)  # from left to right
    assert (turned_difference(run, pairs) or 0) > 0


def test_pictures_are_the_pairs_own(pair_run: Path) -> None:
    run = load_translation(pair_run)
    pairs = data_of(run, None, Silence()).held_out
    shown = translations(run, pairs)
    assert shown["lossless"]
    assert [name for name, _ in shown["rows"]] == ["input", "output", "truth"]
    assert shown["count"] == len(shown["rows"][0][1]) == min(8, len(pairs))


def test_pairs_that_are_elsewhere_are_a_line_on_the_page(pair_run: Path, tmp_path: Path) -> None:
    page = report_page(pair_run, Wish(data_path=str(tmp_path / "nowhere")))
    assert "<h2>Translations</h2>" in page.html
    assert any("no such file or folder" in problem for problem in page.problems)
    assert not page.damaged
    assert Outline(page.html).faults == []


def test_a_run_without_weights_shows_what_there_is(pair_run: Path, tmp_path: Path) -> None:
    for name in ("resolved.toml", "run.json"):
        shutil.copy(pair_run / name, tmp_path)
    Image.new("L", (40, 20)).save(tmp_path / "fakes-init.png")
    page = report_page(tmp_path)
    assert Outline(page.html).faults == []
    assert not page.damaged


@pytest.mark.parametrize("wish", [Wish(neighbours=True), Wish(symmetry=True)])
def test_what_pairs_do_not_have_is_refused(pair_run: Path, wish: Wish) -> None:
    with pytest.raises(RunError, match=r"^--(neighbours|symmetry): .*pairs|own output"):
        report_page(pair_run, wish)
