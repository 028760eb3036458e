"""What a page shows as code."""

import re
import shlex
from typing import NamedTuple

FENCE = re.compile(r"^( *)(`{3,})(\w*)\s*$")
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
COMMAND = re.compile(r"^(?:\$ )?((?:steergan|python -m benchmarks|torchrun .* -m steergan_cli)\s.*)$")


class Block(NamedTuple):
    """A block of code, fenced or indented."""

    language: str
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def blocks(page: str) -> list[Block]:
    """The blocks of code of a page, in order; indented ones have no language."""
    found: list[Block] = []
    fence, before = "", ""
    for line in page.splitlines():
        match = FENCE.match(line)
        if fence:
            if match and match[2] == fence:
                fence = ""
            else:
                found[-1].lines.append(line)
        elif match:
            fence = match[2]
            found.append(Block(match[3], []))
        elif line.startswith("    ") and (before == "" or before.startswith("    ")):
            if before == "" and not (found and found[-1].language == "" and found[-1].lines[-1:] == [""]):
                found.append(Block("", []))
            found[-1].lines.append(line[4:])
        elif line == "" and before.startswith("    ") and found:
            found[-1].lines.append("")
        before = line
    return found


def inline(page: str) -> list[str]:
    """Code within sentences."""
    outside, fence = [], ""
    for line in page.splitlines():
        match = FENCE.match(line)
        if match and (not fence or match[2] == fence):
            fence = "" if fence else match[2]
        elif not fence and not line.startswith("    "):
            outside.append(line)
    return INLINE.findall("\n".join(outside))


def commands(page: str) -> list[list[str]]:
    """The words of every `steergan` and `python -m benchmarks` command, in blocks and in sentences."""
    joined = [line for block in blocks(page) for line in re.sub(r"\\\n\s*", "", block.text).splitlines()]
    lines = [match[1] for line in [*joined, *inline(page)] if (match := COMMAND.match(line.strip()))]
    words = [shlex.split(line, comments=True) for line in lines]
    return [["steergan", *line[line.index("steergan_cli") + 1 :]] if line[0] == "torchrun" else line for line in words]
