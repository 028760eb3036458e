"""What is public: rooms, their modules, and the names that they offer."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "steergan"


def rooms() -> list[str]:
    """Folders and files of steergan/, by name."""
    inside = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    return sorted(path.stem for path in inside if path.stem != "__init__")


def modules(room: str) -> list[str]:
    """Dotted names of a room's modules."""
    files = [PACKAGE / f"{room}.py"] if (PACKAGE / f"{room}.py").is_file() else sorted((PACKAGE / room).rglob("*.py"))
    parts = [file.relative_to(ROOT).with_suffix("").parts for file in files]
    return [".".join(part for part in names if part != "__init__") for names in parts]


def functions_and_classes(room: str) -> dict[str, object]:
    """Those that `__all__` lists; without it, the module's own that begin with no underscore."""
    module = importlib.import_module(f"steergan.{room}")
    listed = getattr(module, "__all__", None)
    names = listed if listed is not None else [name for name in vars(module) if not name.startswith("_")]
    found = {name: getattr(module, name) for name in names}
    return {
        name: value
        for name, value in found.items()
        if (inspect.isclass(value) or inspect.isroutine(value))
        and (listed is not None or value.__module__ == module.__name__)
    }


def docstrings(file: Path) -> Iterator[tuple[str, str]]:
    """(where, docstring) of a file's module and of its public classes, functions and methods."""
    tree = ast.parse(file.read_text())
    pending: list[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef]] = [(str(file.relative_to(ROOT)), tree)]
    while pending:
        where, node = pending.pop()
        if text := ast.get_docstring(node):
            yield where, text
        if not isinstance(node, ast.FunctionDef):
            inside = [inner for inner in node.body if isinstance(inner, ast.ClassDef | ast.FunctionDef)]
            pending += [(f"{where}:{inner.name}", inner) for inner in inside if not inner.name.startswith("_")]
