"""What `benchmark.step` found, for people and programs."""

from typing import Any

from steergan.benchmark.convolutions import kernels_at_hand
from steergan.benchmark.operators import operator_table
from steergan.benchmark.report import Report
from steergan.benchmark.rivals import ABOUT, CHANNELS, DENSE, OWN, PLAIN, STOCK
from steergan.benchmark.step import MOST_CONSTRUCTION, MOST_MEMORY, PROCESS_ROUNDS, PROFILED, USUAL, StepBenchmark
from steergan.benchmark.training import STEP
from steergan.tables import Interval, Table, median_and_quartiles, shown
from steergan.timing import counted


def tables(found: StepBenchmark) -> list[Table]:
    """Times and ratios, for people."""
    made = []
    about = {**ABOUT, USUAL: "stock escnn in the loop of torch's tutorials, which walks over the average's parameters"}
    lines = "".join(f"\n- {name}: {what}" for name, what in about.items())
    targets = {(t.name, t.rival): f"at most {t.most:.2f}" for t in found.targets()}
    if STEP in found.parts:
        rows: list[list[Any]] = []
        for name, seconds in found.parts[STEP].items():
            wanted = [f"{who}: {targets[who, name]}" for who in (OWN, DENSE) if (who, name) in targets]
            ratios = [
                None if who == name or who not in found.parts[STEP] else found.ratio(STEP, who, name)
                for who in (OWN, DENSE)
            ]
            sizes = found.parameters[STOCK if name == USUAL else name]
            rows.append([name, *sizes, median_and_quartiles(seconds), *ratios, ", ".join(wanted) or None])
        made.append(
            Table(
                caption="Seconds per generator step, and the recipe's pair's time as a multiple of each rival's in "
                "the same round: median (quartiles) over the rounds.\n" + lines,
                columns=["pair", "parameters G", "parameters D", "seconds", "steergan / it", "dense / it", "wanted"],
                rows=rows,
            )
        )
    parts = [part for part in found.parts if part != STEP]
    if parts:
        names = list(dict.fromkeys(name for part in parts for name in found.parts[part]))
        made.append(
            Table(
                caption="Milliseconds of one update of each player, of a batch of samples with frozen filters, and of "
                "a checkpoint: median (quartiles) over the rounds.",
                columns=["pair", *parts],
                rows=[[name, *(milliseconds(found.parts[part].get(name)) for part in parts)] for name in names],
            )
        )
    if found.processes:
        made.append(
            Table(
                caption="In fresh processes: seconds to build both networks, and megabytes by which the process grew "
                f"at most until two steps were done; median (quartiles). Wanted: construction in at most "
                f"{MOST_CONSTRUCTION:g} s, and at most {MOST_MEMORY:g} times the memory of as many channels.",
                columns=["pair", "construction", "peak memory", "steergan / it", "dense / it"],
                rows=[
                    [
                        name,
                        median_and_quartiles([process.construction for process in processes]),
                        median_and_quartiles([process.peak_memory / 1e6 for process in processes]),
                        *(
                            None if who == name or who not in found.processes else found.memory_ratio(who, name)
                            for who in (OWN, DENSE)
                        ),
                    ]
                    for name, processes in found.processes.items()
                ],
            )
        )
    if found.operators:
        made.append(operator_table(found.operators, [name for name in PROFILED if name in found.operators]))
    return made


def milliseconds(seconds: list[float] | None) -> Interval | None:
    """Median between the quartiles, if there are any."""
    return None if seconds is None else median_and_quartiles([1000 * value for value in seconds])


def verdict(found: StepBenchmark) -> str:
    """Whether the targets are met, in plain sentences."""
    sentences = []
    if STEP in found.parts:
        for target in found.targets():
            measured = found.ratio(STEP, target.name, target.rival)
            outcome = met(measured.centre <= target.most)
            sentences.append(
                f"{target.name} takes {shown(measured)} times the step of {target.rival}: the target of "
                f"{target.most:.2f} is {outcome}."
            )
        if USUAL in found.parts[STEP]:
            sentences.append(f"Against stock escnn in the usual loop: {shown(found.ratio(STEP, OWN, USUAL))}.")
        if {PLAIN, STOCK} <= found.parts[STEP].keys():
            without = shown(found.ratio(STEP, PLAIN, STOCK))
            sentences.append(f"Stock escnn has no spectral norm; without one, ours takes {without} times as long.")
        elif STOCK in found.parts[STEP]:
            sentences.append(f"Against stock escnn: {shown(found.ratio(STEP, OWN, STOCK))}.")
    if found.processes:
        seconds = median_and_quartiles([process.construction for process in found.processes[OWN]])
        outcome = met(seconds.centre <= MOST_CONSTRUCTION)
        sentences.append(
            f"Both networks are built in {shown(seconds)} s: the target of {MOST_CONSTRUCTION:g} s is {outcome}."
        )
        for name in (OWN, DENSE) if CHANNELS in found.processes else ():
            if name not in found.processes:
                continue
            memory = found.memory_ratio(name, CHANNELS)
            sentences.append(
                f"{name} takes {memory:.2f} times the memory of {CHANNELS}: the target of {MOST_MEMORY:g} is "
                f"{met(memory <= MOST_MEMORY)}."
            )
    sentences += [f"Left out: {name}, because {why}." for name, why in found.missing.items()]
    return " ".join(sentences)


def met(kept: bool) -> str:
    """Whether a target was kept, in a word."""
    return "met" if kept else "missed"


def protocol(found: StepBenchmark) -> dict[str, Any]:
    """What the times hold for."""
    recipe = found.recipe
    groups = recipe.discriminator.group
    rounds = [len(seconds) for part in found.parts.values() for seconds in part.values()]
    return {
        "recipe": recipe.name,
        "groups": f"{recipe.generator.group} in G, {groups if isinstance(groups, str) else ', '.join(groups)} in D",
        "widths": f"G {list(recipe.generator.widths)}, D {list(recipe.discriminator.widths)}, of a plain CNN",
        "images": "{} x {} x {}, random".format(*found.image_shape),
        "batch_size": recipe.training.batch_size,
        "updates": f"{recipe.training.discriminator_updates} of D and 1 of G per step, then the average",
        "loss": f"{recipe.loss.name}, R1 weight {recipe.loss.r1_weight:g}",
        "convolutions": f"{recipe.performance.convolution}, kernels: {kernels_at_hand()}",
        "rounds": f"{counted(rounds[0] if rounds else 0)}; at most {PROCESS_ROUNDS} fresh processes",
    }


def report(found: StepBenchmark) -> Report:
    """The times, ready to be told."""
    return Report(
        benchmark="step",
        title=f"A training step against its rivals ({found.recipe.name})",
        claim="Ours: symmetry costs little. A step with dense convolutions takes at most 1.05 times that of a plain "
        "CNN with as many channels, and at most 0.95 times (small networks: 0.4 times) that of the same networks from "
        "stock escnn modules; convolutions in the group's Fourier basis take at most 0.56 (C4) and 0.36 times (D4) as "
        "long as dense ones, and under D4 at most 2.5 times as long as a CNN of as many parameters.",
        protocol=protocol(found),
        tables=tables(found),
        verdict=verdict(found),
        figures={
            "recipe": found.recipe.model_dump(mode="json"),
            "about": ABOUT,
            "parameters": found.parameters,
            "seconds": found.parts,
            "processes": {name: [vars(process) for process in several] for name, several in found.processes.items()},
            "operators": found.operators,
            "targets": [{"what": STEP, **vars(target)} for target in found.targets()],
        },
        surroundings=found.surroundings,
    )
