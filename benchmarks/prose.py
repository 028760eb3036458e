"""Pages of documentation as sentences, and the figures in them that look like measurements."""

import re
from collections.abc import Iterator
from typing import NamedTuple

FENCE = re.compile(r"^ *(`{3,})")
NOT_PROSE = re.compile(r"<!--.*?-->|--8<--.*|</?[a-zA-Z][^<>\n]*>|!\[[^\]]*\]\([^)]*\)")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
CODE = re.compile(r"`[^`]*`")
BULLET = re.compile(r"^ *(?:[*-] |\d+\. |>|#+ ) *")
ROW = re.compile(r"^ *\|[ :-]")
RULE = re.compile(r"^[|:\s-]+$")
END = re.compile(r"(?<=[.!?])[)\"]?\s+(?=[A-Z(\"`*\[_0-9])")

COUNT = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|sixty|half an?)"
PLAIN = r"\d(?:[\d,]*\d)?(?:\.\d+)?(?:e[+-]?\d+)?"
NUMBER = rf"(?:{PLAIN}|{COUNT})"
AND = rf"(?:,? (?:to|or|and) {NUMBER})?"
ALONE = r"(?<![\w.^-])"
TIME = r"s|ms|us|(?:micro|milli)?seconds?|minutes?|hours?"
UNIT = rf"(?:{TIME}|[MGk]B|(?:mega|giga)bytes?|dB|decibels?|[MG]B/s|GFLOP/s)\b(?!-)"
MORE = r"(?:as|the|faster|slower|more|fewer|less|that|its|their|larger|smaller|longer)\b"
MEASURES = (
    r"\b(?:distances?|KID|FID|floors?|recall|precision|agreement|accuracy|errors?|p =|p-values?|speed-up)(?![\w(-])"
)
COUNTED = r"(?!\^| (?:to \d+ )?(?:of|degrees|pixels|samples|images|steps|by|x|angles|inputs|bits))"
"""What follows a whole number that counts something, or is a size."""
SHARE = (
    r"(?:half|a third|two thirds|a quarter|three quarters|a fifth|an? sixth|an? eighth|a tenth|"
    r"(?:two|three|four) fifths)"
)
COSTS = r"(?:time|times|memory|products|speed|seconds|step)\b"
PLACE = re.compile(
    r"\b(?:Python|torch|escnn|numpy|SciPy|clean-fid|arXiv|version|[Ss]ections?|Fig\.|Figures?|Tables?|[Ss]teps?) "
    r"\d[\d.]*(?:(?:,| to| and| or) \d[\d.]*)*"
)
"""Versions, places in texts and in trainings."""

PATTERNS = [
    re.compile(pattern)
    for pattern in (
        ALONE + r"(\d+\.\d+(?:e[+-]?\d+)?)(?!\w|\.\d)",
        ALONE + r"(\d+(?:\.\d+)?e-?\d+)\b",
        rf"(?<![\w.])({PLAIN})\s?%",
        rf"{ALONE}({PLAIN}) times\b",
        rf"{ALONE}({NUMBER}){AND} times {MORE}",
        rf"\btimes ({PLAIN})\b",
        rf"{ALONE}({NUMBER}){AND} {UNIT}",
        rf"{ALONE}{NUMBER} (?:to|or|and) ({NUMBER}) (?:{UNIT}|times as\b)",
        rf"{MEASURES}[^.\d|]{{0,24}}?(?<![\w.-])({PLAIN})\b{COUNTED}",
        r"\b(twice|thrice) (?:as|the)\b",
        rf"\b({SHARE}) (?:of |as )?(?:\S+ ){{0,5}}?{COSTS}",
        rf"\b(?:by|on average) ({SHARE})\b",
        rf"{ALONE}({NUMBER}) (?:out )?of (?:the )?{NUMBER} (?:pairs|seeds|runs|rows|mutants|checkpoints)\b",
        r"\b(halves|halved|doubles|doubled) (?:the|it|its|their)\b",
    )
]


class Sentence(NamedTuple):
    """A sentence, or a row of a table, as it is written, lines joined."""

    line: int
    """On which it, or its paragraph, begins."""
    text: str


def sentences(page: str) -> Iterator[Sentence]:
    """The sentences of a page of Markdown, without blocks of code, comments and HTML."""
    for line, block in blocks(page):
        if block.startswith("| "):
            yield Sentence(line, block)
            continue
        yield from (Sentence(line, part.strip()) for part in END.split(block) if part.strip())


def blocks(page: str) -> Iterator[tuple[int, str]]:
    """Paragraphs, points, headings and rows of tables, each as one line with the number of its first."""
    begun, gathered, fence = 0, "", ""
    for number, line in enumerate(NOT_PROSE.sub(lambda m: "\n" * m[0].count("\n"), page).splitlines(), 1):
        match, code = FENCE.match(line), line.startswith("    ") and not gathered
        row, alone = ROW.match(line), not line.strip("> ")
        if gathered and (alone or match or row or BULLET.match(line)):
            yield begun, gathered
            gathered = ""
        if fence:
            fence = "" if match and match[1] == fence else fence
        elif match:
            fence = match[1]
        elif row:
            if not RULE.match(line):
                yield number, " ".join(line.split())
        elif not alone and not code:
            begun = begun if gathered else number
            gathered = " ".join([gathered, *BULLET.sub("", line).split()]).strip()
    if gathered:
        yield begun, gathered


def figures(sentence: str) -> list[str]:
    """What looks like a measured figure in a sentence, as it is written.

    Decimals, shares, ratios, times, amounts of memory, distances and their like; numbers as words where a unit follows.
    Code, addresses of links, versions, sections, sizes such as 28 x 28 and other whole numbers are none.
    """
    text = PLACE.sub("", CODE.sub("", LINK.sub(r"\1", sentence)))
    found: dict[tuple[int, int], str] = {}
    for pattern in PATTERNS:
        for match in pattern.finditer(text):
            found[match.span(1)] = match[1]
    whole = [span for span in found if not any(o != span and o[0] <= span[0] and span[1] <= o[1] for o in found)]
    return [found[span] for span in sorted(whole)]
