"""The command `steergan doctor`."""

import json
import os
import time
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--build", is_flag=True, help="Build the convolution kernels anew, into the cache folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(build: bool, as_json: bool) -> None:
    """Say what this installation can do: versions, devices, folders, convolution kernels.

    The kernels are built when they are first needed, here too. A build that failed is tried again by --build, or with
    another compiler.

    \b
    Examples:
      steergan doctor
      steergan doctor --build
      steergan doctor --json
    """
    from steergan.kernels import library

    if build:
        start = time.monotonic()
        built = library.find(anew=True)
        click.echo(f"kernels built in {time.monotonic() - start:.0f} s: {built.path}", err=as_json)
    found = findings()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    rows = table(found)
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name:{width}}  {value}")


def findings() -> dict[str, Any]:
    """What there is on this machine."""
    import torch

    from steergan.data.originals import data_folders
    from steergan.files import cache_folder
    from steergan.kernels import library
    from steergan.run import surroundings

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    devices = [device for device, there in present.items() if there]
    around = surroundings(torch.device(devices[0]))
    del around["hardware"]["device"]
    kernels = library.native()
    return {
        **around,
        "devices": devices,
        "data": [{"path": str(path), "there": path.is_dir()} for path in data_folders()],
        "cache": {"path": str(cache_folder()), "writable": writable(cache_folder())},
        "kernels": {
            "instructions": kernels and kernels.instructions,
            "path": kernels and str(kernels.path),
            "reason": library.absence() or None,
        },
    }


def table(found: dict[str, Any]) -> list[tuple[str, str]]:
    """What was found, as rows of names and values."""
    kernels, cache = found["kernels"], found["cache"]
    rows = [*found["versions"].items(), *((name, str(value)) for name, value in found["hardware"].items())]
    rows.append(("devices", ", ".join(found["devices"])))
    rows += [("data", folder["path"] + ("" if folder["there"] else " (not there)")) for folder in found["data"]]
    rows.append(("cache", cache["path"] + ("" if cache["writable"] else " (cannot be written)")))
    native = f"{kernels['instructions']}, from {kernels['path']}"
    rows.append(("convolution kernels", f"dense path: {kernels['reason']}" if kernels["reason"] else native))
    return rows


def writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which itself may have to be made."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK)
