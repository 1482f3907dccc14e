"""What a serving stack needs and costs, before anything exists: memory of every model, machines, the monthly price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from components.catalog import instances
from components.catalog.prices import HOURS_PER_MONTH, fixed_cost, on_demand_usd_per_month
from components.catalog.transfer import Flow
from components.model.cold_start import ColdStart, cold_start
from components.model.lock import ModelLock
from components.model.sizing import MemoryPlan, plan
from components.model.weights_path import WeightsPath, choose_path
from components.settings.cluster import NodePool
from components.settings.model_service import ModelService
from components.settings.placement import machines_for, machines_of, nodes_wait


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


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """One line of the bill; None where no price is known.

    Attributes:
        usd_per_month: of what runs all the time.
        usd_per_month_high: with every node that the pool may add.
        gpus: of the machines; 0 for everything else.
        idle_gpus: that run all the time and no model uses.
    """

    what: str
    quantity: float
    usd_per_month: float | None
    verified: bool
    usd_per_month_high: float | None = None
    gpus: int = 0
    idle_gpus: int = 0

    @property
    def high(self) -> float:
        """The most that the line may come to."""
        return self.usd_per_month_high if self.usd_per_month_high is not None else self.usd_per_month or 0.0


@dataclass(frozen=True, kw_only=True)
class PlatformParts:
    """What the platform has whether or not anybody asks a model.

    Attributes:
        zones: availability zones.
        interface_endpoints: interface endpoints in every zone; gateway endpoints cost nothing.
        kms_keys: customer managed keys.
        load_balancers: in front of the gateway.
        vpn_connections: to places on premises.
        private_zones: private hosted zones.
        alarms: CloudWatch alarms.
        transfer: what moves, and the price of a GB.
    """

    zones: int
    interface_endpoints: int
    kms_keys: int
    load_balancers: int = 0
    vpn_connections: int = 0
    private_zones: int = 0
    alarms: int = 0
    transfer: tuple[Flow, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SizeReport:
    """Everything; `dataclasses.asdict` of it is the JSON form."""

    region: str
    models: tuple[ModelRow, ...]
    costs: tuple[CostRow, ...]
    transfer: tuple[Flow, ...]
    usd_per_month: float
    usd_per_month_high: float
    unpriced: tuple[str, ...]
    idle: tuple[str, ...]
    refused: bool


def size_report(
    region: str,
    models: Mapping[str, ModelService],
    locks: Mapping[str, ModelLock],
    pools: Mapping[str, NodePool],
    platform: PlatformParts,
    tokens_per_second: float | None = None,
) -> SizeReport:
    """The report for one serving stack on one platform.

    Args:
        region: of both stacks.
        models: the section `models:` of the serving stack.
        locks: lock files by name.
        pools: the section `node_pools:` of the platform stack.
        platform: what else the platform has.
        tokens_per_second: answer tokens of one replica under full load.
    """
    rows = tuple(
        _model_row(region, name, model, locks[model.lock], pools, tokens_per_second) for name, model in models.items()
    )
    hours = HOURS_PER_MONTH
    machines = tuple(_pool_cost(region, name, pool, rows) for name, pool in pools.items())
    costs = (
        *machines,
        _disks(region, [(pool, int(cost.quantity)) for pool, cost in zip(pools.values(), machines, strict=True)]),
        _fixed("EKS control plane", "eks-control-plane-hour", region, hours),
        _fixed(
            "interface endpoints",
            "interface-endpoint-zone-hour",
            region,
            platform.interface_endpoints * platform.zones * hours,
        ),
        _fixed("KMS keys", "kms-key-month", region, platform.kms_keys),
        _fixed("weights in S3", "s3-standard-gb-month", region, sum(row.weights_gb for row in _each_lock_once(rows))),
        *_some("network load balancer", "nlb-hour", region, platform.load_balancers * hours),
        *_some("VPN connections", "vpn-connection-hour", region, platform.vpn_connections * hours),
        *_some("private hosted zones", "private-zone-month", region, platform.private_zones),
        *_some("alarms", "alarm-month", region, platform.alarms),
    )
    return SizeReport(
        region=region,
        models=rows,
        costs=costs,
        transfer=platform.transfer,
        usd_per_month=sum(cost.usd_per_month or 0.0 for cost in costs),
        usd_per_month_high=sum(cost.high for cost in costs),
        idle=tuple(
            f"{cost.what}: {cost.idle_gpus} of {cost.gpus} GPUs idle; lower min_nodes, or give a model more of them"
            for cost in costs
            if cost.idle_gpus
        ),
        unpriced=tuple(cost.what for cost in costs if cost.usd_per_month is None),
        refused=any(row.problem and (row.memory is None or row.memory.verdict == "refuse") for row in rows),
    )


def _model_row(
    region: str,
    name: str,
    model: ModelService,
    lock: ModelLock,
    pools: Mapping[str, NodePool],
    tokens_per_second: float | None,
) -> ModelRow:
    pool = pools.get(model.node_pool)
    machine = instances.find(pool.instance_type) if pool else None
    memory, start, nodes, problem = None, None, 0, ""
    if machine is None:
        problem = f"{model.node_pool!r} is no node pool of the platform; there are {', '.join(pools)}"
    elif machine.gpu is None or model.gpus > machine.gpus:
        problem = f"{machine.name} has {machine.gpus} GPUs, the model wants {model.gpus}; take a larger machine type"
    else:
        memory = plan(
            lock,
            machine.gpu,
            gpus=model.gpus,
            max_model_len=model.max_model_len,
            max_num_seqs=model.max_num_seqs,
            kv_cache_dtype=model.kv_cache_dtype,
            gpu_memory_utilization=model.gpu_memory_utilization,
            region=region,
        )
        problem = memory.problem
        assert pool is not None  # its machine is known
        nodes = machines_of([model], pool)
        start = cold_start(lock.weights_bytes, machine, node_waits=nodes_wait(model, pool))
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
        weights=choose_path(
            engine=model.engine,
            weights_format=lock.format,
            weights_bytes=lock.weights_bytes,
            network=machine.network,
            nvme_gb=machine.nvme_gb,
        )
        if machine
        else None,
        start=start,
        usd_per_million_tokens=_token_price(machine, model.gpus, region, tokens_per_second) if memory else None,
    )


def _token_price(
    machine: instances.InstanceType | None, gpus: int, region: str, tokens_per_second: float | None
) -> float | None:
    """USD per million answer tokens of a replica that is never idle: its share of the machine's price."""
    monthly = on_demand_usd_per_month(machine.name, region) if machine else None
    if machine is None or monthly is None or tokens_per_second is None:
        return None
    return monthly * gpus / machine.gpus / (tokens_per_second * 3600 * HOURS_PER_MONTH) * 1e6


def _pool_cost(region: str, name: str, pool: NodePool, rows: tuple[ModelRow, ...]) -> CostRow:
    """Machines that run all the time: what the pool keeps at least, or what its models need, whichever is more."""
    machine = instances.find(pool.instance_type)
    replicas = [row.gpus for row in rows if row.node_pool == name and row.nodes for _ in range(row.replicas)]
    wanted = sum(replicas)
    nodes = max(pool.min_nodes, machines_for(replicas, machine.gpus))
    most = max(pool.max_nodes, nodes)
    monthly = on_demand_usd_per_month(machine.name, region)
    spot = ", spot at the on-demand price" if pool.capacity == "spot" else ""
    return CostRow(
        what=f"node pool {name}: {nodes} x {machine.name}{spot}",
        quantity=nodes,
        usd_per_month=None if monthly is None else monthly * nodes,
        verified=False,
        usd_per_month_high=None if monthly is None else monthly * most,
        gpus=nodes * machine.gpus,
        idle_gpus=nodes * machine.gpus - wanted if machine.gpus else 0,
    )


def _disks(region: str, counted: Sequence[tuple[NodePool, int]]) -> CostRow:
    """The nodes' disks, of as many nodes as the bill counts in each pool."""
    gib = sum(pool.disk_gib * nodes for pool, nodes in counted)
    most = sum(pool.disk_gib * max(pool.max_nodes, nodes) for pool, nodes in counted)
    low = _fixed("disks of nodes", "gp3-gb-month", region, gib)
    high = _fixed("disks of nodes", "gp3-gb-month", region, most)
    return replace(low, usd_per_month_high=high.usd_per_month)


def _some(what: str, kind: str, region: str, quantity: float) -> tuple[CostRow, ...]:
    """A line of the bill for what the platform may not have."""
    return (_fixed(what, kind, region, quantity),) if quantity else ()


def _fixed(what: str, kind: str, region: str, quantity: float) -> CostRow:
    price = fixed_cost(kind, region)
    return CostRow(
        what=what,
        quantity=quantity,
        usd_per_month=None if price is None else price.usd * quantity,
        verified=price is not None and price.verified,
    )


def _each_lock_once(rows: tuple[ModelRow, ...]) -> list[ModelRow]:
    return list({row.lock: row for row in rows}.values())
