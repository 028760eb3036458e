"""Models leave: as plain torch, ONNX, programs of torch.export, or a folder for a hub; proved the same."""

from steergan.exporting.baking import Baked, bake
from steergan.exporting.exported import Export, Wish, export, export_part
from steergan.exporting.parts import Part
from steergan.exporting.recorder import ExportError
from steergan.exporting.targets import TARGETS

__all__ = [
    "TARGETS",
    "Baked",
    "Export",
    "ExportError",
    "Part",
    "Wish",
    "bake",
    "export",
    "export_part",
]
