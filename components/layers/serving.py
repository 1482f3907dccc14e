"""The layer `serving`: models and their gateway on the platform's cluster."""

from dataclasses import dataclass, replace
from typing import Any

import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from components.catalog import instances
from components.catalog.node_cache import node_cache_bytes
from components.cluster.identity import WEIGHTS_SERVICE_ACCOUNT
from components.gateway.arguments import TLS_FOLDER, Front, GatewayArgs
from components.gateway.configuration import GatewayPlan, SigningKey, Tls
from components.gateway.gateway import Gateway
from components.layers.gateway_documents import documents
from components.layers.platform_stack import PlatformStack, platform_stack
from components.model.engine_cache import engine_cache_key
from components.model.loader import model_path, stream_address
from components.model.lock import ModelLock, load_lock
from components.serving.admission import Admission, AdmissionArgs
from components.serving.engines import ENGINES
from components.serving.engines.launch import PORT, service
from components.serving.gateway_plan import gateway_plan
from components.serving.isolation import Isolation, IsolationArgs
from components.serving.kubeconfig import kubeconfig
from components.serving.node_cache import NodeCache, NodeCacheArgs
from components.serving.weights import NodeFolder, Weights
from components.serving.workload import Workload, WorkloadArgs
from components.settings.checks import lock_path
from components.settings.images_lock import Images, load_images, registry_host
from components.settings.layer import ServingSettings
from components.settings.load import ROOT
from components.settings.model_service import ModelService
from components.settings.weights_checks import weights_path


@dataclass(frozen=True, kw_only=True)
class _Shared:
    settings: ServingSettings
    platform: PlatformStack
    images: Images
    namespace: Output[str]


def build(settings: ServingSettings) -> dict[str, Any]:
    """Isolation first, then the models and the gateway in front of them.

    Outputs: namespace, models, compile_cache_keys (model -> key for the loader image's `save-cache`), gateway_service,
    revocation_target, issuer, audience; behind a front also gateway_url.
    """
    platform = platform_stack(settings.platform)
    images = load_images(ROOT / settings.images)
    opts = ResourceOptions(providers=[_provider(settings, platform)])
    isolation = Isolation(
        "isolation",
        IsolationArgs(namespace=settings.namespace, weights_account=WEIGHTS_SERVICE_ACCOUNT),
        opts,
    )
    admission = Admission(
        "admission",
        AdmissionArgs(
            folder=ROOT / "policies" / "admission",
            registry=registry_host(settings.account_id, settings.region),
            namespace=settings.namespace,
            account_id=settings.account_id,
            region=settings.region,
            own_cidrs=platform.own_cidrs,
            storage_cidrs=platform.storage_cidrs,
        ),
        opts,
    )
    # What takes the namespace's name from here comes after its denials and after the admission policies.
    guarded = Output.all(isolation.namespace, admission.policy_names).apply(lambda made: str(made[0]))
    shared = _Shared(settings=settings, platform=platform, images=images, namespace=guarded)
    locks = {name: load_lock(lock_path(model.lock, ROOT)) for name, model in settings.models.items()}
    paths = {
        name: weights_path(model, locks[name], _machine(model.node_pool, shared)).path
        for name, model in settings.models.items()
    }
    cached = {model.node_pool for name, model in settings.models.items() if paths[name] == "node-cache"}
    folders = {pool: _node_folder(pool, shared, opts) for pool in sorted(cached)}
    keys: dict[str, str] = {}
    for name, model in settings.models.items():
        folder = folders[model.node_pool] if paths[name] == "node-cache" else None
        streamed = paths[name] == "runai-streamer"
        args, keys[name] = _workload(name, model, locks[name], folder, streamed, shared)
        Workload("workload", name, args, opts)
    gateway = Gateway("gateway", _gateway(shared), opts)
    exports = {
        "namespace": isolation.namespace,
        "models": sorted(settings.models),
        "compile_cache_keys": keys,
        "gateway_service": gateway.service,
        "revocation_target": gateway.revocation_target,
        "issuer": settings.gateway.issuer,
        "audience": settings.gateway.audience,
    }
    front = platform.settings.network.front
    return exports if front is None else {**exports, "gateway_url": f"https://{front.host_name}"}


def _provider(settings: ServingSettings, platform: PlatformStack) -> kubernetes.Provider:
    config = Output.all(
        cluster=platform.cluster_name,
        endpoint=platform.cluster_endpoint,
        certificate_authority=platform.cluster_certificate_authority,
    ).apply(lambda values: kubeconfig(region=settings.region, **values))
    return kubernetes.Provider(
        "kubernetes",
        kubeconfig=config,
        enable_server_side_apply=True,
        # Otherwise each new gateway configuration would delete the ConfigMap before it makes another.
        enable_config_map_mutable=True,
    )


def _machine(pool: str, shared: _Shared) -> instances.InstanceType:
    return instances.find(shared.platform.settings.node_pools[pool].instance_type)


def _node_folder(pool: str, shared: _Shared, opts: ResourceOptions) -> NodeFolder:
    limit = node_cache_bytes(_machine(pool, shared))
    args = NodeCacheArgs(namespace=shared.namespace, pool=pool, limit_bytes=limit)
    return NodeFolder(claim=NodeCache("node-cache", args, opts).claim, limit_bytes=limit)


def _workload(
    name: str, model: ModelService, lock: ModelLock, folder: NodeFolder | None, streamed: bool, shared: _Shared
) -> tuple[WorkloadArgs, str]:
    """The workload, and the key under which what its engine compiles is kept."""
    settings, images, bucket = shared.settings, shared.images, shared.platform.weight_cache_bucket
    where = stream_address(lock, bucket) if streamed else model_path(lock)
    launch = ENGINES[model.engine](service(name, model), lock, where)
    engine_image = images.reference(launch.image, settings.account_id, settings.region)
    gpu = _machine(model.node_pool, shared).gpu
    assert gpu is not None  # the settings were checked
    key = engine_cache_key(lock, engine_image=engine_image, gpu=gpu.name, gpus=model.gpus, arguments=launch.arguments)
    args = WorkloadArgs(
        namespace=shared.namespace,
        model=model,
        weights=Weights(
            lock=lock,
            loader_image=images.reference("weights", settings.account_id, settings.region),
            bucket=bucket,
            region=settings.region,
            start_seconds=model.start_seconds,
            node_folder=folder,
            streamed=streamed,
            compiled=(key, model.compile_cache_sha256) if model.compile_cache_sha256 else None,
        ),
        launch=launch,
        engine_image=engine_image,
        service_account=WEIGHTS_SERVICE_ACCOUNT,
        storage_cidrs=shared.platform.storage_cidrs,
    )
    return args, key


def _gateway(shared: _Shared) -> GatewayArgs:
    settings, platform = shared.settings, shared.platform

    def plan(keys: tuple[SigningKey, ...]) -> GatewayPlan:
        tls = Tls(folder=TLS_FOLDER) if platform.gateway_target_group_arn else None
        return replace(gateway_plan(settings, keys), tls=tls)

    written = documents(platform.signing_keys, plan)
    places = plan(())
    return GatewayArgs(
        namespace=shared.namespace,
        image=shared.images.reference("envoy", settings.account_id, settings.region),
        replicas=settings.gateway.replicas,
        bootstrap=written.bootstrap,
        files=written.files,
        configuration_folder=places.configuration_folder,
        revocation_folder=places.revocation_folder,
        admin_socket=places.admin_socket,
        listen_port=places.listen_port,
        metrics_port=places.metrics_port,
        engine_port=PORT,
        client_cidrs=platform.client_cidrs,
        front=_front(shared),
    )


def _front(shared: _Shared) -> Front | None:
    settings, platform = shared.settings, shared.platform
    if platform.gateway_target_group_arn is None:
        return None
    return Front(
        target_group_arn=platform.gateway_target_group_arn,
        region=settings.region,
        registrar_image=shared.images.reference("registrar", settings.account_id, settings.region),
        endpoint_cidrs=platform.endpoint_cidrs,
    )
