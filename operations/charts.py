"""Pictures of what commands compute, as PNG or SVG by the file's name."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from operations.errors import CommandError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES: Final = (".png", ".svg")
WIDTH, HEIGHT = 9.0, 5.0
"""Inches."""
DOTS: Final = 150
"""A PNG's dots in an inch."""
PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "weights_gib": ("weights", "#31688e"),
    "activation_gib": ("activations", "#35b779"),
    "non_torch_gib": ("other CUDA memory", "#90d743"),
    "cuda_graphs_gib": ("CUDA graphs", "#fde725"),
    "available_kv_gib": ("KV cache", "#440154"),
}
"""Term of a GPU's memory -> name and colour; told apart by people who see no red or green."""


def checked(path: Path) -> Path:
    """The path, if a picture can be written there.

    Raises:
        CommandError: the name ends in neither .png nor .svg.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise CommandError(f"--plot {str(path)!r}: ends in {path.suffix or 'nothing'!r}; name a .png or .svg file")
    return path


def memory_bars(path: Path, title: str, bars: Mapping[str, Mapping[str, float]]) -> None:
    """Stacked bars of one GPU's memory.

    Args:
        path: .png or .svg.
        title: of the picture.
        bars: name of a bar -> term -> GiB; `requested_gib` is what the engine may use.
    """
    with _picture(path) as axes:
        left = [0.0] * len(bars)
        for term, (name, colour) in PARTS.items():
            widths = [max(0.0, terms[term]) for terms in bars.values()]
            axes.barh(list(bars), widths, left=left, label=name, color=colour)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        for number, terms in enumerate(bars.values()):
            axes.plot([terms["requested_gib"]] * 2, [number - 0.45, number + 0.45], color="black", linewidth=2)
        axes.set_xlabel("GiB of one GPU; the line is what the engine may use")
        axes.invert_yaxis()
        axes.set_title(title)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=len(PARTS), frameon=False, fontsize=8)


def cost_lines(
    path: Path, title: str, requests: Sequence[float], lines: Mapping[str, Sequence[float]], at: float
) -> None:
    """What ways cost over the load.

    Args:
        path: .png or .svg.
        title: of the picture.
        requests: an hour, rising.
        lines: name of a way -> USD a month at each of them.
        at: the load that was asked for.
    """
    with _picture(path) as axes:
        for (name, values), style in zip(lines.items(), ("-", "--", "-.", ":"), strict=False):
            axes.plot(requests, values, style, label=name, linewidth=2)
        axes.axvline(at, color="grey", linewidth=1)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("requests an hour; the line is the load that was asked for")
        axes.set_ylabel("USD a month")
        axes.set_title(title)
        axes.legend(frameon=False)
        axes.grid(alpha=0.3)


@contextmanager
def _picture(path: Path) -> Iterator["Axes"]:
    """Axes of a figure that is written when the block ends; nothing is written when it fails."""
    import matplotlib
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    yield figure.subplots()
    vector = checked(path).suffix.lower() == ".svg"
    try:
        # The same numbers give the same file.
        with matplotlib.rc_context({"svg.hashsalt": "cloister"}):
            figure.savefig(path, dpi=DOTS, metadata={"Date": None} if vector else None)
    except OSError as error:
        raise CommandError(f"--plot {str(path)!r}: {error.strerror}; name a file that can be written") from None
