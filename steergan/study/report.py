"""What a study ends with: tables, JSON, pictures, and a record for the results page."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from steergan.files import AnyPath, write_json, write_whole
from steergan.pictures import save_png
from steergan.results import Result
from steergan.seals import sealed
from steergan.study.effects import effects, sentences, table
from steergan.study.figures import DISTANCES, PAIRED, SHARES, Findings, find
from steergan.study.pictures import curves_figure, precision_recall_figure, samples_page
from steergan.study.plan import Study
from steergan.tables import Cell, Table, comma_separated, listed, markdown, shown

TITLES = {
    "frechet_invariant": "Frechet distance, invariant features",
    "frechet_equivariant": "Frechet distance, features before group pooling",
    "kid": "Kernel distance (KID), invariant features",
}


def report(study: Study, root: AnyPath) -> Findings:
    """Write table.md, table.csv, study.json and pictures below `root`; they say what is finished.

    Raises:
        RunError: nothing is finished, files are damaged, runs were measured differently, or `root` can't be written.
    """
    root = Path(root)
    findings = find(study, root)
    write_whole(root / "table.md", page(findings).encode())
    write_whole(root / "table.csv", comma_separated(wide_table(findings)).encode())
    write_json(root / "study.json", sealed(as_json(findings)))
    if findings.measured:
        save_png(curves_figure(findings), root / "curves.png")
    scatter = precision_recall_figure(findings)
    if scatter is not None:
        save_png(scatter, root / "precision-recall.png")
    samples = samples_page(study, root)
    if samples is not None:
        save_png(samples, root / "samples.png")
    return findings


def page(findings: Findings) -> str:
    """All tables as Markdown, and the protocol that they hold under."""
    title = findings.study.file.title or findings.study.name
    tables = [markdown(table) for table in tables_of(findings)]
    return "\n\n".join([f"# {title}", *tables, "Measured with:", listed(findings.protocol)]) + "\n"


def tables_of(findings: Findings) -> list[Table]:
    """A table for each distance, one of precision and its like, one for the rest, one of what each option changes."""
    start = len(cell_columns(findings))
    tables = [*(distance_table(findings, distance) for distance in DISTANCES), share_table(findings)]
    if "l1" in findings.runs[0].figures:
        tables.insert(0, paired_table(findings))
    tables = [table for table in tables if any(cell is not None for row in table.rows for cell in row[start:])]
    changed = [table(findings.grid)] if findings.measured else []
    return [*tables, other_table(findings), *(found for found in changed if found.rows)]


def cell_columns(findings: Findings) -> list[str]:
    """Headings of what names a row: the axes, and how many runs there are."""
    return [*(axis.name for axis in findings.study.file.axis), "runs"]


def cell_start(findings: Findings, labels: tuple[str, ...]) -> list[Cell]:
    """A cell's labels, and how many of its runs are finished."""
    done, all_runs = len(findings.of_cell(labels)), len(findings.study.of_cell(labels))
    return [*labels, str(done) if done == all_runs else f"{done} of {all_runs}"]


def distance_table(findings: Findings, distance: str) -> Table:
    """One distance of every cell."""
    names = [f"{distance}_{which}" for which in ("start", "min", "mean", "last")]
    names += [f"floor_{distance}", f"{distance}_above"]
    return Table(
        caption=f"{TITLES[distance]}{findings.features}: "
        "before training, least and mean over a run's evaluations, and the last one; "
        "mean ± standard deviation over the runs of a cell. Floor: real training images in the generator's place.",
        columns=[*cell_columns(findings), "start", "least", "mean", "last", "floor", "last above floor"],
        rows=[
            [*cell_start(findings, labels), *(findings.mean(labels, name) for name in names)]
            for labels in findings.study.cells
        ],
    )


def share_table(findings: Findings) -> Table:
    """Precision and recall, density and coverage of every cell, as far as they say anything."""
    dead = findings.dead
    names = [name for share in SHARES if share not in dead for name in (share, f"floor_{share}")]
    names = [name for name in names if any(found.figures[name] is not None for found in findings.runs)]
    return Table(
        caption=f"Precision and recall, density and coverage{findings.features}, at the end: mean ± standard deviation "
        "over the runs of a cell. Floor: real training images in the generator's place.",
        columns=[*cell_columns(findings), *(name.replace("floor_", "floor ") for name in names)],
        rows=[
            [*cell_start(findings, labels), *(findings.mean(labels, name) for name in names)]
            for labels in findings.study.cells
        ],
    )


def paired_table(findings: Findings) -> Table:
    """What every cell's translations are beside what they should be, as they lie and turned."""
    names = [name for name in PAIRED if any(found.figures.get(name) is not None for found in findings.runs)]
    return Table(
        caption="Held-out translations beside what they should be, at the end: L1 in levels of 255, PSNR in decibels, "
        "SSIM; the same of turned pairs, each under one of the other elements of D4; KID of turned ones; and the error "
        "of equivariance, ||f(g x) - g f(x)|| / ||f(x)||. Mean ± standard deviation over the runs of a cell.",
        columns=[*cell_columns(findings), *(name.replace("_", " ") for name in names)],
        rows=[
            [*cell_start(findings, labels), *(findings.mean(labels, name) for name in names)]
            for labels in findings.study.cells
        ],
    )


def other_table(findings: Findings) -> Table:
    """Label agreement, sizes and speed of every cell."""
    rows: list[list[Cell]] = []
    for labels in findings.study.cells:
        sizes = [findings.mean(labels, f"{network}_parameters") for network in ("generator", "discriminator")]
        rows.append(
            [
                *cell_start(findings, labels),
                findings.mean(labels, "label_agreement"),
                findings.mean(labels, "label_agreement_real"),
                *(None if size is None else int(size.mean) for size in sizes),
                findings.mean(labels, "seconds_per_step"),
                findings.mean(labels, "seconds"),
            ]
        )
    return Table(
        caption="Label agreement at the end, beside the same classifier's on held-out real images; parameters; "
        "median seconds per generator step, and times the steps; mean ± standard deviation over the runs of a cell.",
        columns=[
            *cell_columns(findings),
            "agreement",
            "real images",
            "parameters G",
            "parameters D",
            "s per step",
            "s",
        ],
        rows=rows,
    )


def wide_table(findings: Findings) -> Table:
    """Every figure of every cell, for the CSV."""
    names = list(findings.runs[0].figures)
    return Table(
        caption="",
        columns=[*cell_columns(findings), *names],
        rows=[
            [*cell_start(findings, labels), *(findings.mean(labels, name) for name in names)]
            for labels in findings.study.cells
        ],
    )


def as_json(findings: Findings) -> dict[str, Any]:
    """Every figure with the runs' own values, the curves, the protocol, the hardware."""
    study = findings.study
    cells = []
    for labels in study.cells:
        runs = findings.of_cell(labels)
        means = {name: findings.mean(labels, name) for name in findings.runs[0].figures}
        cells.append(
            {
                "labels": dict(zip((axis.name for axis in study.file.axis), labels, strict=True)),
                "runs": [
                    {"folder": f.run.folder, "seed": f.run.seed, **f.figures, "snapshots": f.snapshots} for f in runs
                ],
                "figures": {name: value and asdict(value) for name, value in means.items()},
            }
        )
    return {
        "study": study.file.model_dump(mode="json"),
        "distance": findings.distance,
        "protocol": findings.protocol,
        "hardware": findings.hardware,
        "cells": cells,
        "effects": [asdict(found) for found in effects(findings.grid)] if findings.measured else [],
        "verdict": verdict(findings),
        "tables": [asdict(table) for table in tables_of(findings)],
    }


def verdict(findings: Findings) -> str:
    """What each option changes, in a sentence each; without options, the cell with the lowest mean."""
    if not findings.measured:
        return 'Nothing was measured: evaluation.features = "none".'
    grid = findings.grid
    said = sentences(grid)
    if said:
        return " ".join([*said, *missing(findings)])
    figure = f"{grid.distance}_mean"
    means = {labels: findings.mean(labels, figure) for labels in findings.study.cells}
    known = [(found.mean, labels, found) for labels, found in means.items() if found is not None]
    best = min(known, default=None)
    if best is None:
        return f"No cell has a mean {grid.name}."
    return f"Lowest mean {grid.name}: {shown(best[2])} ({', '.join(best[1]) or 'the recipe'})."


def missing(findings: Findings) -> list[str]:
    """Which runs a study still lacks, in a sentence; none if it is whole."""
    known = {(found.run.labels, found.run.seed) for found in findings.runs}
    lacking = [
        f"{', '.join(run.labels)}, seed {run.seed}"
        for run in findings.study.runs
        if (run.labels, run.seed) not in known
    ]
    return [f"Missing: {'; '.join(lacking)}."] if lacking else []


def result(findings: Findings, name: str, command: str) -> Result:
    """The study as a record for the results page."""
    file = findings.study.file
    sizes = sorted({found.run.recipe.training.steps for found in findings.runs})
    return Result(
        id=name,
        title=file.title or file.name,
        claim=" ".join(file.claim.split()) or "None: a measurement.",
        command=command,
        date=date.today().isoformat(),
        hardware=findings.hardware,
        protocol={
            "seeds": list(file.seeds),
            "generator_steps": sizes,
            "batch_size": sorted({found.run.recipe.training.batch_size for found in findings.runs}),
            **findings.protocol,
        },
        tables=tables_of(findings),
        verdict=verdict(findings),
        note=" ".join(file.note.split()),
    )
