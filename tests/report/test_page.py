"""The page of a run: by its structure, and in a browser where there is one."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from steergan.errors import RunError
from steergan.report import Page, Wish, report_page, write_report
from tests.notes import Notes

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
VOID = {"meta", "link", "img", "input", "br", "hr"}


class Outline(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_page_is_whole_and_needs_nothing_else(page: Page) -> None:
    outline = Outline(page.html)
    assert outline.faults == []
    assert outline.open == []
    assert page.problems == ()
    assert len(page.html.encode()) < 2_000_000
    addresses = [a[key] for _, a in outline.tags for key in ("src", "href", "xlink:href") if a.get(key)]
    assert all(str(address).startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"@import|url\((?!#)", page.html)
    policy = next(a["content"] for a in outline.of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'; img-src data:;")


def test_ids_are_unique_and_links_and_labels_lead_to_them(page: Page) -> None:
    outline = Outline(page.html)
    ids = [a["id"] for _, a in outline.tags if "id" in a]
    assert len(set(ids)) == len(ids)
    assert {str(a["href"])[1:] for a in outline.of("a")} <= set(ids)
    assert {a["for"] for a in outline.of("label")} == {a["id"] for a in outline.of("input")} != set()


def test_everything_can_be_read_aloud_and_reached_by_keys(page: Page) -> None:
    outline = Outline(page.html)
    assert all(len(str(a.get("alt"))) > 5 for a in outline.of("img"))
    assert all(a.get("role") == "img" and a.get("aria-label") for a in outline.of("svg"))
    assert all(
        a.get("tabindex") == "0" and a.get("aria-label") for a in outline.of("div") if a.get("class") == "scroll"
    )
    assert {a["data-act"] for a in outline.of("button")} == {"turn", "flip", "reset"}
    assert outline.of("html")[0]["lang"] == "en"


def test_sections_say_what_a_reader_asks(page: Page, tiny_run: Path) -> None:
    for words in (
        "real against real",
        "steergan train ",
        "steergan report TINY --symmetry",
        "torch",
        "seed 7",
        "Protocol",
    ):
        assert words.replace("TINY", str(tiny_run)) in page.html
    headings = re.findall("<h2>(.*?)</h2>", page.html)
    assert headings == [
        "Samples", "Training", "Figures", "Curves", "Paths",
        "Nearest neighbours", "Certificate", "Recipe", "Data", "Machine",
    ]  # fmt: skip
    assert page.html.count('class="badge proved"') >= 4  # the headline, both certificates, three turns


def test_what_is_broken_is_red_and_turned_pictures_are_then_no_outputs(
    tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from steergan.report import page as made
    from steergan.verification.records import Record, broken

    right = made.certificates_of
    fault = Record(1, "lift", broken("windows that lie symmetrically were wanted", "at <size> 7"))
    monkeypatch.setattr(made, "certificates_of", lambda run: [one.with_records(fault) for one in right(run)])
    text = report_page(tiny_run, Wish(neighbours=False)).html
    assert '<tr class="broken">' in text
    assert "at &lt;size&gt; 7" in text
    assert "this is the generator's output" not in text.replace("&#39;", "'")


def test_steerable_latents_have_a_slider_of_angles(steerable: Path) -> None:
    assert 'id="angle"' in report_page(steerable, Wish(neighbours=False)).html


def test_symmetry_of_the_images_is_tested_when_asked_for_and_shown_ever_after(tiny_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    asked = report_page(run, Wish(neighbours=False, symmetry=True))
    assert asked.problems == ()
    for page in (asked, report_page(run, Wish(neighbours=False))):
        assert "recommended group" in page.html
        assert "Corrected p-values" in page.html
        assert Outline(page.html).faults == []


def test_a_run_without_weights_shows_what_there_is(tiny_run: Path, tmp_path: Path) -> None:
    for name in ("resolved.toml", "run.json", "fakes-init.png"):
        shutil.copy(tiny_run / name, tmp_path)
    page = report_page(tmp_path)
    assert Outline(page.html).faults == []
    assert "nothing to draw from yet; the first evaluation after a step keeps a snapshot" in page.html
    assert "before training" in page.html
    assert "Nothing was measured yet" in page.html
    assert not page.damaged


def test_an_unfinished_run_is_drawn_from_its_snapshot(tiny_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    (run / "generator.safetensors").unlink()
    text = report_page(run, Wish(neighbours=False)).html
    assert "unfinished: networks of step" in text


def test_damaged_parts_are_named_and_the_others_are_there(tiny_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    (run / "generator.safetensors").write_bytes(b"\0" * 100)
    (run / "reals.png").write_bytes(b"no picture")
    page = report_page(run)
    assert len(page.problems) == 2
    assert page.damaged
    assert "generator.safetensors" in page.problems[0]
    assert "reals.png: cannot be read" in page.problems[1]
    assert all("\n" not in problem for problem in page.problems)
    assert "Label agreement" in page.html


def test_names_of_classes_and_runs_are_no_markup(tiny_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "<b>"
    shutil.copytree(tiny_run, run)
    about = run / "run.json"
    from steergan.run.about import read_about

    said = read_about(about)
    names = ("<script>alert(1)</script>", 'a"onload="x')
    about.write_bytes(said.model_copy(update={"data": said.data.model_copy(update={"class_names": names})}).as_json)
    outline = Outline(report_page(run, Wish(neighbours=False)).html)
    assert len(outline.of("script")) == 1
    assert not any("onload" in attributes for _, attributes in outline.tags)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        report_page(tmp_path)


def test_the_page_is_written_whole_or_not_at_all(
    tiny_run: Path, tmp_path: Path, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steergan.report.page.report_page", lambda *_: page)
    target, _ = write_report(tiny_run, tmp_path / "new" / "page.html", report=Notes())
    assert target.read_text() == page.html
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_report(tiny_run, tmp_path / "file" / "page.html")


# --- in a browser

MEASURE = """<script>
const whole = document.documentElement;
const words = [`scripted=${whole.className}`, `width=${whole.scrollWidth}/${innerWidth}`];
document.querySelector('[data-act=turn]').click();
words.push(`said=${document.querySelector('[data-view]:not([hidden])').textContent.slice(0, 40)}`);
const range = document.querySelector('#step'); range.value = 0; range.dispatchEvent(new Event('input'));
const frames = [...document.querySelectorAll('#training [data-frame]')];
words.push(`frames=${frames.map(one => Number(one.hidden)).join('')}`);
document.title = words.join(' | ');
</script>"""


def browse(file: Path, width: int, profile: Path) -> tuple[str, str]:
    """The title that the page has in the end, and what the browser's console said."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("no Chromium is installed")
    quiet = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-extensions",
        "--disable-background-networking",
    ]
    quiet += ["--disable-background-networking"]
    asked = ["--enable-logging=stderr", f"--window-size={width},900", f"--user-data-dir={profile}", "--dump-dom"]
    done = subprocess.run([browser, *quiet, *asked, file.as_uri()], capture_output=True, text=True, timeout=300)
    title = re.search("<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title is not None, done.stderr
    return title[1], "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_runs_the_page_without_a_word(page: Page, tmp_path: Path, width: int) -> None:
    (tmp_path / "page.html").write_text(page.html.replace("</body>", f"{MEASURE}</body>"))
    title, said = browse(tmp_path / "page.html", width, tmp_path / "profile")
    assert said == ""
    found = dict(part.partition("=")[::2] for part in title.split(" | "))
    wide, inner = map(int, found["width"].split("/"))
    assert wide <= inner
    assert found["scripted"] == "js"
    assert found["said"].startswith("proved Proved: this is the generator")
    assert found["frames"] == "011"


def test_a_browser_would_tell_of_what_is_fetched(page: Page, tmp_path: Path) -> None:
    asking = page.html.replace("</body>", '<img alt="" src="http://127.0.0.1:9/x.png"></body>')
    (tmp_path / "page.html").write_text(asking)
    _, said = browse(tmp_path / "page.html", 400, tmp_path / "profile")
    assert "127.0.0.1:9" in said
    assert "Content Security Policy" in said
