"""Numbers that leave a tensor behind the dispatcher's back."""

from typing import Any

from torch.overrides import TorchFunctionMode

from steergan.verification.laws.memory import tensors_in
from steergan.verification.laws.tracking import Tracking

LEAKS = {
    *("numpy", "tolist", "__array__", "data_ptr", "untyped_storage", "storage", "__dlpack__", "apply_", "map_"),
    *("map2_", "__reduce_ex__", "share_memory_", "to_mkldnn", "__cuda_array_interface__", "__deepcopy__"),
    *("__repr__", "__str__", "__format__", "__set__"),
}
"""Ways for numbers to leave a tensor that the dispatcher does not see."""


class LeakWatch(TorchFunctionMode):
    """Notices numbers that leave a tensor behind the dispatcher's back."""

    def __init__(self, tracking: Tracking) -> None:
        super().__init__()
        self.tracking = tracking

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if self.tracking.inside is None and not self.tracking.paused and name in LEAKS:
            for tensor in tensors_in(args[1:] if name == "__set__" else args):
                self.tracking.number_read([tensor], f"{name}() took numbers out of torch's sight,")
        return func(*args, **(kwargs or {}))
