"""Metrics of pending steps become numbers on accelerators without float64, too."""

import torch

from steergan.training.loop import read_metrics


class WithoutFloat64(torch.Tensor):
    """As on an accelerator that has no float64: widening fails until the tensor is on the CPU."""

    transfers = 0

    def double(self, *_: object, **__: object) -> torch.Tensor:
        raise TypeError("this device has no float64")

    def cpu(self, *_: object, **__: object) -> torch.Tensor:
        WithoutFloat64.transfers += 1
        return self.as_subclass(torch.Tensor)


def test_metrics_are_read_in_one_transfer_and_widened_on_the_cpu() -> None:
    WithoutFloat64.transfers = 0
    pending = [
        (
            step,
            {name: torch.tensor(value).as_subclass(WithoutFloat64) for name, value in (("a_loss", 0.1), ("b", step))},
        )
        for step in (1.0, 2.0)
    ]
    found = read_metrics(pending)
    assert found == {"a_loss": torch.tensor(0.1).item(), "b": 2.0}
    assert WithoutFloat64.transfers == 1
