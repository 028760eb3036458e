"""What `benchmarks.scaling` found, and what follows from it."""

from typing import Any

from benchmarks.scaling import PAIR, Scaling
from steergan.benchmark.report import Report
from steergan.tables import Table, median_and_quartiles, shown
from steergan.timing import WARM_UP


def tables(found: Scaling, elsewhere: Scaling | None = None) -> list[Table]:
    """The terms with what two processes took; then the step on more of them, here and (if given) elsewhere."""
    two, beside, talked = map(median_and_quartiles, (found.two, found.beside, found.talked))
    rows: list[list[Any]] = [
        *([f"a step of one process, batch {n}", median_and_quartiles(found.seconds[n])] for n in found.batches),
        ["fixed, seconds", found.fixed],
        ["per image, seconds", found.per_image],
        ["messages in a step", len(found.messages)],
        ["bytes in a step", sum(found.messages)],
        ["latency, seconds", found.link.latency],
        ["bandwidth, bytes a second", float(f"{found.link.bandwidth:.3g}")],
        ["wait a message, seconds", found.wait],
        ["a step of two processes, by the model", found.step(PAIR)],
        ["a step of two processes", two],
        ["of it in messages, waiting included", talked],
        ["two processes on half the batch each, no messages", beside],
        ["two processes / model", two.centre / found.step(PAIR)],
        ["the same, with what two processes cost each other", two.centre / (beside.centre + found.talk(PAIR))],
    ]
    made = [Table(caption="Terms, on one CPU thread a process", columns=["term", "value"], rows=rows)]
    for caption, model in (("By the terms that were measured here", found), ("By the terms given", elsewhere)):
        if model is not None:
            made.append(prediction(model, caption))
    return made


def prediction(model: Scaling, caption: str) -> Table:
    """Seconds of a step on 1 to 64 processes, as far as the batch can be divided."""
    batch = model.recipe.training.batch_size
    return Table(
        caption=f"{caption}: fixed {model.fixed * 1e3:.3g} ms, {model.per_image * 1e3:.3g} ms an image, latency "
        f"{model.link.latency * 1e6:.3g} microseconds, {model.link.bandwidth / 1e9:.3g} GB/s, "
        f"wait {model.wait * 1e3:.3g} ms. Milliseconds of a step of a batch of {batch}; efficiency: the speed-up over "
        "the number of processes.",
        columns=["processes", "images each", "computation", "messages", "step", "speed-up", "efficiency"],
        rows=[
            [
                count,
                batch // count,
                *(1e3 * value for value in (model.compute(count), model.talk(count), model.step(count))),
                model.step(1) / model.step(count),
                model.step(1) / model.step(count) / count,
            ]
            for count in model.counts
        ],
    )


def verdict(found: Scaling) -> str:
    """How well the model says what was measured, and where it ends."""
    two, batch = median_and_quartiles(found.two), found.recipe.training.batch_size
    most = min(found.counts, key=found.step)
    beside = median_and_quartiles(found.beside).centre + found.talk(PAIR)
    one = median_and_quartiles(found.seconds[batch])
    return (
        f"Two processes take {shown(two)} s, one takes {shown(one)} s. The model says {shown(found.step(PAIR))} s for "
        f"two, and {shown(beside)} s with what two of them cost each other on this machine. With its terms {most} "
        f"processes, a machine each, are the fastest for a batch of {batch}: "
        f"{shown(found.step(1) / found.step(most))} times as fast as one."
    )


def report(found: Scaling, elsewhere: Scaling | None = None) -> Report:
    """The model, ready to be told."""
    return Report(
        benchmark="scaling",
        title=f"The step on several processes ({found.recipe.name})",
        claim="Ours: a step's time on N processes is fixed + per image * batch / N + what its messages take.",
        protocol={
            "recipe": found.recipe.name,
            "batch_size": found.recipe.training.batch_size,
            "processes": "gloo on one machine, a thread each",
            "rounds": f"{len(found.two)} after {WARM_UP} that don't count",
        },
        tables=tables(found, elsewhere),
        verdict=verdict(found),
        figures={
            "seconds": {str(size): seconds for size, seconds in found.seconds.items()},
            "fixed": found.fixed,
            "per_image": found.per_image,
            "messages": found.messages,
            "link": vars(found.link),
            "wait": found.wait,
            "beside": found.beside,
            "two": found.two,
            "talked": found.talked,
        },
        surroundings=found.surroundings,
    )
