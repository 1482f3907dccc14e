"""From nothing to the first answer: what a start is made of, and between which seconds each part lies.

No part was measured on AWS with our own images: each has somebody's published measurement, named beside it.
"""

from dataclasses import dataclass
from typing import Final

from components.catalog.instances import InstanceType, line_gbit

GB: Final = 1e9
SLOWEST_NETWORK_GBIT: Final = 5.0
"""For a machine whose network the catalogue words in another way than `25 Gigabit`."""
USABLE: Final = 0.9
"""Share of a network's nominal rate that a download over TLS was seen to reach."""
KAITO: Final = "kaito-project/kaito#2325: Qwen 27B on one A100, vLLM 0.25.1, one run on AKS (2026-09)"
SMALL: Final = "vllm-project/vllm#49782: 0.6B on an A10, 79 s, and 48 s with the compile cache"
VLLM: Final = "vllm-project/vllm#44881: Qwen 35B-A3B on one RTX 5090, vLLM 0.22 (2026-06)"


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One part of a start.

    Attributes:
        low: seconds in the best of the sources.
        high: seconds in the worst of them.
        spared_by: what makes the part fall away or shrink.
    """

    name: str
    low: float
    high: float
    source: str
    spared_by: str


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """All parts, one after the other.

    Attributes:
        low: seconds when everything goes well.
        high: seconds when nothing does.
    """

    phases: tuple[Phase, ...]
    low: float
    high: float

    @property
    def longest(self) -> Phase:
        """The part to work on first."""
        return max(self.phases, key=lambda phase: phase.low)


def cold_start(weights_bytes: int, machine: InstanceType, *, node_waits: bool, compiled: bool = False) -> ColdStart:
    """The parts of a start.

    Args:
        weights_bytes: of all files that the engine reads.
        machine: what it runs on.
        node_waits: a machine with the image on it is up already (`min_nodes` covers the replicas).
        compiled: the engine's compile cache is restored.
    """
    node = (
        Phase(
            name="node joins",
            low=45,
            high=410,
            source=f"tensorfuse/tensorfuse-examples#1 (45 s); {KAITO}",
            spared_by="min_nodes that covers the replicas",
        ),
        Phase(
            name="image pull",
            low=20,
            high=101,
            source=f"tensorfuse/tensorfuse-examples#1 (15 GB, lazily); {KAITO} (5.6 GB)",
            spared_by="a node that has the image",
        ),
    )
    phases = (*(() if node_waits else node), *_own(weights_bytes, machine, compiled))
    return ColdStart(phases=phases, low=sum(phase.low for phase in phases), high=sum(phase.high for phase in phases))


def _own(weights_bytes: int, machine: InstanceType, compiled: bool) -> tuple[Phase, ...]:
    """What every start of an engine has, on a node that waits as well."""
    size = weights_bytes / GB
    return (
        Phase(
            name="weights to the node",
            low=size / (network_gbit(machine) / 8 * USABLE),
            high=size / (51.75 * 1.073741824 / 62),
            source=f"{machine.name}'s network at {USABLE:.0%}; {KAITO} (51.75 GiB in 62 s, loading included)",
            spared_by="-",
        ),
        Phase(
            name="program starts",
            low=16,
            high=95,
            source=f"{VLLM}; {KAITO}",
            spared_by="-",
        ),
        Phase(
            name="weights to the GPU",
            low=size / (3.51 * 1.073741824),
            high=size / (21.82 * 1.073741824 / 18),
            source=f"run-ai/runai-model-streamer benchmarks (3.51 GiB/s); {VLLM} (21.82 GiB in 18 s)",
            spared_by="-",
        ),
        Phase(
            name="compile",
            low=5 if compiled else 31,
            high=5 if compiled else 43,
            source=f"{SMALL}; {VLLM}",
            spared_by="compile_cache_sha256",
        ),
        Phase(
            name="profile, KV cache, graphs, warm-up",
            low=48 - 16 - 5,
            high=210,
            source=f"{SMALL} (48 s in all, less program and cached compile); {VLLM}",
            spared_by="-",
        ),
    )


def network_gbit(machine: InstanceType) -> float:
    """Gigabits a second of a machine's network at its best: a burst counts in full."""
    line = line_gbit(machine.network)
    return SLOWEST_NETWORK_GBIT if line is None else line[0]
