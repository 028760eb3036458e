"""How stable trained discriminators of several groups are under small deformations, over seeds."""

from collections.abc import Sequence
from pathlib import Path

from steergan.benchmark.report import Report
from steergan.comparisons import compare, conclusion, corrected
from steergan.errors import RunError
from steergan.progress import Progress, unheard
from steergan.run import Deformed, measure_deformations, same_protocol
from steergan.tables import Cell, Mean, Table, mean

REFERENCE = "trivial"
"""What the others are compared with."""
JUDGED = "features"
"""The block whose relative stability is tested."""

Cells = dict[str, dict[int, Deformed]]
"""Runs by the discriminator's group, and by seed."""


def measure(folders: Sequence[Path], *, device: str = "cpu", progress: Progress = unheard) -> Cells:
    """Measure finished runs; nothing is trained.

    Args:
        folders: of runs of one recipe under several groups, with one or more seeds.
        device: where it is computed.
        progress: hears of runs.

    Raises:
        RunError: two runs of one group and seed, or runs on other images.
    """
    cells: Cells = {}
    for done, folder in enumerate(folders):
        found = measure_deformations(folder, device=device)
        seeds, seed = cells.setdefault(found.group, {}), found.run.recipe.training.seed
        if seed in seeds:
            raise RunError(
                f"{folder} and {seeds[seed].run.folder.path} both have the group {found.group} and seed {seed}; "
                "name one recipe's runs, each group and seed once"
            )
        seeds[seed] = found
        progress(done + 1, len(folders))
    same_protocol([found for seeds in cells.values() for found in seeds.values()])
    return cells


def report(cells: Cells) -> Report:
    """The table, and what follows from it."""
    some = [found for seeds in cells.values() for found in seeds.values()]
    longest = max((found.blocks for found in some), key=len)

    def table(what: str, figure: str) -> Table:
        rows: list[list[Cell]] = [
            [block.block, *(over_seeds(seeds, block.block, figure) for seeds in cells.values())] for block in longest
        ]
        caption = f"{what} of each block of the discriminator: mean and standard deviation over seeds."
        return Table(caption=caption, columns=["block", *cells], rows=rows)

    last = some[0].run.about.machines[-1]
    return Report(
        benchmark="deformations",
        title=f"Relative stability toward small deformations: {some[0].run.recipe.data.name}",
        claim="Petrini et al. 2021: networks that generalise well answer smooth deformations less than noise of the "
        "same norm, R < 1, and the less the deeper the layer.",
        protocol={
            "runs": sorted(found.run.folder.path.name for found in some),
            "seeds": sorted({seed for seeds in cells.values() for seed in seeds}),
            **some[0].protocol,
        },
        tables=[
            table("R", "relative"),
            table("D, the response to deformations,", "deformation"),
            table("G, the response to noise,", "noise"),
        ],
        verdict=verdict(cells),
        figures={
            "deformations": {
                group: {str(seed): found.row() for seed, found in seeds.items()} for group, seeds in cells.items()
            }
        },
        surroundings={"hardware": last.hardware, "versions": last.versions},
    )


def over_seeds(seeds: dict[int, Deformed], block: str, figure: str = "relative") -> Mean | None:
    """R of a block, or its `deformation` or `noise` alone."""
    values = [getattr(one, figure) for found in seeds.values() for one in found.blocks if one.block == block]
    return mean(values) if values else None


def verdict(cells: Cells) -> str:
    """Whether a group buys stability outside of it, in sentences."""
    means = {group: over_seeds(seeds, JUDGED) for group, seeds in cells.items()}
    said = ", ".join(f"{found.mean:.3g} ({group})" for group, found in means.items() if found is not None)
    pairs = {group: judged_pairs(cells, group) for group in cells if group != REFERENCE}
    compared = {group: compare(found, "ratio") for group, found in pairs.items() if found}
    words = [
        f"{group} against the plain network: {conclusion(one)}"
        for group, one in zip(compared, corrected(list(compared.values())), strict=True)
    ]
    return f"R of the {JUDGED} is {said}" + "".join(f"; {word}" for word in words) + "."


def judged_pairs(cells: Cells, group: str) -> dict[int, list[tuple[float, float]]]:
    """R of the features of a group and of the reference, for each seed that both have."""

    def judged(found: Deformed) -> float:
        return next(block.relative for block in found.blocks if block.block == JUDGED)

    reference, seeds = cells.get(REFERENCE, {}), cells[group]
    return {seed: [(judged(seeds[seed]), judged(reference[seed]))] for seed in sorted(reference.keys() & seeds.keys())}
