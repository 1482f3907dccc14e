"""What is shown where kernel and analysis disagree: both answers, the reasons, and the rules concerned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from components.network.reachability.verdict import Verdict
from sandbox.network.world import Host, World


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One pair or name.

    Attributes:
        kernel: what was heard.
        rules: what the kernel was given for both ends.
    """

    what: str
    kernel: str
    analysis: Verdict
    rules: str

    def __str__(self) -> str:
        answer = "yes" if self.analysis.allowed else "no"
        reasons = "\n".join(f"      {line}" for line in self.analysis.by)
        return f"{self.what}\n  kernel:   {self.kernel}\n  analysis: {answer}\n{reasons}\n{self.rules}"


def rules_around(world: World, names: Iterable[str]) -> str:
    """Addresses and filters of some hosts, and the router's lists and routes."""
    wanted = set(names)
    around = [_host(host) for host in world.hosts if host.name in wanted]
    return "\n".join([*around, "  router:", _indented(world.rules), _indented(world.roads)])


def _host(host: Host) -> str:
    return f"  {host.name} on {host.device}:\n{_indented(host.setup + host.rules)}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
