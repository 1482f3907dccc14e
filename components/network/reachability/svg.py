"""The few shapes that a drawing of a network needs, as SVG text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

FONT: Final = "Helvetica, Arial, sans-serif"
INK, QUIET, OPEN, SHUT = "#1f2933", "#616e7c", "#13795b", "#c0362c"
CROSS: Final = 6
"""Half the size of the cross on a way that is shut."""
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle, in pixels from the upper left corner of the drawing."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> Point:
        """Its centre."""
        return self.x + self.width / 2, self.y + self.height / 2


class Canvas:
    """Shapes in the order in which they are drawn; the same calls give the same text."""

    def __init__(self) -> None:
        self._shapes: list[str] = []

    def box(self, box: Box, *, fill: str, line: str = QUIET, dashed: bool = False, round_: float = 4) -> None:
        """A filled rectangle."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._shapes.append(
            f'<rect x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}" '
            f'rx="{_n(round_)}" fill="{fill}" stroke="{line}"{dash}/>'
        )

    def text(
        self, at: Point, words: str, *, size: float = 12, fill: str = INK, bold: bool = False, anchor: str = "start"
    ) -> None:
        """One line; `at` is its base line's start, middle or end."""
        weight = ' font-weight="bold"' if bold else ""
        self._shapes.append(
            f'<text x="{_n(at[0])}" y="{_n(at[1])}" font-size="{_n(size)}" fill="{fill}" '
            f'text-anchor="{anchor}"{weight}>{escape(words)}</text>'
        )

    def lines(self, at: Point, words: Sequence[str], *, size: float = 11, fill: str = INK, step: float = 14) -> None:
        """Several lines, one below the other."""
        for number, line in enumerate(words):
            self.text((at[0], at[1] + number * step), line, size=size, fill=fill)

    def way(self, *points: Point, open_: bool, arrow: bool = True) -> None:
        """A path that can be gone, or one that is dashed and crossed out in the middle of its last stretch."""
        path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        colour, dash = (OPEN, "") if open_ else (SHUT, ' stroke-dasharray="6 4"')
        head = f' marker-end="url(#{"open" if open_ else "shut"})"' if arrow else ""
        self._shapes.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}{head}/>')
        if not open_ and arrow:
            (x0, y0), (x1, y1) = points[-2], points[-1]
            self._cross((x0 + x1) / 2, (y0 + y1) / 2)

    def dot(self, at: Point, *, open_: bool) -> None:
        """Where several ways join."""
        colour = OPEN if open_ else SHUT
        self._shapes.append(f'<circle cx="{_n(at[0])}" cy="{_n(at[1])}" r="3" fill="{colour}"/>')

    def document(self, width: float, height: float, title: str) -> str:
        """The whole file."""
        heads = "".join(
            f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            f'orient="auto-start-reverse"><path d="M0,0 L10,5 L0,10 z" fill="{colour}"/></marker>'
            for name, colour in (("open", OPEN), ("shut", SHUT))
        )
        body = "\n".join(self._shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(width)}" height="{_n(height)}" '
            f'viewBox="0 0 {_n(width)} {_n(height)}" font-family="{FONT}" role="img">\n'
            f"<title>{escape(title)}</title>\n<defs>{heads}</defs>\n"
            f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
        )

    def _cross(self, x: float, y: float) -> None:
        strokes = "".join(
            f'<line x1="{_n(x - CROSS)}" y1="{_n(y - sign * CROSS)}" x2="{_n(x + CROSS)}" y2="{_n(y + sign * CROSS)}"/>'
            for sign in (1, -1)
        )
        self._shapes.append(f'<g stroke="{SHUT}" stroke-width="2.6">{strokes}</g>')


def _n(value: float) -> str:
    """A number without a trailing zero, so that drawings of the same network are the same text."""
    return f"{value:.1f}".removesuffix(".0")
