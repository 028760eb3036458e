"""Every way to compute an update gives what the plain path gives, to rounding."""

import math
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steergan.errors import RecipeError
from steergan.layers import DiscriminatorBlock, choose_memory_format, choose_recomputation, run
from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.recipe import AugmentationSettings, LossSettings, PerformanceSettings, TrainingSettings
from steergan.symmetry import gspace, regular_type
from steergan.training import (
    PLAIN,
    Batch,
    Batches,
    Engine,
    Hooks,
    Row,
    RunState,
    Step,
    check_device,
    compilation_notice,
    train,
)
from steergan.training.protocols import as_module
from tests.thorough import also
from tests.training import divided_runs as runs
from tests.training import plain_pair as pair

REGULARISED = AugmentationSettings(
    consistency_real=1.0, rotation_discriminator=1.0, rotation_generator=0.2, adaptive_target=0.1, adaptive_images=200,
)  # fmt: skip
RELATIVISTIC = LossSettings(name="relativistic-average", r1_weight=0.5)


def outcome(case: Any, steps: int, prepare: Any = lambda network: None) -> tuple[list[Any], dict[str, Any]]:
    """Rows and the state after a few steps."""
    found = runs.result(case, steps=steps, prepare=prepare)
    return found["rows"], found["state"]


def largest_difference(a: Any, b: Any) -> float:
    if isinstance(a, Tensor):
        return float((a.double() - b.double()).abs().max()) if a.numel() else 0.0
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        return max((largest_difference(a[key], b[key]) for key in a), default=0.0)
    if isinstance(a, list | tuple):
        return max(map(largest_difference, a, b), default=0.0)
    if isinstance(a, float | int):
        return abs(a - b)
    assert a == b
    return 0.0


class Painter(nn.Module):
    """As few operations as a generator of classes can have: compiling takes its time for each."""

    z_dim, classes, elements = 4, 2, 0

    def __init__(self, spec: Any = None, image_shape: tuple[int, int, int] = (1, 4, 4), classes: int = 2) -> None:
        super().__init__()
        self.image_shape, pixels = image_shape, math.prod(image_shape)
        self.embed, self.image = nn.Embedding(classes, pixels), nn.Linear(self.z_dim, pixels)

    def forward(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:
        return (self.image(z) + self.embed(y)).tanh().view(-1, *self.image_shape)


class Critic(nn.Module):
    """A discriminator of as few, curved, so that R1 has a gradient."""

    def __init__(
        self, spec: Any = None, image_shape: tuple[int, int, int] = (1, 4, 4), classes: int = 2, **_: Any
    ) -> None:
        super().__init__()
        pixels = math.prod(image_shape)
        self.hidden, self.embed = nn.Linear(pixels, 8), nn.Embedding(classes, 8)

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        return (self.hidden(image.flatten(1)).sigmoid() * self.embed(y)).sum(1)


COUPLED = LossSettings(name="relativistic-average", r1_weight=0.0)
OURS = (Generator, Discriminator)
PENALTIES = LossSettings(name="hinge", r1_weight=0.5, wgan_gp_weight=2.0)


@pytest.mark.parametrize(
    ("networks", "backend", "case"),
    [
        # Eight graphs, of which the derivatives are not captured, as they are in the other case.
        pytest.param((Painter, Critic), "eager", runs.Case(COUPLED, accumulate=2), id="in parts"),
        pytest.param(OURS, "aot_eager", runs.Case(PENALTIES, augmentation=REGULARISED), id="penalties"),
        *also(
            (OURS, "aot_eager", runs.Case(RELATIVISTIC, accumulate=2)),
            ((Painter, Discriminator), "eager", runs.Case(COUPLED, accumulate=2)),
        ),
    ],
)
def test_updates_are_single_graphs_and_compute_what_they_would_uncompiled(
    networks: tuple[Any, Any], backend: str, case: runs.Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch.compile without its code generator, which takes half a minute."""
    monkeypatch.setattr(runs, "Generator", networks[0])
    monkeypatch.setattr(runs, "Discriminator", networks[1])
    calls: list[dict[str, Any]] = []
    compile_whole = torch.compile

    def without_inductor(function: Any, *, mode: str, **options: Any) -> Any:
        calls.append({"mode": mode, **options})
        return compile_whole(function, backend=backend, **options)

    torch._dynamo.reset()
    monkeypatch.setattr(torch, "compile", without_inductor)
    compiled = case._replace(performance=PLAIN.model_copy(update={"compile": "on"}))
    assert largest_difference(outcome(compiled, 2), outcome(case, 2)) < 1e-12
    assert calls
    assert all(call["fullgraph"] for call in calls)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch generates C++ and compiles it with g++")
@pytest.mark.filterwarnings("ignore")  # torch's own, about machines without CUDA
@pytest.mark.parametrize("r1_weight", [0.0, *also(0.1)])
def test_compiled_code_trains_both_networks_alike(
    r1_weight: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code generator once, on networks of another's making; what it writes need not be fast."""

    def after(engine: Engine) -> dict[str, Any]:
        torch.manual_seed(0)
        state = RunState.start(Painter(), Critic(), pair.SETTINGS)
        step = Step(state, pair.SETTINGS, LossSettings(name="hinge", r1_weight=r1_weight), engine=engine)
        metrics = [step(pair.batches()) for _ in range(2)]
        networks = (as_module(network).state_dict() for network in state.networks)
        return {"metrics": metrics, "networks": [dict(found) for found in networks]}

    torch._dynamo.reset()
    # What torch keeps for the next process holds the compiler's path: 130 MB that nobody would find again.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr("torch._inductor.codecache._HEADER_DIR", str(tmp_path / "headers"), raising=False)
    monkeypatch.setattr("torch._inductor.codecache._HEADER_LOCK_DIR", str(tmp_path / "locks"), raising=False)
    compiler = tmp_path / "compiler"  # the last -O holds
    compiler.write_text('#!/bin/sh\nexec g++ "$@" -O0\n')
    compiler.chmod(0o755)
    compiled = Engine(PLAIN.model_copy(update={"compile": "on"}))
    quickly = {
        "cpp.cxx": (None, str(compiler)),
        "cpp.vec_isa_ok": False,  # else it compiles a program for each kind of vectors, to see which there are
        "compile_threads": 1,  # else in processes, which import torch first
    }
    with torch._inductor.config.patch(quickly):
        assert largest_difference(after(compiled), after(Engine())) < 1e-5


@pytest.mark.parametrize("discriminator", [runs.Case().discriminator, runs.NORMS], ids=["plain", "norms"])
def test_blocks_that_are_computed_again_change_no_bit(discriminator: DiscriminatorSpec) -> None:
    case = runs.Case(RELATIVISTIC, discriminator)
    again = outcome(case, 3, partial(choose_recomputation, wanted=True))
    assert largest_difference(again, outcome(case, 3)) == 0


def test_a_block_that_is_computed_again_keeps_fewer_feature_maps() -> None:
    def kept(wanted: bool) -> int:
        fields = regular_type(gspace("C4"), 4)
        block = DiscriminatorBlock(fields, fields)
        choose_recomputation(block, wanted)
        sizes: list[int] = []

        def keep(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        x = fields(torch.randn(8, fields.size, 32, 32, requires_grad=True))
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            run(block, x)
        return sum(sizes)

    assert kept(True) < 0.5 * kept(False)


def test_the_memory_format_changes_nothing_but_rounding() -> None:
    case = runs.Case(RELATIVISTIC)
    found = outcome(case, 3, partial(choose_memory_format, name="channels-last"))
    assert largest_difference(found, outcome(case, 3)) < 1e-9


def test_real_and_fake_in_one_pass_score_as_in_two() -> None:
    case = runs.Case(LossSettings(name="hinge", r1_weight=0.0))
    together = case._replace(performance=PLAIN.model_copy(update={"joint_scores": True}))
    assert largest_difference(outcome(together, 3), outcome(case, 3)) < 1e-9


@pytest.mark.parametrize(
    ("r1_weight", "batch_norm", "passes"),
    [(0.0, False, 1), (0.5, False, 2), (0.0, True, 2)],
    ids=["plain", "R1", "batch norm"],
)
def test_real_and_fake_go_together_only_where_that_is_the_same(r1_weight: float, batch_norm: bool, passes: int) -> None:
    judge = DiscriminatorSpec(widths=(8, 8), batch_norm=batch_norm)
    case = runs.Case(LossSettings(name="hinge", r1_weight=r1_weight), judge, performance=PerformanceSettings())
    sizes: list[int] = []
    state, settings = runs.start(case)
    as_module(state.discriminator).register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    one = settings.model_copy(update={"steps": 1})
    train(state, runs.batches, one, case.loss, engine=Engine(case.performance))
    assert sizes[:passes] == [2 * runs.BATCH // passes] * passes
    assert len(sizes) == passes + 1


def test_parts_of_a_batch_give_the_gradient_of_the_whole_where_no_norm_sees_batches() -> None:
    """The generator's norms see a part at a time, so only the discriminator's update is compared."""
    for loss in (RELATIVISTIC, LossSettings(name="hinge", r1_weight=0.5)):
        whole, parts = (runs.Case(loss, accumulate=n) for n in (1, 4))
        found = [outcome(case, 1, lambda network: network.eval()) for case in (whole, parts)]
        for rows, _ in found:
            assert set(rows[0]) >= {"r1", "discriminator_loss"}
        first, second = (rows[0] for rows, _ in found)
        assert first["r1"] == pytest.approx(second["r1"], rel=1e-9)
        assert first["real_score"] == pytest.approx(second["real_score"], rel=1e-9)


def always(batch: Batch) -> Batches:
    return lambda step, update: batch


def test_bfloat16_stays_near_float32_and_penalties_on_gradients_stay_wide() -> None:
    images: list[torch.dtype] = []
    rows = []
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(0)
        spec = GeneratorSpec(latent="dense", widths=(8, 8), upsamplings=1)
        networks = Generator(spec, (1, 8, 8), 2), Discriminator(DiscriminatorSpec(widths=(8, 8)), (1, 8, 8), 2)
        convolution = networks[1].trunk.stages[0]
        convolution.register_forward_hook(lambda module, inputs, output: images.append(output.tensor.dtype))
        settings = TrainingSettings(steps=2, batch_size=16, discriminator_updates=1)
        state = RunState.start(*networks, settings)
        found: list[Row] = []
        draw = torch.Generator().manual_seed(1)
        batch = torch.rand(16, 1, 8, 8, generator=draw) * 2 - 1, torch.arange(16) % 2
        engine = Engine(PLAIN.model_copy(update={"precision": precision}))
        hooks = Hooks(record_every=1, on_record=found.append)
        train(state, always(batch), settings, RELATIVISTIC, engine=engine, hooks=hooks)
        rows.append(found[0])
        assert all(p.dtype == torch.float32 for network in networks for _, p in network.named_parameters())
    # Of each step, the real images of the discriminator's update (R1) come first.
    narrow, wide = torch.bfloat16, torch.float32
    assert images[:8] == [wide] * 8
    assert images[8:12] == [wide, narrow, narrow, narrow]
    for name in ("discriminator_loss", "generator_loss", "real_score"):
        assert rows[1][name] == pytest.approx(rows[0][name], abs=0.03), name
    assert rows[1]["r1"] == pytest.approx(rows[0]["r1"], rel=1e-3)


def test_tensor_float_settings_are_given_back() -> None:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    for precision in ("float32", "tf32", "bfloat16"):
        with Engine(PLAIN.model_copy(update={"precision": precision})).products():
            inside = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
            assert inside == (precision != "float32",) * 2
        assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before


def test_graphs_of_a_gpu_are_refused_elsewhere_and_compiling_is_announced() -> None:
    graphs = PLAIN.model_copy(update={"compile": "cuda-graphs"})
    with pytest.raises(RecipeError, match='"cuda-graphs" needs an NVIDIA GPU, and this computes on cpu'):
        check_device(graphs, "cpu")
    check_device(graphs, "cuda:1")
    check_device(PLAIN.model_copy(update={"compile": "on"}), "cpu")
    assert compilation_notice(PLAIN) is None
    assert "compiles" in str(compilation_notice(graphs))
