"""What augmentation and its regularisers do to the loop and its checkpoints."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steergan.recipe import AugmentationSettings, LossSettings
from steergan.training import RunState, load_state, save_state, train
from tests.training import plain_pair as pair
from tests.training.states import differences

EVERYTHING = AugmentationSettings(
    group="D4", standard=True, consistency_real=0.2, consistency_fake=0.1, rotation_discriminator=1.0,
    rotation_generator=0.2, adaptive_target=0.1, adaptive_images=300,
    transforms=("translation", "scaling", "colour", "cutout"),
)  # fmt: skip


def start(settings: AugmentationSettings = EVERYTHING, seed: int = 0) -> RunState:
    class WithRotations(pair.PlainDiscriminator):
        def __init__(self) -> None:
            super().__init__()
            self.rotations = nn.Linear(32, 4)

        def rotation_logits(self, image: Tensor) -> Tensor:
            logits: Tensor = self.rotations(self.features(image))
            return logits

    torch.manual_seed(seed)
    return RunState.start(pair.PlainGenerator(), WithRotations(), pair.SETTINGS, settings)


def test_everything_at_once_is_trained_recorded_and_resumed_to_the_last_bit(tmp_path: Path) -> None:
    rows: list[dict[str, float]] = []
    whole, first, second = start(), start(), start(seed=1)
    pair.run(whole, record_every=1, on_record=rows.append)
    wanted = {f"{kind}_{who}" for kind, who in (("consistency", "real"), ("consistency", "fake"),
                                                ("rotation", "discriminator"), ("rotation", "generator"))}  # fmt: skip
    assert wanted | {"augmentation_probability", "real_sign", "r1"} <= rows[-1].keys()
    assert {row["augmentation_probability"] for row in rows[:3]} == {0.0}
    assert rows[-1]["augmentation_probability"] > 0
    # Within an interval of adjustment, so that its sums matter.
    pair.run(first, should_stop=lambda: first.step == 6)
    save_state(tmp_path / "state.pt", first.state_dict())
    second.load_state_dict(load_state(tmp_path / "state.pt"))
    assert second.augmentation.adaptive is not None
    assert second.augmentation.adaptive.count == 32
    pair.run(second)
    assert differences(second.state_dict(), whole.state_dict()) == []


def test_each_key_changes_the_training() -> None:
    def trained(**settings: Any) -> Any:
        state = start(AugmentationSettings(**settings))
        train(state, pair.batches(), pair.SETTINGS.model_copy(update={"steps": 6}), pair.LOSS)
        return {name: part for name, part in state.state_dict().items() if name != "augmentation"}

    untouched = trained()
    for settings in (
        {"standard": True}, {"consistency_real": 1.0}, {"consistency_fake": 1.0}, {"rotation_discriminator": 1.0},
    ):  # fmt: skip
        assert "state.discriminator.head.weight" in differences(trained(**settings), untouched), settings
    one, both = trained(rotation_discriminator=1.0), trained(rotation_discriminator=1.0, rotation_generator=0.2)
    assert "state.generator.image.weight" in differences(one, both)
    adapted = {"adaptive_target": 0.01, "adaptive_images": 64}
    assert "state.discriminator.head.weight" in differences(trained(**adapted), untouched)


class Judge(nn.Module):
    """Scores images by how near their mean is to their class's, or how far from it; and adds an offset."""

    def __init__(self, knows: bool, offset: float) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(100.0 if knows else -100.0))
        self.offset = nn.Parameter(torch.tensor(offset))

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        distance = (image.mean((1, 2, 3)) - torch.tensor(pair.TARGETS)[y]).abs()
        return self.offset - self.sharpness * distance


@pytest.mark.parametrize("offset", [-100.0, 100.0])
@pytest.mark.parametrize(("knows", "reached"), [(True, 0.75), (False, 0.25)])
@pytest.mark.parametrize("loss", ["non-saturating", "hinge", "relativistic-average"])
def test_the_probability_rises_under_a_discriminator_that_knows_the_real_images_and_falls_under_one_that_does_not(
    loss: Any, knows: bool, reached: float, offset: float
) -> None:
    settings = pair.SETTINGS.model_copy(
        update={"steps": 16, "discriminator_rate": 1e-6, "generator_rate": 1e-6}
    )
    augmentation = AugmentationSettings(adaptive_target=0.6, adaptive_images=1024, transforms=("cutout",))
    state = RunState.start(pair.PlainGenerator(), Judge(knows, offset), settings, augmentation)
    adaptive = state.augmentation.adaptive
    assert adaptive is not None
    adaptive.probability.fill_(0.5)
    train(state, pair.batches(), settings, LossSettings(name=loss, r1_weight=0.0))
    assert adaptive.probability.item() == pytest.approx(reached)


def test_a_checkpoint_from_before_adaptive_augmentation_loads() -> None:
    old = start(AugmentationSettings())
    pair.run(old, pair.SETTINGS.model_copy(update={"steps": 2}))
    state = start(seed=1)
    state.load_state_dict(old.state_dict())
    assert state.step == 2
    assert state.augmentation.adaptive is not None
    assert state.augmentation.adaptive.probability == 0
