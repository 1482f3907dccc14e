"""Tables of a network's explanation, for people."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.table import Table

from components.network.reachability.matrix import Cell, Row
from operations.network_explain import Explanation

WIDTH: Final = 160
"""Of the matrix where the output is no terminal: a CI log wraps nothing."""
HEADS: Final = {
    "control-plane": "control plane",
    "front": "load balancer",
    "dns": "CoreDNS",
    "pod": "other pod",
    "private-link": "PrivateLink",
}
"""Words for callers whose role is not one; whatever else keeps its role, which `--from` understands."""

LEGEND: Final = """  yes: the connection and its answer pass, in every zone. some: it depends on the zone.
  no 3: three locks stay shut where it is weakest, and each of them suffices. What lies outside the VPC counts as open.
  --from A --to B --port P says why."""
PODS_OPEN: Final = "  No serving stack is given, so pods count as open; --serving S brings its NetworkPolicies in."


def show(found: Explanation, console: Console | None = None) -> None:
    """Print everything."""
    out = console or Console(highlight=False)
    if not out.is_terminal:
        out.width = max(out.width, WIDTH)
    out.print(_addresses(found))
    out.print(f"  Nodes and pods need up to {found.needed:,} addresses;", end=" ")
    out.print(f"{found.offered:,} remain while the largest zone is lost.\n")
    out.print(_endpoints(found))
    out.print()
    out.print(matrix_table(found.rows))
    out.print(LEGEND)
    if not found.pods_filtered:
        out.print(PODS_OPEN, style="yellow")
    for split in found.splits:
        out.print(f"  One address does not stand for all: {split}.", style="red")


def _addresses(found: Explanation) -> Table:
    table = Table(
        "zone", "nodes", "further pods", "endpoints", "runner", "for nodes and pods", box=None, padding=(0, 2)
    )
    for zone, place in found.zones.items():
        row = (place.node_cidr, place.pod_cidr or "none", place.endpoint_cidr, place.runner_cidr)
        table.add_row(zone, *row, f"{place.addresses:,}")
    return table


def _endpoints(found: Explanation) -> Table:
    table = Table("endpoint", "kind", "because", box=None, padding=(0, 2))
    for endpoint in found.endpoints:
        table.add_row(endpoint.service, endpoint.kind.lower(), endpoint.reason)
    return table


def matrix_table(rows: Iterable[Row]) -> Table:
    """Who is called in rows, who calls in columns; endpoints with the same answers share a row."""
    shown = list(_merged(rows))
    callers = list(shown[0][1].cells) if shown else []
    table = Table(box=None, padding=(0, 1))
    for head in ("to, from", "port"):
        table.add_column(head, no_wrap=True)
    for caller in callers:
        table.add_column(HEADS.get(caller, caller), overflow="fold")
    for title, row in shown:
        table.add_row(title, f"{row.protocol} {row.port}", *map(_cell, row.cells.values()))
    return table


def _merged(rows: Iterable[Row]) -> Iterable[tuple[str, Row]]:
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        endpoint = row.title.startswith("endpoint ")
        key = (row.protocol, row.port, row.answers()) if endpoint else (row.destination, row.protocol, row.port)
        groups.setdefault(key, []).append(row)
    for same in groups.values():
        first = same[0]
        others = f" and {len(same) - 1} more" if len(same) > 1 else ""
        yield first.title + others, first


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return cell.answer if cell.answer != "no" else f"[dim]no {cell.locks}[/dim]"
