"""What a page says beside figures."""

from collections.abc import Callable
from pathlib import Path

from steergan.recipe import Recipe, read_recipe, write_recipe
from steergan.report.facts import clock, commands, data_facts, memory_facts, recipe_facts, speed_facts
from steergan.run.about import FileAbout, sources_of
from steergan.run.folder import RunFolder
from tests.commands import invoke


def test_keys_that_differ_are_told_from_those_that_do_not(recipe: Callable[..., Recipe]) -> None:
    changed = {key: (here, there) for key, here, there in recipe_facts(recipe(), (), None)["changed"]}
    assert changed["generator.z_dim"][0] == "4"
    assert changed["loss.name"] == ('"hinge"', '"nonsaturating"') or changed["loss.name"][0] == '"hinge"'
    assert "discriminator.spectral_norm" not in changed
    found = recipe_facts(recipe("training.seed=3"), (), recipe())
    assert found["changed"] == [("training.seed", "3", "0")]


def test_recipe_is_shown_beside_the_one_that_it_extends(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(write_recipe(recipe()))
    (tmp_path / "mine.toml").write_text('extends = "base.toml"\ntraining.steps = 9\nloss.r1_weight = 2.0\n')
    made = read_recipe(tmp_path / "mine.toml", ["training.seed=3"])
    assert made == read_recipe(tmp_path / "mine.toml", ["training.seed=3"]).read_from(())  # files are no part of it
    sources = sources_of(made)
    assert [source.name for source in sources] == ["mine.toml", "base.toml"]
    assert sources[0].differs == {"training.seed": 0}
    found = recipe_facts(made, sources, None)
    assert found["changed"] == [
        ("loss.r1_weight", "2.0", "0.1"),
        ("training.steps", "9", "6"),
        ("training.seed", "3", "0"),
    ]
    assert (found["against"], found["same"] > 30) == ("base.toml", True)
    assert found["origin"].endswith("; set beside it: training.seed")
    assert str(tmp_path) not in found["origin"]
    (tmp_path / "part.toml").write_text("training.steps = 9\n")
    (tmp_path / "whole.toml").write_text(f'extends = "part.toml"\n{write_recipe(recipe())}')
    part = sources_of(read_recipe(tmp_path / "whole.toml"))
    assert [source.differs for source in part] == [{}, None]
    assert recipe_facts(recipe(), part, None)["against"] == ""


def test_data_are_told_with_what_was_left_out(tiny_run: Path) -> None:
    folder = RunFolder(tiny_run)
    about = folder.read_about()
    facts = dict(data_facts(read_recipe(folder.recipe), about)["facts"])
    assert facts["images"] == "8 x 8 pixels, 1 channel"
    assert facts["training images"].startswith("24 (checksum ")
    left = tuple(FileAbout(name=f"{k}.png", reason="cut short") for k in range(25))
    about = about.model_copy(update={"data": about.data.model_copy(update={"left_out": left})})
    found = data_facts(read_recipe(folder.recipe), about)
    assert (len(found["left_out"]), found["more"]) == (20, 5)


def test_speed_and_versions_are_told(tiny_run: Path) -> None:
    folder = RunFolder(tiny_run)
    facts = dict(speed_facts(folder, read_recipe(folder.recipe), folder.read_about()))
    assert facts["steps"].startswith("6 of 6, 24 real images")
    assert "torch" in facts["versions"]
    assert facts["parameters"].startswith("generator ")


def test_memory_is_told_where_it_was_recorded() -> None:
    assert memory_facts([{"step": 1}]) == []
    rows = [{"step": 1, "memory_cpu": 2.0**30}, {"step": 2, "memory_cpu": 3.0 * 2**30}]
    assert memory_facts(rows) == [("memory of the process", "3 GiB at most")]


def test_commands_make_the_run_again(tiny_run: Path, tmp_path: Path) -> None:
    folder = RunFolder(tiny_run)
    found = commands(Path("runs/my run"), read_recipe(folder.recipe), folder.read_about())
    assert found[0][0] == "steergan train 'runs/my run/resolved.toml' --out 'runs/my run-again'"
    for command, _ in found:
        told = invoke(command.split()[1], "--help")
        assert told.exit_code == 0, command


def test_durations_are_told_in_words() -> None:
    assert [clock(seconds) for seconds in (3, 90, 3600, 7500)] == ["3 s", "2 min", "1 h 0 min", "2 h 5 min"]
