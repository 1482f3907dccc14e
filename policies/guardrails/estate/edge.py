"""The edge host: networks without a way out, images that were pulled by digest."""

from collections.abc import Iterator

from ..facts import DIGEST
from ..findings import Resource, each, known
from ..pods import CONTAINER, engines
from ..rules import Rule, rule
from ..stack import Stack
from ..supply_chain.images import registry_problem

_NETWORK = "docker:index/network:Network"
_IMAGE = "docker:index/remoteImage:RemoteImage"


@rule(
    _NETWORK,
    CONTAINER,
    fix="Set internal to true; only the published gateway and jobs that end (mustRun false, attach true) join another.",
    source="https://docs.docker.com/reference/cli/docker/network/create/#internal",
    severity="critical",
)
def estate_only_the_gateway_leaves_the_host(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """A network that leads out is for the published gateway and for jobs that end; engines join internal ones."""
    for network in stack.of(_NETWORK):
        if network.get("internal") is True:
            continue
        names = {network.get("name"), network.name}
        for container in stack.of(CONTAINER):
            joined = any(known(entry, "name") in names for _, entry in each(container.props, "networksAdvanced"))
            joined = joined or any(
                source.urn == network.urn for source in container.sources.get("networksAdvanced", ())
            )
            if joined and not list(each(container.props, "ports")) and not _ends(container):
                yield container, f"it joins {network.name}, which is not internal, and publishes nothing"


def _ends(container: Resource) -> bool:
    """Whether the deployment waits for its end before anything else starts, such as the loader's, and no engine."""
    runs_once = container.get("mustRun") is False and container.get("restart") in (None, "no")
    runs_once = runs_once and container.get("attach") is True
    return runs_once and not any(True for _ in engines(container))


@rule(
    CONTAINER,
    fix="Name the image by digest, or pass a RemoteImage's imageId.",
    source="https://docs.docker.com/dhi/core-concepts/digests/",
)
def estate_container_images_are_proved(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """A container whose image is an id was given it by a pull, by digest, from an own registry."""
    for container in stack.of(CONTAINER):
        image = known(container.props, "image")
        if image is not None and not str(image).startswith("sha256:"):
            continue
        pulls = [source for source in container.sources.get("image", ()) if source.type == _IMAGE]
        names = [str(pull.get("name")) for pull in pulls]
        if not names or not all(DIGEST.fullmatch(n) and registry_problem(n, container.estate) is None for n in names):
            yield container, "its image does not come from a pull by digest from an own registry"


@rule(
    CONTAINER,
    fix="Join networks of the stack: of others nobody knows here where they lead.",
    source="https://docs.docker.com/engine/network/",
    severity="critical",
)
def estate_container_networks_are_managed(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """A container joins networks that the same stack declares."""
    networks = stack.of(_NETWORK)
    named = {name for network in networks for name in (network.get("name"), network.name)}
    urns = {network.urn for network in networks}
    for container in stack.of(CONTAINER):
        proved = any(source.urn in urns for source in container.sources.get("networksAdvanced", ()))
        for path, entry in each(container.props, "networksAdvanced"):
            name = known(entry, "name")
            if name not in named and not (name is None and proved):
                yield container, f"{path}.name {name!r} is not a network of this stack"


RULES: tuple[Rule, ...] = (
    estate_only_the_gateway_leaves_the_host,
    estate_container_networks_are_managed,
    estate_container_images_are_proved,
)
