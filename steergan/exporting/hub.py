"""A folder for a hub of models: plain code, weights, and a card. Nothing is uploaded."""

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from steergan.exporting.baking import Baked
from steergan.exporting.parts import Part
from steergan.exporting.recorder import ExportError
from steergan.exporting.targets import Made, node_count
from steergan.extras import needed_by
from steergan.seals import sealed_safetensors

WEIGHTS = "model.safetensors"

CODE = '''"""{name}: plain torch, written by steergan; see README.md. Needs torch and safetensors."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn


class Model(nn.Module):
    """{name}({inputs}) -> {output}."""

    def __init__(self) -> None:
        super().__init__()
{parts}

{forward}

def put(root, path, module):
    *above, name = path.split(".")
    for part in above:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root._modules[part]
    root.add_module(name, module)


def load(folder=Path(__file__).parent):
    """The model with its weights, in evaluation mode."""
    model = Model()
    model.load_state_dict(load_file(Path(folder) / "{weights}"))
    return model.eval().requires_grad_(False)
'''


def as_hub(part: Part, baked: Baked, batch: int) -> Made:
    """Weights as safetensors, the graph as Python code on torch alone, a config and what a card says of them.

    Raises:
        ExportError: the graph can't be written as code.
    """
    with needed_by("a folder for a hub of models"):
        from safetensors.torch import save
    state = {name: tensor.contiguous() for name, tensor in baked.module.state_dict().items()}
    weights = sealed_safetensors(save(state, {"format": "pt"}))
    config = {
        "model_type": "steergan-baked",
        "part": part.name,
        "inputs": {
            name: {"shape": ["batch", *x.shape[1:]], "dtype": str(x.dtype).removeprefix("torch.")}
            for name, x in zip(part.names, part.examples(2, 0), strict=True)
        },
        "output": part.output,
        "torch_dtype": "float32",
    }
    files = {
        WEIGHTS: weights,
        "model.py": code_of(part, baked).encode(),
        "config.json": (json.dumps(config, indent=2) + "\n").encode(),
    }
    return Made(files, node_count(baked), {"torch": torch.__version__})


def code_of(part: Part, baked: Baked) -> str:
    """The graph as a Python module.

    Raises:
        ExportError: the code does not give what the graph gives.
    """
    lines = []
    for path, module in baked.module.named_modules():
        if path and type(module) is not nn.Module:
            lines.append(f'        put(self, "{path}", nn.{module!r})')
    for name, buffer in baked.module._buffers.items():
        assert buffer is not None
        lines.append(
            f'        self.register_buffer("{name}", torch.zeros({tuple(buffer.shape)}, dtype={buffer.dtype}))'
        )
    forward = baked.module.code.strip("\n")
    text = CODE.format(
        name=part.name,
        inputs=", ".join(part.names),
        output=part.output,
        parts="\n".join(lines),
        forward="\n".join(f"    {line}".rstrip() for line in forward.splitlines()),
        weights=WEIGHTS,
    )
    _check(text, part, baked)
    return text


@torch.no_grad()
def _check(text: str, part: Part, baked: Baked) -> None:
    scope: dict[str, Any] = {"__file__": "model.py"}
    try:
        exec(compile(text, "model.py", "exec"), scope)
        model = scope["Model"]()
        model.load_state_dict(baked.module.state_dict())
        given = part.examples(2, 0)
        same = torch.equal(model.eval()(*given), baked.module(*given))
    except Exception as error:
        raise ExportError(f"{part.name}: its graph can't be written as code ({error}); use --to torch") from error
    if not same:
        raise ExportError(f"{part.name}: its code computes something else; use --to torch, and please report this")


def card(report: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    """README.md of a hub's folder.

    Args:
        report: of the export.
        about: `title`, `data`, `protocol` and `metrics` in words, where they are known.
    """
    measured = report["measured"]["float32"]
    certificate = report["certificate"]
    inputs = "\n".join(f"- `{one['name']}`: {one['dtype']}, {one['shape']}" for one in report["inputs"])
    symmetry = measured["symmetry"]
    return "\n".join(
        [
            "---",
            "library_name: pytorch",
            "tags: [gan, equivariance, escnn, steergan]",
            "# license: fill in; the weights are yours, and what may be done with them depends on your data",
            "---",
            "",
            f"# {about.get('title', report['part'])}",
            "",
            str(about.get("words", "A model with filters of a group, baked into plain torch by steergan.")),
            "",
            "```python",
            "from model import load  # this folder; needs torch and safetensors",
            "model = load()",
            "```",
            "",
            f"Inputs:\n\n{inputs}\n\nOutput: `{report['output']}`.",
            "",
            "## Symmetry",
            "",
            "No certificate was made." if certificate is None else certificate["sentence"],
            "",
            report["bits"]["sentence"],
            *(
                [f"Measured, {report['claim']}: off by {symmetry:.1e} of the largest output."]
                if symmetry is not None
                else []
            ),
            f"Against the original in float32: off by {measured['difference']:.1e} of the largest output.",
            "",
            "## Metrics",
            "",
            str(about.get("metrics", "None were recorded.")),
            "",
            "## Data",
            "",
            str(about.get("data", "To be filled in.")),
            "",
            "## Licence",
            "",
            "To be filled in by whoever publishes this.",
            "",
            "## Intended use",
            "",
            "To be filled in by whoever publishes this: what it is for, and what it must not be used for.",
            "",
        ]
    )
