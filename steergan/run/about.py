"""What run.json says of a run: its data, who computed it from which step on, on which machine, with which versions."""

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from steergan.errors import RecipeError, RunError, reason
from steergan.recipe import AnyRecipe, flat, validate_any
from steergan.run.convolution_record import BEFORE_RECORDS, ConvolutionRecord
from steergan.run.stretches import Stretch, kept_until, with_next
from steergan.seals import read_table, sealed

START_ANEW = "start a new run with another --out"
Count = Annotated[int, Field(ge=0, lt=2**63)]
Length = Annotated[int, Field(ge=1, lt=2**31)]


class Frozen(BaseModel):
    """A part of run.json, never changed in place."""

    model_config = ConfigDict(frozen=True)


class SplitAbout(Frozen):
    """Which images a split has."""

    images: Count
    checksum: str


class FileAbout(Frozen):
    """A file that is not in the set, and why."""

    name: str
    reason: str


class DataAbout(Frozen):
    """The images of a run, and where their originals were found."""

    path: str | None
    image_shape: tuple[Length, Length, Length]
    """(C, H, W)."""
    input_shape: tuple[Length, Length, Length] | None = None
    """(C, H, W) of a pair's input; not written where there are no pairs."""
    class_names: tuple[str, ...]
    train: SplitAbout
    held_out: SplitAbout
    left_out: tuple[FileAbout, ...] = ()
    """Not written where nothing was left out, as before."""


class SourceAbout(Frozen):
    """A file that the run's recipe was read from, and what it says otherwise than the run's."""

    name: str
    """`steergan:NAME`, or a file's name without folders."""
    sha256: str
    differs: dict[str, Any] | None
    """By dotted key, in defaults too, None where it has no such key; no dictionary where it is no recipe by itself."""


class ProcessesRecord(Stretch):
    """How many processes computed a run, from a step on."""

    count: Length = 1


class MachineRecord(Stretch):
    """With which versions, and on which machine, a run was computed from a step on; its last bits may depend on it."""

    versions: dict[str, str] = Field(default_factory=dict)
    hardware: dict[str, Any] = Field(default_factory=dict)

    def changes(self, before: "MachineRecord") -> str:
        """What is other than before: `torch 2.7 (was 2.6), threads 2 (was 1)`; nothing: an empty text."""
        now, then = ({**one.versions, **one.hardware} for one in (self, before))
        changed = {name: (now.get(name), then.get(name)) for name in {**then, **now} if now.get(name) != then.get(name)}
        return ", ".join(f"{name} {new or 'unknown'} (was {old or 'unknown'})" for name, (new, old) in changed.items())


class Taken(Frozen):
    """What a network got from that of an older run."""

    layers: Count
    """How many of its layers."""
    share: Annotated[float, Field(ge=0, le=1)]
    """Of its weights and moments."""
    new: tuple[str, ...]
    """The layers that it got none for."""


class Transfer(Frozen):
    """What networks got from those of an older run."""

    generator: Taken
    discriminator: Taken


class About(Frozen):
    """The content of run.json; the older formats are read, too."""

    name: str = ""
    """Of the recipe."""
    sources: tuple[SourceAbout, ...] = ()
    """The recipe's file, the one which that extends, and so on; unknown of runs from before there was this list."""
    started: str | None = None
    """When, in ISO 8601."""
    seeds: dict[str, int] = {}
    """Of the training and of the data."""
    data: DataAbout
    processes: Annotated[tuple[ProcessesRecord, ...], Field(min_length=1)]
    """How many processes computed it, in order of `from_step`."""
    init_from: str | None = None
    """The run whose weights it started from."""
    transfer: Transfer | None = None
    """Which of its weights; not written without any, as before."""
    convolutions: Annotated[tuple[ConvolutionRecord, ...], Field(min_length=1)]
    """What computed its convolutions, in order of `from_step`."""
    machines: Annotated[tuple[MachineRecord, ...], Field(min_length=1)]
    """Where it was computed, in order of `from_step`. The file has the last one's versions and hardware by themselves,
    too, as it had before there was this list."""

    @model_validator(mode="before")
    @classmethod
    def of_older_formats(cls, read: Any) -> Any:
        """Early runs have no word of convolutions; of processes none either, and later their number; one machine."""
        if not isinstance(read, dict):
            return read
        processes = read.get("processes", 1)
        if type(processes) is int:  # true is none
            processes = [{"count": processes}]
        machine = {name: read[name] for name in ("versions", "hardware") if name in read}
        added = {"convolutions": [BEFORE_RECORDS.model_dump()], "machines": [machine]}
        return {**added, **read, "processes": processes}

    def continued(self, now: "About", step: int) -> tuple["About", str]:
        """What run.json says of this run when it goes on from a checkpoint, here and now.

        Args:
            now: of a run that would begin here and now.
            step: of the checkpoint.

        Returns:
            The content, but for `convolutions`, which are `now`'s; and in words what of the machine is other than
            before, or nothing.
        """
        (processes,), (machine,) = now.processes, now.machines
        counts, machines = kept_until(self.processes, step), kept_until(self.machines, step)
        if counts[-1].count != processes.count:
            counts = with_next(counts, processes, step)
        changes = machine.changes(machines[-1])
        if changes:
            machines = with_next(machines, machine, step)
        kept = {name: getattr(self, name) for name in ("sources", "started", "init_from", "transfer")}
        kept |= {"processes": counts, "machines": machines}
        return now.model_copy(update=kept), changes

    @property
    def as_json(self) -> bytes:
        """The file."""
        content = self.model_dump(mode="json")
        content |= {name: content["machines"][-1][name] for name in ("versions", "hardware")}
        for name in ("left_out", "input_shape"):
            if not content["data"][name]:
                del content["data"][name]
        if self.transfer is None:
            del content["transfer"]
        return (json.dumps(sealed(content), indent=2) + "\n").encode()


def sources_of(recipe: AnyRecipe) -> tuple[SourceAbout, ...]:
    """The files of a recipe, each with what it says otherwise."""
    here = flat(recipe.model_dump(mode="json"))
    found = []
    for source in recipe.sources:
        try:
            there = flat(validate_any(source.table, source.name).model_dump(mode="json"))
        except RecipeError:
            found.append(SourceAbout(name=source.name, sha256=source.sha256, differs=None))
            continue
        keys = [key for key in {**here, **there} if here.get(key) != there.get(key)]
        differs = {key: there.get(key) for key in keys}
        found.append(SourceAbout(name=source.name, sha256=source.sha256, differs=differs))
    return tuple(found)


def read_about(path: Path) -> About:
    """A run.json.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        return About.model_validate(read_table(path))
    except ValidationError as error:
        fault = error.errors()[0]
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({reason(error)}); {START_ANEW}") from None
    key = ".".join(map(str, fault["loc"]))
    if fault["type"] == "missing" and fault["loc"][0] == "data":
        raise RunError(f"{path}: lacks {key}; {START_ANEW}")
    raise RunError(f"{path}: {fault['loc'][0] if key else 'it'} can't be read; {START_ANEW}")


def surroundings(device: torch.device) -> dict[str, Any]:
    """Versions and hardware, for run.json and for whatever else is measured."""
    packages = ("steergan", "torch", "escnn", "numpy", "scipy")
    hardware: dict[str, Any] = {
        "device": str(device),
        "processor": processor_name(),
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
    }
    if device.type == "cuda":
        hardware["accelerator"] = torch.cuda.get_device_name(device)
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "hardware": hardware,
    }


def processor_name() -> str:
    """The CPU's model, where the system tells it."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
