"""What a page says of a run beside its figures: recipe, data, speed, machine, and the commands that make it again."""

import json
import shlex
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steergan.invariance.verdict import short
from steergan.recipe import Recipe, TranslationRecipe, described_keys, flat, write_recipe
from steergan.run.about import About, SourceAbout
from steergan.run.data_symmetry import KeptSymmetry, Law
from steergan.run.folder import RunFolder
from steergan.run.load import kind_of
from steergan.study.figures import parameters
from steergan.training import JsonLines, figure_in

MOST_LEFT_OUT = 20
"""Files that are named."""
MOST_SET = 5
"""Keys that are named, of those set on the command line or by a study."""
Facts = list[tuple[str, str]]
DRAWING = (("sample", " --seeds 0-7", "the samples again"), ("interpolate", "", "the paths again"))
TRANSLATING = (("translate", " FOLDER", "images of yours, translated"),)
"""Commands, what stands behind the run, and what they do."""


def recipe_facts(
    recipe: Recipe | TranslationRecipe, sources: Sequence[SourceAbout], against: Recipe | TranslationRecipe | None
) -> dict[str, Any]:
    """The recipe, and which of its keys are other than those of what it was made from.

    Args:
        recipe: of the run.
        sources: the files that it was read from.
        against: what it is compared with; None: what its file extends, else its file, if keys were set beside it, else
            the keys' defaults.
    """
    here = flat(recipe.model_dump(mode="json"))
    parent = None if against is not None else parent_of(sources)
    other = (parent.differs or {}) if parent is not None else {}
    if parent is not None:
        there, name = {**here, **other}, parent.name
    elif against is not None:
        there, name = flat(against.model_dump(mode="json")), against.name
    else:
        there, name = {key.name: key.default for key in described_keys(type(recipe))}, ""
    changed = [
        (key, written(here.get(key)), written(there.get(key)))
        for key in {**here, **other}
        if written(here.get(key)) != written(there.get(key))
    ]
    same = sum(written(value) == written(there.get(key)) for key, value in here.items())
    text = write_recipe(recipe)
    return {"changed": changed, "text": text, "same": same, "against": name, "origin": origin(sources)}


def parent_of(sources: Sequence[SourceAbout]) -> SourceAbout | None:
    """What a reader wants to see a recipe beside: what its file extends, else the file itself if keys were set."""
    extended = next((source for source in sources[1:] if source.differs is not None), None)
    return extended or next((source for source in sources[:1] if source.differs), None)


def origin(sources: Sequence[SourceAbout]) -> str:
    """The files in words: `mine.toml (1a2b), which extends steergan:rotmnist (3c4d); set beside it: training.seed`."""
    if not sources:
        return ""
    own = sources[0].differs or {}
    keys = ", ".join(list(own)[:MOST_SET]) + f" and {len(own) - MOST_SET} more keys" * (len(own) > MOST_SET)
    names = [f"{source.name} ({source.sha256[:12]})" for source in sources]
    return ", which extends ".join(names) + (f"; set beside it: {keys}" if own else "")


def written(value: Any) -> str:
    """A value as a recipe writes it, nearly; nothing where there is none."""
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def data_facts(recipe: Recipe | TranslationRecipe, about: About) -> dict[str, Any]:
    """The images of a run: where from, how many, which classes, and what was left out."""
    data = about.data
    channels, height, width = data.image_shape
    facts = [
        ("source", f"{recipe.data.name}" + (f", {data.path}" if data.path else "")),
        ("images", f"{height} x {width} pixels, {counted_channels(channels)}"),
    ]
    if data.input_shape is not None:
        facts.append(("inputs", counted_channels(data.input_shape[0])))
    else:
        names = ", ".join(data.class_names[:30]) + ", ..." * (len(data.class_names) > 30)
        facts.append(("classes", f"{len(data.class_names)}: {names}"))
    what = "images" if data.input_shape is None else "pairs"
    facts += [
        (f"training {what}", f"{data.train.images:,} (checksum {data.train.checksum[:16]})"),
        (f"held-out {what}", f"{data.held_out.images:,} (checksum {data.held_out.checksum[:16]})"),
    ]
    left = [(one.name, one.reason) for one in data.left_out]
    return {"facts": facts, "left_out": left[:MOST_LEFT_OUT], "more": max(0, len(left) - MOST_LEFT_OUT)}


def counted_channels(channels: int) -> str:
    """`1 channel`, `3 channels`."""
    return f"{channels} channel{'s' * (channels > 1)}"


def speed_facts(folder: RunFolder, recipe: Recipe | TranslationRecipe, about: About) -> Facts:
    """How long a step takes, how large the networks are, and what computed them."""
    rows = JsonLines(folder.stats).rows()
    seconds = [value for row in rows if (value := figure_in(row, "seconds_per_step")) is not None]
    facts: Facts = []
    if rows:
        done, images = rows[-1]["step"], figure_in(rows[-1], "images_seen")
        facts.append(
            (
                "steps",
                f"{done:,} of {recipe.training.steps:,}" + (f", {images:,.0f} real images shown" if images else ""),
            )
        )
    if seconds:
        median = statistics.median(seconds)
        shown = recipe.training.batch_size * recipe.training.discriminator_updates
        facts.append(("a step", f"{median:.3g} s (median), {1000 * median / shown:.3g} s for a thousand real images"))
        facts.append(("all steps", f"{clock(median * recipe.training.steps)} at that pace, evaluations aside"))
    facts += memory_facts(rows)
    try:
        sizes = parameters(recipe, kind_of(about.data))
        facts.append(("parameters", "generator {:,}, discriminator {:,}".format(*sizes)))
    except ValueError as error:
        facts.append(("parameters", f"not known: {error}"))
    return [*facts, *machine_facts(about)]


def memory_facts(rows: list[dict[str, Any]]) -> Facts:
    """The most memory that was in use, where it was recorded."""
    names = {"memory_cpu": "memory of the process", "memory_gpu": "memory of the accelerator"}
    found = {key: [value for row in rows if (value := figure_in(row, key)) is not None] for key in names}
    return [(names[key], f"{max(values) / 2**30:.3g} GiB at most") for key, values in found.items() if values]


def machine_facts(about: About) -> Facts:
    """Where a run was computed, stretch by stretch, and with which versions."""
    facts: Facts = []
    for machine in about.machines:
        since = f" from step {machine.from_step:,}" if len(about.machines) > 1 else ""
        facts.append((f"machine{since}", listed(machine.hardware)))
        facts.append((f"versions{since}", listed(machine.versions)))
    for convolution in about.convolutions:
        since = f" from step {convolution.from_step:,}" if len(about.convolutions) > 1 else ""
        facts.append((f"convolutions{since}", convolution.line))
    counts = [f"{one.count}" + f" from step {one.from_step:,}" * bool(one.from_step) for one in about.processes]
    facts.append(("processes", ", ".join(counts)))
    if about.started:
        facts.append(("started", about.started))
    if about.init_from:
        facts.append(("weights at the start", about.init_from))
    if about.transfer:
        for name, taken in (("generator", about.transfer.generator), ("discriminator", about.transfer.discriminator)):
            facts.append((f"of the {name}'s layers", f"{taken.layers} of {taken.layers + len(taken.new)}"))
    return facts


def listed(table: dict[str, Any]) -> str:
    """Names and values in a line."""
    return ", ".join(f"{name} {value}" for name, value in table.items()) or "not recorded"


def clock(seconds: float) -> str:
    """A duration in words: `3 min`, `2 h 5 min`."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


def commands(path: Path, recipe: Recipe | TranslationRecipe, about: About) -> list[tuple[str, str]]:
    """What makes the run again, and looks further into it: each command, and what it does."""
    run, data = shlex.quote(str(path)), ""
    if about.data.path is not None and about.data.path != recipe.data.path:
        data = f" --data {shlex.quote(about.data.path)}"
    again = shlex.quote(f"{path}-again")
    own = TRANSLATING if isinstance(recipe, TranslationRecipe) else DRAWING
    return [
        (f"steergan train {shlex.quote(str(path / 'resolved.toml'))}{data} --out {again}", "the same run again"),
        (f"steergan evaluate {run}", "the figures again"),
        (f"steergan verify-equivariance {run}", "the whole certificate, at every level"),
        *((f"steergan {name} {run}{more}", does) for name, more, does in own),
        (f"steergan report {run}", "this page again"),
    ]


def symmetry_table(found: KeptSymmetry) -> tuple[list[str], list[list[str]]]:
    """Corrected p-values: a head, and a row for each subject."""
    head = ["", "images", *(short(law.element) for law in found.subjects[0].elements)]
    return head, [[one.name, f"2 x {one.count}", *map(p_value, one.elements)] for one in found.subjects]


def p_value(law: Law) -> str:
    """A corrected p-value, marked where it says that the element changes the images."""
    return f"{law.adjusted_p_value:.3g}{' *' if law.adjusted_p_value <= 0.05 else ''}"


def symmetry_facts(found: KeptSymmetry | None, generator_group: str) -> Mapping[str, Any] | None:
    """What is known of the symmetry of a run's images; None: nobody asked."""
    if found is None:
        return None
    head, rows = symmetry_table(found)
    group = "none" if found.group == "trivial" else found.group
    return {
        "facts": [("recommended group", group), ("generator's group", generator_group)],
        "finding": found.finding,
        "note": f"p-values corrected over all tests (Holm), * below 0.05; {found.permutations} permutations; features: "
        f"{found.features}. {found.caveat}".strip(),
        "head": head,
        "rows": rows,
    }
