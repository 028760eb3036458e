"""A small result for tests."""

from steergan.results import Result
from steergan.tables import Table, mean, median_and_quartiles


def a_result(name: str = "a-result", **changes: object) -> Result:
    """A small one, with changes to it."""
    table = Table(
        caption="Distances.",
        columns=["setting", "distance", "ratio", "images"],
        rows=[["CNN", mean([1.0, 2.0, 3.0]), None, 1200], ["C4", mean([0.5]), median_and_quartiles([1.0, 2.0]), 7]],
    )
    about: dict[str, object] = {
        "id": name,
        "title": f"Title of {name}",
        "claim": "Somebody said so.",
        "command": "steergan study mine.toml",
        "date": "2021-05-03",
        "hardware": [{"processor": "a small one", "versions": {"torch": "2.6"}}],
        "protocol": {"seeds": [0, 1, 2], "extractor": "inception", "classifier_sha256": None},
        "tables": [table],
        "verdict": "It holds.",
    }
    return Result.model_validate(about | changes)
