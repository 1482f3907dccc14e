"""What must hold between sections and between stack files; each check yields lines for people."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from components.catalog import instances
from components.model.lock import ModelLock, load_lock
from components.settings.errors import SettingsError, unknown_value
from components.settings.layer import (
    EdgeSettings,
    ManagedSettings,
    OrganisationSettings,
    PlatformSettings,
    ServingSettings,
    Settings,
)
from components.settings.model_service import ModelService
from components.settings.network_checks import network_problems
from components.settings.placement import machines_of, memory_of, start_of
from components.settings.weights_checks import room_problems


def problems_of(settings: Settings, platform: Settings | None, root: Path) -> list[str]:
    """Every problem that needs more than one field to be seen.

    Args:
        settings: sections that are valid each on its own.
        platform: the settings of the platform stack that is named, if one is.
        root: the repository, below which `models/` lies.
    """
    problems: list[str] = []
    if isinstance(settings, PlatformSettings):
        problems += [*_zones(settings), *network_problems(settings), *_pools(settings)]
    elif isinstance(settings, ManagedSettings):
        problems += _locks({"settings.lock": settings.lock}, root)[1]
    elif not isinstance(settings, OrganisationSettings):
        problems += _platform(settings.platform, settings.account_id, settings.region, platform)
    if isinstance(settings, ServingSettings | EdgeSettings):
        problems += _clients(settings)
        locks, unread = _locks({f"settings.models.{name}.lock": it.lock for name, it in settings.models.items()}, root)
        problems += unread
        if isinstance(settings, ServingSettings) and isinstance(platform, PlatformSettings):
            problems += _on_platform(settings, platform, locks)
    return problems


def _on_platform(
    settings: ServingSettings, platform: PlatformSettings, locks: Mapping[str, ModelLock]
) -> Iterator[str]:
    """What a serving stack wants of its platform; a model whose lock cannot be read has been told already."""
    if settings.namespace != platform.cluster.inference_namespace:
        yield (
            f"settings.namespace: {settings.namespace!r} may not read the weight cache; "
            f"{settings.platform} allows {platform.cluster.inference_namespace}"
        )
    for name, model in settings.models.items():
        yield from _placement(name, model, platform, locks.get(model.lock))
    yield from _machines(settings, platform)
    yield from _room(settings, platform, locks)


def _zones(settings: PlatformSettings) -> Iterator[str]:
    for zone in settings.zones:
        if not (zone[:-1] == settings.region and zone[-1:].islower()):
            yield f"settings.zones: {zone!r} is not a zone of {settings.region}; write it like {settings.region}a"
    if len(set(settings.zones)) < len(settings.zones):
        yield f"settings.zones: a zone is named twice in {', '.join(settings.zones)!r}; name each once"


def _pools(settings: PlatformSettings) -> Iterator[str]:
    for name, pool in settings.node_pools.items():
        path = f"settings.node_pools.{name}.instance_type"
        try:
            instances.find(pool.instance_type)
        except LookupError as error:
            yield f"{path}: {error.args[0]}"
            continue
        known = instances.offerings_known(settings.region)
        if known and not instances.offered_zones(pool.instance_type, settings.region):
            elsewhere = ", ".join(instances.offered_regions(pool.instance_type)) or "no EU region"
            yield f"{path}: {pool.instance_type!r} is not offered in {settings.region}; it is in {elsewhere}"
    if all(_gpus(pool.instance_type) for pool in settings.node_pools.values()):
        yield "settings.node_pools: every pool has GPUs; add one without for the cluster's own services"


def _gpus(instance_type: str) -> int:
    try:
        return instances.find(instance_type).gpus
    except LookupError:
        return 0


def _platform(name: str, account_id: str, region: str, platform: Settings | None) -> Iterator[str]:
    if not isinstance(platform, PlatformSettings):
        yield f"settings.platform: {name!r} is not a stack of layer platform; name one"
        return
    if platform.account_id != account_id:
        yield f"settings.account_id: '{account_id}' differs from {platform.account_id} of {name}; use the same account"
    if platform.region != region:
        yield f"settings.region: {region!r} differs from {platform.region} of {name}; use the same region"


def _clients(settings: ServingSettings | EdgeSettings) -> Iterator[str]:
    for name, client in settings.clients.items():
        for model in client.models:
            if model not in settings.models:
                yield f"settings.clients.{name}.models: {unknown_value(model, 'model', settings.models)}"
        if client.tier not in settings.tiers:
            yield f"settings.clients.{name}.tier: {unknown_value(client.tier, 'tier', settings.tiers)}"


def lock_path(name: str, root: Path) -> Path:
    """Where the lock file of a model lies."""
    return root / "models" / f"{name}.lock.yaml"


def _locks(named: Mapping[str, str], root: Path) -> tuple[dict[str, ModelLock], list[str]]:
    """The lock files that can be read, by their names, and the problems of the others.

    Args:
        named: place in the settings -> name of the lock file there.
        root: the repository, below which `models/` lies.
    """
    locks: dict[str, ModelLock] = {}
    problems = []
    for place, name in named.items():
        file = lock_path(name, root)
        if not file.exists():
            known = sorted(other.name.removesuffix(".lock.yaml") for other in file.parent.glob("*.lock.yaml"))
            problems.append(f"{place}: {unknown_value(name, 'lock file', known)} (`cloister model lock` writes one)")
            continue
        try:
            locks[name] = locks.get(name) or load_lock(file)
        except SettingsError as error:
            problems += [f"{place}: models/{file.name}: {problem}" for problem in error.problems]
    return locks, problems


def _placement(name: str, model: ModelService, platform: PlatformSettings, lock: ModelLock | None) -> Iterator[str]:
    """The pool exists, has enough GPUs in one machine, and the model fits into their memory."""
    if model.node_pool not in platform.node_pools:
        yield f"settings.models.{name}.node_pool: {unknown_value(model.node_pool, 'node pool', platform.node_pools)}"
        return
    pool = platform.node_pools[model.node_pool]
    machine = instances.find(pool.instance_type)
    if machine.gpu is None or model.gpus > machine.gpus:
        yield (
            f"settings.models.{name}.gpus: '{model.gpus}' but {pool.instance_type} of pool {model.node_pool!r} has "
            f"{machine.gpus}; take a larger machine type or fewer GPUs"
        )
        return
    if lock is None:
        return
    memory = memory_of(model, lock, machine.gpu, platform.region)
    if memory.verdict == "refuse":
        yield f"settings.models.{name}.gpus: {memory.problem}"
    start = start_of(model, lock, pool)
    if model.cold_start_seconds is not None and start.low > model.cold_start_seconds:
        part = start.longest
        yield (
            f"settings.models.{name}.cold_start_seconds: '{model.cold_start_seconds}' but a start takes "
            f"{start.low:.0f} s when everything goes well, {part.low:.0f} of it: {part.name}; allow more"
        )


def _machines(settings: ServingSettings, platform: PlatformSettings) -> Iterator[str]:
    """Every pool may grow to as many machines as all replicas on it take."""
    for name, pool in platform.node_pools.items():
        held = instances.find(pool.instance_type).gpus
        # One that wants more GPUs than a machine has is told by `_placement`.
        models = {key: it for key, it in settings.models.items() if it.node_pool == name and it.gpus <= held}
        needed = machines_of(models.values(), pool)
        if needed > pool.max_nodes:
            largest = max(models, key=lambda key: models[key].gpus * models[key].replicas)
            others = ", ".join(f"{it.replicas} of {key}" for key, it in models.items() if key != largest)
            yield (
                f"settings.models.{largest}.replicas: '{models[largest].replicas}'"
                f"{f' beside {others}' if others else ''} but pool {name!r} then needs {needed} x "
                f"{pool.instance_type} and its max_nodes is {pool.max_nodes}; lower replicas, or raise "
                f"settings.node_pools.{name}.max_nodes of {settings.platform} to {needed}"
            )


def _room(settings: ServingSettings, platform: PlatformSettings, locks: Mapping[str, ModelLock]) -> Iterator[str]:
    """Whether the disks of every pool hold what may come together there; what has another problem is not counted."""
    for name, pool in platform.node_pools.items():
        if not (gpus := _gpus(pool.instance_type)):
            continue
        placed = {
            model_name: (model, locks[model.lock])
            for model_name, model in settings.models.items()
            if model.node_pool == name and model.gpus <= gpus and model.lock in locks
        }
        yield from room_problems(name, pool, instances.find(pool.instance_type), placed)
