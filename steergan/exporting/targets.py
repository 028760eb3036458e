"""A baked model as files: what each target writes."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from steergan.errors import reason
from steergan.exporting.baking import Baked
from steergan.exporting.parts import Inputs, Part
from steergan.exporting.recorder import ExportError
from steergan.extras import needed_by

OPSET = 20
TARGETS = ("torch", "onnx", "torch-export", "hub")


@dataclass(frozen=True)
class Made:
    """Files of a target.

    Attributes:
        files: contents by name.
        nodes: of the graph.
        facts: what else the report says.
    """

    files: dict[str, bytes]
    nodes: int
    facts: dict[str, Any]


def as_torch(part: Part, baked: Baked, batch: int) -> Made:
    """A pickled module: `torch.load(path, weights_only=False)` needs nothing but torch."""
    buffer = io.BytesIO()
    torch.save(baked.module, buffer)
    return Made({f"{part.stem}.pt": buffer.getvalue()}, node_count(baked), {"torch": torch.__version__})


def as_torch_export(part: Part, baked: Baked, batch: int) -> Made:
    """A program of `torch.export`, for `torch.export.load`."""
    buffer = io.BytesIO()
    program = exported_program(part, baked, batch)
    torch.export.save(program, buffer)
    return Made({f"{part.stem}.pt2": buffer.getvalue()}, len(program.graph.nodes), {"torch": torch.__version__})


def exported_program(part: Part, baked: Baked, batch: int) -> torch.export.ExportedProgram:
    """What torch's own export makes of the plain module.

    Raises:
        ExportError: it refuses.
    """
    try:
        return torch.export.export(
            baked.module, tuple(part.examples(batch or 2, 0)), dynamic_shapes=dynamic_shapes(part, batch)
        )
    except Exception as error:
        raise ExportError(f"{part.name}: torch.export refuses it: {reason(error)}") from error


def as_onnx(part: Part, baked: Baked, batch: int) -> Made:
    """A graph for ONNX.

    Raises:
        ExportError: the packages that write it are missing, or an operation has no place in ONNX.
    """
    with needed_by("an export to ONNX"):
        import onnx  # noqa: F401  # both are imported by torch
        import onnxscript  # noqa: F401
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch and its parts about one another
            program = torch.onnx.export(
                baked.module,
                tuple(part.examples(batch or 2, 0)),
                input_names=list(part.names),
                output_names=[part.output],
                dynamic_shapes=dynamic_shapes(part, batch),
                opset_version=OPSET,
                verbose=False,
            )
    except Exception as error:
        raise ExportError(f"{part.name}: torch's ONNX exporter refuses it: {reason(error)}") from error
    assert program is not None
    proto = program.model_proto
    facts = {"opset": OPSET, "torch": torch.__version__}
    return Made({f"{part.stem}.onnx": proto.SerializeToString(deterministic=True)}, len(proto.graph.node), facts)


def dynamic_shapes(part: Part, batch: int) -> Any:
    """Which sides of the inputs are open: those of the batch, if it is."""
    if batch:
        return None
    size = torch.export.Dim("batch", min=1)
    return tuple({0: size} if tensor.dim() else None for tensor in part.examples(2, 0))


def node_count(baked: Baked) -> int:
    """Nodes of the graph, inputs and output among them."""
    return len(baked.module.graph.nodes)


def is_there(package: str) -> bool:
    """Whether a package is installed."""
    from importlib.util import find_spec

    return find_spec(package) is not None


def onnx_runner(content: bytes) -> Callable[[Inputs], torch.Tensor] | None:
    """A graph in ONNX Runtime on the CPU; None where that is not installed."""
    if not is_there("onnxruntime"):
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    wanted = [one.name for one in session.get_inputs()]

    def run(inputs: Inputs) -> torch.Tensor:
        found = session.run(None, {name: x.numpy() for name, x in zip(wanted, inputs, strict=True)})
        tensors = [torch.from_numpy(array) for array in found]
        return tensors[0] if len(tensors) == 1 else torch.cat([t.flatten(1) for t in tensors], dim=1)

    return run
