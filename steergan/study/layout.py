"""Where the cells of a study are in its pictures: which panel, and which line in it."""

from dataclasses import dataclass

from steergan.study.plan import Study

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Panels in rows and columns, lines in each; each is named by the options of its axes, `()` if no axis makes it."""

    roles: tuple[str, ...]
    """Of every axis: `lines`, `rows` or `columns`."""
    lines: tuple[Labels, ...]
    rows: tuple[Labels, ...]
    columns: tuple[Labels, ...]

    def part(self, labels: Labels, role: str) -> Labels:
        """The options of a cell on the axes of a role."""
        return tuple(label for label, other in zip(labels, self.roles, strict=True) if other == role)

    def place(self, labels: Labels) -> tuple[int, int, int]:
        """Numbers of a cell's line, row and column."""
        return (
            self.lines.index(self.part(labels, "lines")),
            self.rows.index(self.part(labels, "rows")),
            self.columns.index(self.part(labels, "columns")),
        )


def layout(study: Study) -> Layout:
    """What the study's `draw` keys say."""
    axes = study.file.axis
    roles = ["lines" if axis.draw == "auto" else axis.draw for axis in axes]
    if len(axes) > 1 and axes[-1].draw == "auto":
        roles[-1] = "columns"
    bare = Layout(tuple(roles), (), (), ())

    def found(role: str) -> tuple[Labels, ...]:
        return tuple(dict.fromkeys(bare.part(labels, role) for labels in study.cells))

    return Layout(tuple(roles), found("lines"), found("rows"), found("columns"))
