"""Machine types: their processors, GPUs, memory, and the zones that offer them."""

import csv
import difflib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from components.catalog.regions import EU_REGIONS

DATA: Final = Path(__file__).parent / "data"

# What CUDA reports as total memory, in GiB; the marketing size minus what the driver and ECC keep.
# Source: start-up logs of vLLM (tests/model/data/kv_records.jsonl), the lowest value where they differ. No log names an
# L4: it is taken to report what an A10G of the same size does.
REPORTED_GIB: Final[dict[str, float]] = {
    "T4": 14.56,
    "V100": 31.73,
    "A10G": 21.95,
    "L4": 21.95,
    "L40S": 44.39,
    "A100 40 GB": 39.38,
    "A100 80 GB": 79.10,
    "H100": 79.18,
    "H200": 139.72,
    "B300": 267.69,
}
# For a GPU without a log: the smallest ratio of reported to nominal memory among the others is 0.91 (T4).
CAUTIOUS_RATIO: Final = 0.95


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU model.

    Attributes:
        name: as AWS writes it, with the size where one name has two.
        memory_gib: nominal.
        memory_gib_usable: what CUDA reports as total; `gpu_memory_utilization` is a share of this.
    """

    name: str
    memory_gib: float
    memory_gib_usable: float


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """One EC2 machine type; `gpu` is None exactly when `gpus` is 0."""

    name: str
    vcpus: int
    memory_gib: float
    gpus: int
    gpu: Gpu | None
    nvme_gb: int
    network: str
    architecture: str


@dataclass(frozen=True, kw_only=True)
class Offering:
    """Ids of a region's zones that offer a type (`euc1-az1`, the same in every account), and who says so."""

    zones: tuple[str, ...]
    source: str
    date: str


def line_gbit(network: str) -> tuple[float, bool] | None:
    """Gigabits a second, and whether they are a burst only, as AWS words it; None for other words.

    Args:
        network: `25 Gigabit`, `Up to 10 Gigabit`, `4x 100 Gigabit`.
    """
    found = re.fullmatch(r"(Up to )?(?:(\d+)x )?([\d.]+) Gigabit", network)
    return None if found is None else (int(found[2] or 1) * float(found[3]), bool(found[1]))


def find(name: str) -> InstanceType:
    """The machine type of that name.

    Raises:
        LookupError: no such type is known; the message starts with the name and proposes a near one.
    """
    types = all_types()
    if name in types:
        return types[name]
    near = difflib.get_close_matches(name, types, n=1)
    way_out = f"did you mean {near[0]}?" if near else "components/catalog/data/instances.csv lists the known ones"
    raise LookupError(f"{name!r} is no known machine type; {way_out}")


def offered_zones(name: str, region: str) -> tuple[str, ...]:
    """Ids of the region's zones that offer the type; empty when none does."""
    found = offering(name, region)
    return found.zones if found else ()


def offering(name: str, region: str) -> Offering | None:
    """The same with source and date; None when no zone offers the type."""
    return _offerings().get((name, region))


def zones_of(region: str) -> tuple[str, ...]:
    """Ids of the region's zones that offer anything, as far as the catalogue knows."""
    return tuple(sorted({zone for (_, place), it in _offerings().items() if place == region for zone in it.zones}))


def offered_regions(name: str) -> tuple[str, ...]:
    """The EU regions that offer the type, each with its zones: `eu-north-1 (eun1-az1, eun1-az3)`."""
    found = {region: it.zones for (offered, region), it in _offerings().items() if offered == name}
    return tuple(f"{region} ({', '.join(found[region])})" for region in EU_REGIONS if region in found)


def offerings_known(region: str) -> bool:
    """Whether the catalogue knows which types a region offers; of the Sovereign Cloud it knows nothing."""
    return bool(zones_of(region))


@lru_cache
def all_types() -> dict[str, InstanceType]:
    """Every known machine type by name."""
    return {row["type"]: _instance_type(row) for row in read("instances.csv")}


@lru_cache
def _offerings() -> dict[tuple[str, str], Offering]:
    return {
        (row["type"], row["region"]): Offering(
            zones=tuple(row["zone_ids"].split(";")), source=row["source"], date=row["date"]
        )
        for row in read("offerings.csv")
    }


def read(name: str) -> list[dict[str, str]]:
    """Rows of one of the catalogue's CSV files."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _instance_type(row: dict[str, str]) -> InstanceType:
    gpus = int(row["gpus"])
    return InstanceType(
        name=row["type"],
        vcpus=int(row["vcpus"]),
        memory_gib=float(row["memory_gib"]),
        gpus=gpus,
        gpu=_gpu(row["gpu"], int(row["gpu_memory_mib"]) / 1024) if gpus else None,
        nvme_gb=int(row["nvme_gb"]),
        network=row["network"],
        architecture=row["architecture"],
    )


def _gpu(name: str, memory_gib: float) -> Gpu:
    full_name = f"{name} {memory_gib:.0f} GB" if name == "A100" else name
    usable = REPORTED_GIB.get(full_name, round(memory_gib * CAUTIOUS_RATIO, 2))
    return Gpu(name=full_name, memory_gib=memory_gib, memory_gib_usable=usable)
