"""The layer `edge`: loader, engine and gateway as containers on one host."""

from collections.abc import Sequence
from typing import Any

import pulumi_docker as docker
from pulumi import ResourceOptions

from components.edge.gateway import EdgeGateway, EdgeGatewayArgs
from components.edge.gateway_plan import gateway_plan
from components.edge.host import Host, HostArgs
from components.edge.model import Model, ModelArgs
from components.layers.gateway_documents import documents
from components.layers.platform_stack import PlatformStack, platform_stack
from components.model.loader import model_path
from components.model.lock import load_lock
from components.serving.engines import ENGINES
from components.serving.engines.launch import service
from components.settings.checks import lock_path
from components.settings.images_lock import Images, load_images, registry_host
from components.settings.layer import EdgeSettings
from components.settings.load import ROOT
from components.settings.model_service import EdgeModel


def build(settings: EdgeSettings) -> dict[str, Any]:
    """Two networks, then the models, then the gateway in front of them.

    Outputs: url, models, revocation_target, issuer, audience.
    """
    platform = platform_stack(settings.platform)
    images = load_images(ROOT / settings.images)
    provider = docker.Provider(
        "docker",
        host=settings.host.docker_host,
        # Only the registry's name: the credential helper of Docker's own configuration knows how to log in.
        registry_auth=[docker.ProviderRegistryAuthArgs(address=registry_host(settings.account_id, settings.region))],
    )
    opts = ResourceOptions(providers=[provider])
    host = Host("host", HostArgs(), opts)
    models = [
        Model("model", name, _model(name, model, settings, platform, images, host), opts)
        for name, model in settings.models.items()
    ]
    gateway = EdgeGateway("gateway", _gateway(settings, platform, images, host, models), opts)
    return {
        "url": gateway.url,
        "models": sorted(settings.models),
        "revocation_target": gateway.revocation_target,
        "issuer": settings.gateway.issuer,
        "audience": settings.gateway.audience,
    }


def _model(
    name: str, model: EdgeModel, settings: EdgeSettings, platform: PlatformStack, images: Images, host: Host
) -> ModelArgs:
    lock = load_lock(lock_path(model.lock, ROOT))
    launch = ENGINES[model.engine](service(name, model), lock, model_path(lock))
    return ModelArgs(
        model=model,
        lock=lock,
        launch=launch,
        engine_image=images.reference(launch.image, settings.account_id, settings.region),
        loader_image=images.reference("weights", settings.account_id, settings.region),
        bucket=platform.weight_cache_bucket,
        region=settings.region,
        aws_folder=str(settings.host.path("aws", ROOT)),
        inside=host.inside,
        outside=host.outside,
    )


def _gateway(
    settings: EdgeSettings, platform: PlatformStack, images: Images, host: Host, models: Sequence[Model]
) -> EdgeGatewayArgs:
    written = documents(platform.signing_keys, lambda keys: gateway_plan(settings, keys))
    places = gateway_plan(settings, ())
    return EdgeGatewayArgs(
        host=settings.host,
        image=images.reference("envoy", settings.account_id, settings.region),
        bootstrap=written.bootstrap,
        files=written.files,
        configuration_folder=places.configuration_folder,
        revocation_folder=places.revocation_folder,
        revocation_host_folder=str(settings.host.path("revocation", ROOT)),
        listen_port=places.listen_port,
        inside=host.inside,
        outside=host.outside,
        engines=models,
    )
