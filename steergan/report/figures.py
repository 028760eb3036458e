"""What was measured in a run, as tables and curves."""

from collections.abc import Mapping, Sequence
from typing import Any

from steergan.metrics import words_for
from steergan.metrics.meaning import in_words
from steergan.report.curves import Chart, svg_of
from steergan.run.figures_in_words import described, paired_words
from steergan.run.folder import RunFolder
from steergan.study.figures import evaluation_rows
from steergan.tables import fact
from steergan.training import JsonLines, figure_in

LOWER = {
    "l1": "L1, of 255",
    "turned_l1": "L1, of 255, turned pairs",
    "equivariance_error": "Error of equivariance",
    "frechet_invariant": "Frechet distance, invariant features",
    "frechet_equivariant": "Frechet distance, before group pooling",
    "kid": "Kernel distance (KID)",
    "turned_kid": "Kernel distance (KID), turned pairs",
    "kid_blocks": "Kernel distance (KID), in blocks",
}
HIGHER = {
    "psnr": "PSNR, dB",
    "turned_psnr": "PSNR, dB, turned pairs",
    "ssim": "SSIM",
    "turned_ssim": "SSIM, turned pairs",
    "precision": "Precision",
    "recall": "Recall",
    "density": "Density",
    "coverage": "Coverage",
    "label_agreement": "Label agreement",
}
"""Figures of which higher ones are better."""
PAIRED = ("l1", "turned_l1", "psnr", "turned_psnr", "ssim", "turned_ssim", "equivariance_error")
"""Figures of pairs, which come first."""
NAMES = {name: (LOWER | HIGHER)[name] for name in (*PAIRED, *LOWER, *HIGHER)}
SIDES = ("floor_", "scrambled_")
NOT_PROTOCOL = {"step", "label_agreement_real", "left_out", "features", *NAMES}

Rows = Sequence[Mapping[str, Any]]


def metrics(folder: RunFolder) -> dict[str, Any]:
    """The figures of a run beside their floors, what is left out and why, the protocol, and every evaluation."""
    rows = [row for row in evaluation_rows(folder) if any(name in row for name in NAMES)]
    if not rows:
        return {"rows": [], "sentence": ""}
    last = rows[-1]
    words = [paired_words(last)] if "l1" in last else []
    words += [described(last)] if {"extractor", "rank_deficient", "frechet_invariant", "kid"} <= last.keys() else []
    of_players = {key for row in JsonLines(folder.metric("players")).rows() for key in row}
    known = [name for name in NAMES if any(figure_in(row, name) is not None for row in rows)]
    return {
        "sentence": "; ".join(words),
        "features": words_for(str(last.get("extractor", ""))),
        "step": last["step"],
        "rows": [figure_row(name, rows) for name in known],
        "scrambled": any(f"scrambled_{name}" in last for name in known),
        "left_out": in_words(left_out) if isinstance(left_out := last.get("left_out"), dict) else [],
        "protocol": protocol({key: value for key, value in last.items() if key not in of_players}),
        "names": [NAMES[name] for name in known],
        "evaluations": [[f"{row['step']:,}", *(shown(figure_in(row, name)) for name in known)] for row in rows],
    }


def figure_row(name: str, rows: Rows) -> dict[str, str]:
    """One figure: before training, the best after it began and when, at last, and of real and scrambled images."""
    last = rows[-1]
    known = [(value, row["step"]) for row in rows if row["step"] and (value := figure_in(row, name)) is not None]
    best = (min if name in LOWER else max)(known, default=None, key=lambda pair: pair[0])
    real = "label_agreement_real" if name == "label_agreement" else f"floor_{name}"
    return {
        "name": NAMES[name],
        "start": shown(next((figure_in(row, name) for row in rows if row["step"] == 0), None)),
        "best": shown(None) if best is None else f"{shown(best[0])} (step {best[1]:,})",
        "last": shown(figure_in(last, name)),
        "real": shown(figure_in(last, real)),
        "scrambled": shown(figure_in(last, f"scrambled_{name}")),
    }


def protocol(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Under what the figures hold: all else that the row says."""
    return [
        (key.replace("_", " "), fact(value))
        for key, value in row.items()
        if key not in NOT_PROTOCOL and not key.startswith(SIDES)
    ]


def shown(value: float | None) -> str:
    """Four digits of a figure."""
    return "-" if value is None else f"{value:.4g}"


def charts(folder: RunFolder) -> list[Chart]:
    """Everything that was recorded, against generator steps; those charts that have a line."""
    stats, players = JsonLines(folder.stats).rows(), JsonLines(folder.metric("players")).rows()
    rows = evaluation_rows(folder)
    refused = all(figure_in(row, "frechet_invariant") is None for row in rows)
    key, title = ("kid", "KID") if refused else ("frechet_invariant", "Frechet distance")
    words = words_for(str(rows[-1].get("extractor", ""))) if rows else ""
    agreement = line(rows, "label_agreement")
    drawn = [
        *(
            Chart(title, {"upright": line(rows, key), "turned": line(rows, f"turned_{key}")}, {}, marks=True)
            for title, key in (("L1, of 255", "l1"), ("PSNR, dB", "psnr"), ("SSIM", "ssim"))
        ),
        Chart(
            title + f", {words}" * bool(words),
            {"generated": line(rows, key)},
            level("real against real", rows, f"floor_{key}"),
            factors=True,
            marks=True,
        ),
        Chart(
            "Label agreement", {"generated": agreement}, level("real images", rows, "label_agreement_real"), marks=True
        ),
        Chart(
            "Precision and recall",
            {name: line(rows, name) for name in ("precision", "recall")},
            {},
            marks=True,
        ),
        Chart(
            "Loss",
            {"discriminator": line(stats, "discriminator_loss"), "generator": line(stats, "generator_loss")},
            {},
        ),
        Chart(
            "Discriminator's score, batch mean",
            {"real images": line(stats, "real_score"), "generated images": line(stats, "fake_score")},
            {},
        ),
        Chart("Probability of augmentation", {"probability": line(stats, "augmentation_probability")}, {}),
        Chart(
            "Norm of the discriminator's gradient",
            {"at training images": line(players, "gradient_norm")},
            {},
            factors=True,
            marks=True,
        ),
        Chart(
            "Probability that real scores above generated",
            {"training images": line(players, "auc_train"), "held-out images": line(players, "auc_held_out")},
            {},
            marks=True,
        ),
    ]
    return [chart for chart in drawn if chart.drawn]


def curves(folder: RunFolder) -> list[str]:
    """The charts of a run as SVG."""
    return [svg_of(chart, f"chart{number}") for number, chart in enumerate(charts(folder))]


def line(rows: Rows, key: str) -> list[tuple[float, float]]:
    """(step, value) of the rows that have the figure."""
    return [(row["step"], value) for row in rows if (value := figure_in(row, key)) is not None]


def level(name: str, rows: Rows, key: str) -> dict[str, float]:
    """The last row's value to compare with; nothing where it has none."""
    value = figure_in(rows[-1], key) if rows else None
    return {} if value is None else {name: value}
