"""Whatever steergan wrote and reads back is whole, refused in one line, or made anew; nobody has to delete anything."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pytest
import safetensors.torch
import torch
from numpy.typing import NDArray

from steergan import run
from steergan.data import load, stamps
from steergan.data.prepared import folder_for
from steergan.data.writing import write_prepared
from steergan.errors import SteerganError
from steergan.files import cache_folder, write_json
from steergan.kernels import library
from steergan.layers.filters.bases import keep_basis, read_basis, sampled_basis
from steergan.metrics import Protocol, prepare_reference, read_network, weights_sha256
from steergan.pictures import curves
from steergan.recipe import read_recipe
from steergan.recipe.data import Npz
from steergan.results import Result, read_result, write_result
from steergan.run.folder import RunFolder
from steergan.run.snapshots import CRITERIA, Snapshots
from steergan.seals import read_table, sealed
from steergan.study import combine
from steergan.symmetry import gspace
from steergan.training import JsonLines, latest_state, load_state, load_weights, save_checkpoint
from steergan_cli.certificates import read_certificates
from tests.data.pieces import IDENTITY, contents, partial_folder, piece, plan_of, stop
from tests.faults.damage import damaged
from tests.metrics.drawn import FirstPixels, labelled, noise
from tests.notes import Notes
from tests.thorough import size

FLIPS = size(24, 1000)
OF_A_SET = size(4, 120)
"""Of what takes longer to make anew."""


class Kept(NamedTuple):
    """A file, and what reads it."""

    path: Path
    read: Callable[[], Any]
    """Gives something to compare; raises a line of ours, or None, where the file is no good."""


def tried(kept: Kept, count: int, changed: Callable[[Any, Any], bool] = lambda found, whole: False) -> int:
    """Read the file under each damage: what comes is what was written, nothing, or one line of ours.

    Args:
        kept: the file.
        count: of flips.
        changed: whether a difference is allowed, because the file says nothing that could tell.

    Returns:
        How many were tried.
    """
    whole, content, done = kept.read(), kept.path.read_bytes(), 0
    assert whole is not None
    for name, bytes_ in damaged(content, count):
        kept.path.unlink()  # a library that was loaded is still mapped
        kept.path.write_bytes(bytes_)
        done += 1
        try:
            found = kept.read()
        except (SteerganError, click.UsageError) as error:
            line = str(error)
            assert line.isprintable(), (name, line)
            assert len(line) < 1500, (name, line)
            continue
        assert found is None or found == whole or changed(found, whole), (name, found)
    kept.path.unlink()
    kept.path.write_bytes(content)
    assert kept.read() == whole
    return done


def a_state(folder: Path, tiny_run: Path) -> Kept:
    path = save_checkpoint(folder, 3, {"step": 3, "weights": {"a": torch.arange(400.0)}, "name": "x"})

    def read() -> Any:
        state = load_state(path)
        return state["step"], state["weights"]["a"].tolist(), state["name"]

    return Kept(path, read)


def weights(folder: Path, tiny_run: Path) -> Kept:
    path = Path(shutil.copy(tiny_run / "generator.safetensors", folder))

    def read() -> Any:
        tensors, texts = load_weights(path)
        texts.pop("sha25v", None)
        return {name: tensor.tolist() for name, tensor in tensors.items()}

    return Kept(path, read)


def run_json(folder: Path, tiny_run: Path) -> Kept:
    path = Path(shutil.copy(tiny_run / "run.json", folder))
    return Kept(path, RunFolder(folder).read_about)


def a_basis(folder: Path, tiny_run: Path) -> Kept:
    path, space = folder / "b.safetensors", gspace("C8")
    basis = sampled_basis(space, space.regular_repr, space.trivial_repr, 3)
    assert basis is not None
    keep_basis(path, basis)

    def read() -> Any:
        found = read_basis(path)
        return None if found is None else found.tolist()

    return Kept(path, read)


def a_classifier(folder: Path, tiny_run: Path) -> Kept:
    path = Path(shutil.copy(read_recipe(tiny_run / "resolved.toml").evaluation.features, folder / "c.safetensors"))
    return Kept(path, lambda: weights_sha256(read_network(path)))


def a_study(folder: Path, tiny_run: Path) -> Kept:
    figures = {"kid_min": {"mean": 1.0, "sd": None, "values": [1.0]}, "kid_last": None}
    table = {
        "study": {"name": "mine", "axis": [{"name": "group"}]},
        "distance": "kid",
        "cells": [{"labels": {"group": "C4"}, "figures": figures}],
    }
    write_json(folder / "study.json", sealed(table))
    return Kept(folder / "study.json", lambda: [asdict(one) for one in combine([folder])])


def jobs(folder: Path, tiny_run: Path) -> Kept:
    write_json(folder / "jobs.json", sealed({"C4-seed0": "42_0", "D4-seed0": "42_1"}))

    def read() -> Any:
        try:
            return read_table(folder / "jobs.json")
        except ValueError as error:
            raise SteerganError(str(error)) from None

    return Kept(folder / "jobs.json", read)


KEPT = [a_state, weights, run_json, a_basis, a_classifier, a_study, jobs]


@pytest.mark.parametrize("kind", KEPT, ids=lambda kind: kind.__name__)
def test_what_is_damaged_is_not_believed(kind: Callable[[Path, Path], Kept], tmp_path: Path, tiny_run: Path) -> None:
    assert tried(kind(tmp_path, tiny_run), FLIPS, lambda found, whole: names_changed(kind, found, whole)) > FLIPS


def names_changed(kind: Callable[[Path, Path], Kept], found: Any, whole: Any) -> bool:
    """A table without a digest is taken as it is: that of other keys, and one whose name `digest` has a flip."""
    return kind is jobs and (found == {} or {key: found.get(key) for key in whole} == whole)


def a_resolved_recipe(folder: Path, tiny_run: Path) -> Kept:
    path = Path(shutil.copy(tiny_run / "resolved.toml", folder))
    return Kept(path, RunFolder(folder).read_recipe)


def a_result(folder: Path, tiny_run: Path) -> Kept:
    facts: dict[str, Any] = dict.fromkeys(("title", "claim", "command", "date", "verdict"), "x")
    tables: dict[str, Any] = {"hardware": [], "protocol": {}, "tables": []}
    write_result(folder / "one.json", Result.model_validate({"id": "one", **facts, **tables}))
    return Kept(folder / "one.json", lambda: read_result(folder / "one.json"))


def certificates(folder: Path, tiny_run: Path) -> Kept:
    rows = [{"name": "generator", "verdict": "holds", "records": [{"level": 2, "path": "a", "kind": "exact"}]}]
    (folder / "c.json").write_text(json.dumps({"networks": rows}))
    return Kept(folder / "c.json", lambda: read_certificates(folder / "c.json"))


@pytest.mark.parametrize("kind", [a_resolved_recipe, a_result, certificates], ids=lambda kind: kind.__name__)
def test_what_people_may_write_themselves_is_read_or_one_line(
    kind: Callable[[Path, Path], Kept], tmp_path: Path, tiny_run: Path
) -> None:
    assert tried(kind(tmp_path, tiny_run), FLIPS, lambda found, whole: type(found) is type(whole)) > FLIPS


def test_kernels_are_loaded_if_they_are_those_that_were_built(tmp_path: Path) -> None:
    found = library.native()
    if found is None:
        pytest.skip("no kernels here")
    for ending in (".so", ".json"):
        shutil.copy(found.path.with_suffix(ending), tmp_path)
    path = tmp_path / found.path.name
    said = library.load(path, lambda functions: None).instructions
    for file in (path, path.with_suffix(".json")):
        assert tried(Kept(file, lambda: library.load(path, lambda functions: None).instructions), OF_A_SET)
    assert library.load(path, lambda functions: None).instructions == said


ODD_ROWS = [
    '{"step": "2", "kid": 1.0}', '{"step": true}', '{"step": null}', '{"step": 2.5}', '{"kid": 1}', "[3]", "3", "null",
    '{"step": 1, "kid": "low", "frechet_invariant": [], "discriminator_loss": {}, "seconds_per_step": "x"}',
    '{"step": ' + "9" * 5_000 + "}", "[" * 100_000, '{"step": 1, "kid": NaN, "label_agreement": 1e999}', "\x00", "{",
]  # fmt: skip


def drawn_and_cut(folder: RunFolder) -> list[Any]:
    """All that is made of a run's rows."""
    files = [JsonLines(path) for path in sorted(folder.path.glob("*.jsonl"))]
    curves(JsonLines(folder.stats).rows(), JsonLines(folder.metric("kid")).rows())
    found = [Snapshots(folder).best(name) for name in CRITERIA]
    for file in files:
        assert all(type(row["step"]) is int for row in file.rows())
        file.truncate_after(4)
        assert all(row["step"] <= 4 for row in file.rows())
    return found


def test_odd_rows_of_stats_and_metrics_are_left_out(tmp_path: Path, tiny_run: Path) -> None:
    folder = RunFolder(Path(shutil.copytree(tiny_run, tmp_path / "run")))
    for path in folder.path.glob("*.jsonl"):
        with path.open("a") as file:
            file.writelines(f"{row}\n" for row in ODD_ROWS)
    drawn_and_cut(folder)


def test_damaged_stats_and_metrics_never_stop_a_run(tmp_path: Path, tiny_run: Path) -> None:
    folder = RunFolder(tmp_path)
    for file in ("stats.jsonl", "metric-kid.jsonl"):
        whole = (tiny_run / file).read_bytes()
        for _, content in damaged(whole, size(2, 60)):
            (tmp_path / file).write_bytes(content)
            drawn_and_cut(folder)


@pytest.mark.usefixtures("blank_curves")
@pytest.mark.parametrize("damage", ["empty", "flip", "table", "other"])
def test_a_run_goes_on_from_the_last_good_state(damage: str, tmp_path: Path, half: Path) -> None:
    out = Path(shutil.copytree(half, tmp_path / "run"))
    good = latest_state(out)
    assert good is not None
    later = out / "state-000005.pt"
    whole = good.path.read_bytes()
    if damage == "table":
        torch.save({"step": "five"}, later)
    elif damage == "other":
        torch.save([1, 2], later)
    else:
        later.write_bytes(b"" if damage == "empty" else whole[:2000] + bytes([whole[2000] ^ 4]) + whole[2001:])
    report = Notes()
    run.resume(out, report=report)
    assert any(f"state-000005.pt is damaged; going back to {good.path.name}" in line for line in report.messages)
    assert RunFolder(out).finished


def sets(cache: Path) -> Iterator[tuple[Path, Callable[[], Any]]]:
    """Each file of a prepared set, and of a share of it; what a run gets."""
    settings = Npz(path=str(cache.parent / "x.npz"), fraction=0.5)

    def get() -> Any:
        found = load(settings, "train")
        return found.checksum, found.class_names, np.array(found.images).tobytes()

    get()
    for path in sorted((cache / "prepared").rglob("*.*")):
        if path.is_file():
            yield path, get


def test_damaged_sets_and_shares_are_made_anew(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steergan.data.loading.IN_MEMORY", 0)
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (20, 3, 8, 8), np.uint8)
    np.savez(cache.parent / "x.npz", images=images, labels=np.arange(20) % 2)
    files = list(sets(cache))
    assert len(files) == 6 + 4  # arrays, manifest and stamp; arrays, table and stamp
    for path, get in files:
        whole, content = get(), path.read_bytes()
        for name, bytes_ in damaged(content, OF_A_SET):
            path.write_bytes(bytes_)
            assert get() == whole, (path.name, name)


def test_a_damaged_journal_is_gone_on_from_where_it_is_right(cache: Path) -> None:
    pieces = [piece(k) for k in range(4)]
    wanted = contents(write_prepared(plan_of(pieces, [piece(5)]), IDENTITY, {}).folder)
    shutil.rmtree(cache)

    with pytest.raises(KeyboardInterrupt):
        write_prepared(plan_of([*pieces[:3], piece(3, stop)], [piece(5)]), IDENTITY, {})
    stopped = Path(shutil.copytree(partial_folder(), cache / "stopped"))
    journal = (stopped / "train-journal.jsonl").read_bytes()
    odd = ['{"piece": "slide-0.png", "labels": "ab", "crc": 1, "refused": ""}', '{"piece": [], "labels": 3}', "[" * 999]
    others = [(line, f"{line}\n".encode() + journal) for line in odd]
    for name, content in [*damaged(journal, OF_A_SET), *others]:
        shutil.rmtree(folder_for(IDENTITY), ignore_errors=True)
        shutil.copytree(stopped, partial_folder(), dirs_exist_ok=True)
        (partial_folder() / "train-journal.jsonl").write_bytes(content)
        assert contents(write_prepared(plan_of(pieces, [piece(5)]), IDENTITY, {}).folder) == wanted, name


def test_a_damaged_reference_is_made_anew(tmp_path: Path) -> None:
    def get() -> tuple[Any, NDArray[Any]]:
        sets = labelled(noise(0, 30), checksum="t"), labelled(noise(1, 20), checksum="h")
        found = prepare_reference(FirstPixels(), *sets, Protocol(15), cache=tmp_path)
        return found.floor, found.reals.features.invariant

    floor, features = get()
    [path] = tmp_path.iterdir()
    content = path.read_bytes()
    for name, bytes_ in damaged(content, size(40, 1000)):
        path.write_bytes(bytes_)
        again = get()
        assert again[0] == floor, name
        np.testing.assert_array_equal(again[1], features)
    assert path.read_bytes() == content


def test_noted_hashes_are_believed_only_whole(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamps, "WORTH_KEEPING", 0)
    monkeypatch.setattr(stamps, "SETTLED", -10.0)
    files = [cache.parent / name for name in ("a", "b")]
    for file in files:
        file.write_text(file.name)
    wanted = stamps.file_hashes(cache.parent, files)
    [path] = (cache_folder() / "hashes").iterdir()
    for name, content in damaged(path.read_bytes(), FLIPS):
        path.write_bytes(content)
        assert stamps.file_hashes(cache.parent, files) == wanted, name


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_weights_that_would_draw_blank_images_are_refused(value: float, tmp_path: Path, tiny_run: Path) -> None:
    """The file is whole, as a file of tensors: only what it says it must be tells."""
    copy = RunFolder(Path(shutil.copytree(tiny_run, tmp_path / "run")))
    with safetensors.safe_open(copy.generator, framework="pt") as file:
        texts = file.metadata()
    tensors = safetensors.torch.load_file(copy.generator)
    name = next(name for name in tensors if "to_image" in name and "weight" in name)
    tensors[name] = torch.full_like(tensors[name], value)
    safetensors.torch.save_file(tensors, copy.generator, texts)
    with pytest.raises(SteerganError, match=r"generator.safetensors: .*its bytes are not those that were saved"):
        run.sample(copy.path, [0, 1], [0])


@pytest.mark.usefixtures("blank_curves")
def test_a_run_whose_cache_takes_nothing_has_the_same_bits(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").touch()
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("steergan.files._told", set())
    out = run.train(read_recipe(tiny_run / "resolved.toml"), tmp_path / "run", report=Notes())
    assert (out / "generator.safetensors").read_bytes() == (tiny_run / "generator.safetensors").read_bytes()
    assert len(caplog.messages) >= 2
    assert all("set STEERGAN_CACHE to a folder with room" in line for line in caplog.messages)
