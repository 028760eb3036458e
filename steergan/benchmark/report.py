"""What a benchmark found, in one shape: printed for people, written as JSON, kept as a result for docs/results.md."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from steergan.results import Result
from steergan.tables import Table, markdown


@dataclass(frozen=True)
class Report:
    """One measurement, ready to be told.

    Attributes:
        benchmark: the command's name.
        title: of the result.
        claim: what is claimed, and by whom.
        protocol: what the figures hold for.
        tables: figures for people.
        verdict: what came out, in plain sentences.
        figures: all that was measured, for programs.
        surroundings: versions and hardware, from `run.surroundings`.
    """

    benchmark: str
    title: str
    claim: str
    protocol: dict[str, Any]
    tables: list[Table]
    verdict: str
    figures: dict[str, Any]
    surroundings: dict[str, Any]

    def text(self) -> str:
        """The tables as Markdown, and the verdict."""
        return "\n\n".join([*map(markdown, self.tables), self.verdict])

    def as_json(self) -> dict[str, Any]:
        """Every figure with its protocol and the machine, for programs."""
        return {"benchmark": self.benchmark, "protocol": self.protocol, **self.figures, **self.surroundings}

    def result(self, name: str, command: str) -> Result:
        """A record for docs/results.md.

        Args:
            name: its id, which is also the name of its file.
            command: how to measure it again.
        """
        return Result(
            id=name,
            title=self.title,
            claim=self.claim,
            command=command,
            date=date.today().isoformat(),
            hardware=[{**self.surroundings["hardware"], "versions": self.surroundings["versions"]}],
            protocol=self.protocol,
            tables=self.tables,
            verdict=self.verdict,
        )
