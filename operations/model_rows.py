"""What one model of a serving stack needs on its pool: memory, machines, the way of its weights, its start."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.catalog import instances
from components.catalog.instances import InstanceType
from components.model.cold_start import ColdStart
from components.model.lock import ModelLock
from components.model.sizing import MemoryPlan
from components.model.weights_path import WeightsPath
from components.settings.cluster import NodePool
from components.settings.model_service import ModelService
from components.settings.placement import machines_of, memory_of, start_of
from components.settings.weights_checks import weights_path
from operations.bill import pool_price


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """One model of the stack: `nodes` machines of its pool hold all replicas, if they had the pool to themselves."""

    model: str
    lock: str
    node_pool: str
    instance_type: str
    replicas: int
    gpus: int
    nodes: int
    weights_gb: float
    memory: MemoryPlan | None
    problem: str
    weights: WeightsPath | None
    usd_per_million_tokens: float | None = None
    start: ColdStart | None = None

    @property
    def refused(self) -> bool:
        """Whether it cannot start."""
        return bool(self.problem) and (self.memory is None or self.memory.verdict == "refuse")


def model_row(
    region: str,
    name: str,
    model: ModelService,
    lock: ModelLock,
    pools: Mapping[str, NodePool],
    tokens_per_second: float | None,
) -> ModelRow:
    """The row of one model; what is wrong with it stands in `problem`.

    Args:
        region: where suggested machine types must be offered.
        name: of the model.
        model: its section of the stack.
        lock: its lock file.
        pools: node pools of the platform.
        tokens_per_second: answer tokens of one replica under full load.
    """
    pool = pools.get(model.node_pool)
    machine = instances.find(pool.instance_type) if pool else None
    memory, start, nodes, tokens_usd = None, None, 0, None
    if pool is None or machine is None:
        problem = f"{model.node_pool!r} is no node pool of the platform; there are {', '.join(pools)}"
    elif machine.gpu is None or model.gpus > machine.gpus:
        problem = f"{machine.name} has {machine.gpus} GPUs, the model wants {model.gpus}; take a larger machine type"
    else:
        memory = memory_of(model, lock, machine.gpu, region)
        problem = memory.problem
        nodes = machines_of([model], pool)
        start = start_of(model, lock, pool)
        tokens_usd = _token_price(pool, machine, model.gpus, region, tokens_per_second)
    return ModelRow(
        model=name,
        lock=model.lock,
        node_pool=model.node_pool,
        instance_type=machine.name if machine else "",
        replicas=model.replicas,
        gpus=model.gpus,
        nodes=nodes,
        weights_gb=lock.weights_bytes / 1e9,
        memory=memory,
        problem=problem,
        weights=weights_path(model, lock, machine) if machine else None,
        start=start,
        usd_per_million_tokens=tokens_usd,
    )


def _token_price(
    pool: NodePool, machine: InstanceType, gpus: int, region: str, tokens_per_second: float | None
) -> float | None:
    """USD per million answer tokens of a replica that is never idle: its share of the machine's highest price."""
    price = pool_price(pool, region)
    if price is None or tokens_per_second is None:
        return None
    return price[1].usd * gpus / machine.gpus / (tokens_per_second * 3600) * 1e6
