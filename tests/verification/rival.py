"""Beside escnn's own check: the same mutants and the same right networks, who accuses which, and how long it takes.

python -m tests.verification.rival --record docs/results/verification-mutants.json
"""

import argparse
import contextlib
import io
import statistics
import time
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import steergan  # noqa: F401  # isort: skip  # silences what escnn warns of at import
import torch
from escnn.nn import EquivariantModule

from steergan import run
from steergan.errors import SteerganError
from steergan.results import Result, write_result
from steergan.tables import Table
from steergan.verification import verify
from steergan.verification.subject import twin_of
from tests.verification.breaking import MUTANTS
from tests.verification.pairs import drawn_pairs


def ours(network: Any) -> tuple[str, float]:
    """The verdict of a certificate, and its seconds."""
    start = time.perf_counter()
    try:
        verdict = str(verify(network.module, list(network.sizes), others=network.others, level=4).verdict)
    except SteerganError:
        verdict = "refused"
    return verdict, time.perf_counter() - start


def escnns(network: Any) -> tuple[str, float]:
    """The verdict of escnn's `check_equivariance`, which runs on modules of another class too, and its seconds."""
    start = time.perf_counter()
    try:
        with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            EquivariantModule.check_equivariance(twin_of(network.module).eval())
        verdict = "passed"
    except AssertionError as error:
        verdict = "accused" if "error found during equivariance check" in str(error) else "does not run"
    except Exception:
        verdict = "does not run"
    return verdict, time.perf_counter() - start


def scores(each: int) -> tuple[list[list[Any]], list[float], list[float]]:
    """A row per operator, and the seconds of both checks wherever escnn's ran."""
    rows, our_seconds, their_seconds = [], [], []
    for name in MUTANTS:
        pairs = drawn_pairs(name, each)
        found = []
        for network, broken in pairs:
            mine, theirs, right = ours(broken), escnns(broken), escnns(network)
            found.append((mine[0], theirs[0], ours(network)[0], right[0]))
            if theirs[0] != "does not run":
                our_seconds.append(mine[1])
                their_seconds.append(theirs[1])
        caught = sum(f[0] != "proved" for f in found)
        counted = [sum(f[1] == word for f in found) for word in ("accused", "passed", "does not run")]
        alarms = [sum(f[2] == "broken" for f in found), sum(f[3] == "accused" for f in found)]
        rows.append([name, len(found), caught, *counted, *alarms])
        print(*rows[-1], sep="\t", flush=True)
    return rows, our_seconds, their_seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=3, help="mutants of each operator")
    parser.add_argument("--record", type=Path, help="a JSON file for docs/results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows, our_seconds, their_seconds = scores(arguments.each)
    total = [sum(row[i] for row in rows) for i in range(1, 8)]
    verdict = (
        f"{total[1]} of {total[0]} mutants of {len(rows)} operators were caught by steergan's verify. escnn's check "
        f"accused {total[2]}, passed {total[3]} and did not run on {total[4]}. Of the right networks that the mutants "
        f"were made of, steergan called {total[5]} broken, escnn's check {total[6]}. Median seconds where both ran: "
        f"{statistics.median(our_seconds):.2f} and {statistics.median(their_seconds):.2f}."
    )
    print(verdict)
    if arguments.record is None:
        return
    around = run.surroundings(torch.device("cpu"))
    columns = ["mutant", "networks", "caught", "escnn: accused", "passed", "does not run"]
    columns += ["right ones called broken", "escnn: right ones accused"]
    write_result(
        arguments.record,
        Result(
            id=arguments.record.stem,
            title="The check is checked: mutants beside escnn's check_equivariance",
            claim="Every mutant is caught (its verdict is not proved), and no right network is called broken.",
            command=f"python -m tests.verification.rival --each {arguments.each} --record {arguments.record}",
            date=f"{datetime.now():%Y-%m-%d}",
            hardware=[{**around["hardware"], "versions": around["versions"]}],
            protocol={
                "networks": "drawn at random, tests/verification/drawn.py; 2 to 8 layers, maps of 4 to 10 pixels",
                "escnn": "EquivariantModule.check_equivariance in evaluation mode, its own sizes and tolerances",
                "steergan": "verify at one even and one odd size where the network allows both, levels 0 to 4",
            },
            tables=[Table(caption="By operator", columns=columns, rows=rows)],
            verdict=verdict,
        ),
    )


if __name__ == "__main__":
    main()
