"""Recorded calls as a graph of torch's functions and modules, with constants."""

import operator
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_flatten, tree_map

from steergan.exporting.batches import Batch, Repeated
from steergan.exporting.modules import module_of
from steergan.exporting.recorder import Call, ExportError

OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "__iadd__": operator.add,
    "sub": operator.sub, "__isub__": operator.sub,
    "mul": operator.mul, "__imul__": operator.mul,
    "div": operator.truediv, "true_divide": operator.truediv, "__itruediv__": operator.truediv,
    "matmul": operator.matmul, "neg": operator.neg, "pow": operator.pow, "__getitem__": operator.getitem,
    "gt": operator.gt, "lt": operator.lt, "ge": operator.ge, "le": operator.le,
}  # fmt: skip
SWAPPED = {"__rsub__": operator.sub, "__rtruediv__": operator.truediv, "__rdiv__": operator.truediv}
SAME = (
    "view", "reshape", "expand", "expand_as", "view_as", "contiguous", "to", "type", "float", "double", "type_as",
    "detach", "data", "flatten", "squeeze", "unsqueeze", "clone", "requires_grad", "alias", "positive", "cpu",
)  # fmt: skip
"""What may give what came."""
RESHAPING = ("view", "reshape", "unflatten")
ADAPTER = "plain"
"""The part of an `OnFields` that does the work."""


class Builder:
    """Makes a graph of calls.

    Args:
        inputs: of the recording, the first of which has the batch in front.
        names: of the inputs.
    """

    def __init__(self, inputs: Sequence[Tensor], names: Sequence[str]) -> None:
        self.graph, self.root = fx.Graph(), nn.Module()
        self.nodes: dict[int, fx.Node] = {}
        for tensor, name in zip(inputs, names, strict=True):
            self.nodes[id(tensor)] = self.graph.placeholder(name)
        self.first = self.nodes[id(inputs[0])]
        self.batch: fx.Node | None = None
        self.batch_size = len(inputs[0])
        self.places: dict[str, str] = {}
        """By the path of a layer, the module that has its weights."""
        self.constants: dict[int, tuple[Tensor, str]] = {}
        self.made: dict[Any, str] = {}

    def build(self, calls: Sequence[Call], result: Any) -> fx.GraphModule:
        """The graph of all calls, as a module.

        Raises:
            ExportError: a call that has no place in a graph.
        """
        refuse_written_views(calls)
        self.alone = self._paths_of_their_own(calls)
        for call in calls:
            node = self._node(call)
            self._known(call.result, node)
        self.graph.output(tree_map(self._leaf, result))
        module = fx.GraphModule(self.root, self.graph, "Baked")
        module.graph.eliminate_dead_code()
        module.graph.lint()
        module.recompile()
        module.delete_all_unused_submodules()
        return module

    def _known(self, result: Any, node: fx.Node) -> None:
        if isinstance(result, Tensor):
            self.nodes[id(result)] = node
            return
        for number, part in enumerate(result):
            if isinstance(part, Tensor):
                self.nodes[id(part)] = self.graph.call_function(operator.getitem, (node, number))

    def _node(self, call: Call) -> fx.Node:
        name, args = call.name, call.args if call.before is None else (call.before, *call.args[1:])
        if name.endswith("dropout") or changes_nothing(call):
            return self._as_node(args[0])
        if name == "__setitem__":
            return self._written(call, args)
        node = self._module(call, args)
        if node is not None:
            return node
        kwargs = {k: v for k, v in call.kwargs.items() if k != "inplace"}
        if name in SWAPPED:
            return self.graph.call_function(SWAPPED[name], (self._leaf(args[1]), self._leaf(args[0])))
        if name in OPERATORS and not kwargs and len(args) == (1 if name == "neg" else 2):
            return self.graph.call_function(OPERATORS[name], self._given(args))
        if name in ("mT", "T", "transpose") and not kwargs:
            ends = {"mT": (-1, -2), "T": (0, 1), "transpose": args[1:]}[name]
            return self.graph.call_method("transpose", (self._leaf(args[0]), *ends))
        if name in RESHAPING:
            args = self._reshaped(args)
            name = "reshape" if name == "view" else name
        if name in ("expand",):
            args = self._expanded(call, args)
        if getattr(torch.Tensor, getattr(call.function, "__name__", ""), None) is call.function:
            return self.graph.call_method(name, self._given(args), self._given(kwargs))
        return self.graph.call_function(call.function, self._given(args), self._given(kwargs))

    # --- arguments

    def _given(self, values: Any) -> Any:
        return tree_map(self._leaf, values)

    def _leaf(self, value: Any) -> Any:
        if isinstance(value, Tensor | Repeated):
            return self._as_node(value)
        if isinstance(value, Batch):
            return self._times(value.times)
        if isinstance(value, slice):
            return slice(*(self._bound(part) for part in (value.start, value.stop, value.step)))
        return tuple(value) if isinstance(value, torch.Size) else value

    def _bound(self, value: Any) -> Any:
        """An end of a slice, which escnn keeps as constant tensors."""
        constant = isinstance(value, Tensor) and id(value) not in self.nodes
        return int(value) if constant else self._leaf(value)

    def _as_node(self, value: Any) -> fx.Node:
        if isinstance(value, Repeated):
            sizes = (self._times(1), *(-1 for _ in value.one.shape[1:]))
            return self.graph.call_method("expand", (self._constant(value.one), *sizes))
        return self.nodes[id(value)] if id(value) in self.nodes else self._constant(value)

    def _times(self, times: int) -> Any:
        if self.batch is None:
            with self.graph.inserting_after(list(self.graph.find_nodes(op="placeholder"))[-1]):
                self.batch = self.graph.call_method("size", (self.first, 0))
        return self.batch if times == 1 else self.graph.call_function(operator.mul, (self.batch, times))

    def _constant(self, value: Tensor) -> fx.Node:
        _, name = self.constants.setdefault(id(value), (value, f"constant{len(self.constants)}"))
        if not hasattr(self.root, name):
            self.root.register_buffer(name, value.detach().clone())
        return self.graph.get_attr(name)

    def _reshaped(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """With -1 in the batch's place, where there is none yet."""
        leaves = tree_flatten(args[1:])[0]
        if sum(isinstance(v, Batch) for v in leaves) != 1 or -1 in leaves:
            return args
        return (args[0], *tree_map(lambda v: -1 if isinstance(v, Batch) else v, args[1:]))

    def _expanded(self, call: Call, args: tuple[Any, ...]) -> tuple[Any, ...]:
        sizes = tuple(tree_flatten(args[1:])[0])
        had = args[0].shape if isinstance(args[0], Tensor) else ()
        if len(had) == len(sizes):
            found = call.result.shape
            sizes = tuple(-1 if had[i] == found[i] else size for i, size in enumerate(sizes))
        return (args[0], *sizes)

    # --- modules

    def _module(self, call: Call, args: tuple[Any, ...]) -> fx.Node | None:
        if not args or not isinstance(args[0], Tensor) or id(args[0]) not in self.nodes:
            return None
        if any(isinstance(v, Tensor) and id(v) in self.nodes for v in tree_flatten((args[1:], call.kwargs))[0]):
            return None
        module = module_of(call.name, args, dict(call.kwargs), args[0])
        if module is None:
            return None
        target = self._placed(call, args, module)
        return self.graph.call_module(target, (self.nodes[id(args[0])],))

    def _placed(self, call: Call, args: tuple[Any, ...], module: nn.Module) -> str:
        path, kind = path_of(call), type(module).__name__.lower()
        weights = tuple(id(v) for v in tree_flatten((args[1:], call.kwargs))[0] if isinstance(v, Tensor))
        key = (path, repr(module), weights)
        if key in self.made:
            return self.made[key]
        target = path if path in self.alone else f"{path}.{kind}" if path else kind
        base, number = target, 1
        while target in self.made.values():
            number += 1
            target = f"{base}{number}"
        self.made[key] = target
        if weights and path not in self.places:
            self.places[path] = target
        put_at(self.root, target, module)
        return target

    def _paths_of_their_own(self, calls: Sequence[Call]) -> set[str]:
        """Paths under which one call is made, and none below."""
        paths = Counter(path_of(call) for call in calls)
        return {
            path for path, count in paths.items()
            if path and count == 1 and not any(other.startswith(path + ".") for other in paths)
        }  # fmt: skip

    # --- writing

    def _written(self, call: Call, args: tuple[Any, ...]) -> fx.Node:
        base, index, value = args
        spread = spread_index(index, call.result.dim())
        chosen = [(d, i) for d, i in enumerate(spread) if not (isinstance(i, slice) and i == slice(None))]
        if len(chosen) == 1 and isinstance(value, Tensor):
            dim, where = chosen[0]
            start = (self._as_node(base), self._as_node(value), dim)
            if isinstance(where, slice):
                ends = (where.start, where.stop, where.step or 1)
                return self.graph.call_function(torch.slice_scatter, (*start, *map(self._bound, ends)))
            if isinstance(where, Tensor) and where.dim() == 1 and where.dtype == torch.int64:
                return self.graph.call_function(torch.index_copy, (start[0], dim, self._as_node(where), start[1]))
        raise ExportError(
            f"{call.layer or 'the model itself'}: it writes into a tensor in a way that has no place in a graph"
        )


def spread_index(index: Any, dims: int) -> list[Any]:
    """An index as one for each dimension."""
    parts = list(index) if isinstance(index, tuple) else [index]
    at = next((n for n, part in enumerate(parts) if part is Ellipsis), len(parts))
    rest = parts[at + 1 :]
    parts = parts[:at] + [slice(None)] * (dims - at - len(rest)) + rest
    return [torch.tensor(part) if isinstance(part, list) else part for part in parts]


def path_of(call: Call) -> str:
    """The path of the layer, without what stands in its place."""
    return ".".join(part for part in call.layer.split(".") if part != ADAPTER)


def put_at(root: nn.Module, path: str, module: nn.Module) -> None:
    """Set a module, and containers above it."""
    *above, name = path.split(".")
    for part in above:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root._modules[part]  # type: ignore[assignment]
    root.add_module(name, module)


def changes_nothing(call: Call) -> bool:
    """Whether a call gave the very numbers that came, in the same shape and dtype."""
    if call.name not in SAME or not isinstance(call.result, Tensor) or not call.args:
        return False
    came, gave = call.args[0], call.result
    return isinstance(came, Tensor) and (came.shape, came.dtype) == (gave.shape, gave.dtype)


def refuse_written_views(calls: Sequence[Call]) -> None:
    """Refuse what a graph without writes can't tell: a tensor that changes because another was written to.

    Raises:
        ExportError: there is one.
    """
    made: dict[int, int] = {}
    writes: dict[int, tuple[int, int]] = {}
    for number, call in enumerate(calls):
        for value in tree_flatten((call.args, call.kwargs))[0]:
            if not isinstance(value, Tensor) or value is call.written:
                continue
            last, tensor = writes.get(value.untyped_storage().data_ptr(), (-1, 0))
            if id(value) != tensor and made.get(id(value), -1) < last:
                where = call.layer or "the model itself"
                raise ExportError(f"{where}: it reads a view of a tensor that was written to since the view was made")
        for value in tree_flatten(call.result)[0]:
            if isinstance(value, Tensor):
                made[id(value)] = number
        if call.written is not None:
            writes[call.written.untyped_storage().data_ptr()] = (number, id(call.written))
