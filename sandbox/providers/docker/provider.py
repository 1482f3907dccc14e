"""Answers the engine for package `docker`."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.providers import schema
from sandbox.providers.docker import containers, image_resources, images, records
from sandbox.providers.serve import ProviderError, from_struct, has_unknown, to_struct

_PREFIX: Final = "docker:index/"
_PROVIDER: Final = "pulumi:providers:docker"

# What changes in place; a change of any other input replaces the resource.
# Source: ForceNew in kreuzwerker/terraform-provider-docker, internal/provider/resource_docker_*.go.
_IN_PLACE: Final[Mapping[str, frozenset[str]]] = {
    "container:Container": frozenset(
        [
            "attach",
            "containerReadRefreshTimeoutMilliseconds",
            "cpuPeriod",
            "cpuQuota",
            "cpuSet",
            "cpuShares",
            "destroyGraceSeconds",
            "healthcheck",
            "init",
            "logs",
            "maxRetryCount",
            "memory",
            "memoryReservation",
            "memorySwap",
            "mustRun",
            "removeVolumes",
            "restart",
            "rm",
            "start",
            "tmpfs",
            "wait",
            "waitTimeout",
        ]
    ),
    "image:Image": frozenset(["build", "buildOnPreview", "imageName", "registry", "skipPush"]),
    "network:Network": frozenset(),
    "registryImage:RegistryImage": frozenset(["keepRemotely", "authConfig", "insecureSkipVerify"]),
    "remoteImage:RemoteImage": frozenset(["forceRemove", "keepLocally"]),
    "tag:Tag": frozenset(),
    "volume:Volume": frozenset(),
}
_NAMED: Final = frozenset(["container:Container", "network:Network", "volume:Volume"])  # Pulumi invents their names
_INVENTED: Final = "__invented"


class DockerProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The lifecycle of the Docker resources that the edge and images layers declare."""

    def __init__(self) -> None:
        self._in_creation: set[str] = set()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return plugin_pb2.PluginInfo(version=version("pulumi-docker"))

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refuse unknown provider settings."""
        inputs = from_struct(request.news)
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(_PROVIDER, inputs))

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """No setting matters to the stand-in."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Plain values only: neither secrets nor assets arrive marked."""
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """End the containers that are waited for, so that their creation fails now; those that run stay."""
        for name in list(self._in_creation):
            containers.remove(name, grace=1)
        return empty_pb2.Empty()

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Check properties against the SDK and images against the lock; invent a name where none is given."""
        token = _token(request.type)
        inputs, olds = from_struct(request.news), from_struct(request.olds)
        failures = _failures(request.type, inputs)
        if token in _NAMED and "name" not in inputs:
            kept = olds["name"] if olds.get(_INVENTED) else None
            logical = request.name or request.urn.rpartition("::")[2]
            inputs |= {"name": kept or f"{logical}-{secrets.token_hex(4)[:7]}", _INVENTED: True}
        if not failures and token == "container:Container" and not has_unknown(inputs["image"]):
            try:
                images.find(inputs["image"])
            except ProviderError as problem:
                failures = [provider_pb2.CheckFailure(property="image", reason=str(problem))]
        return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell replacements from updates; a named resource is deleted before its successor takes the name."""
        token = _token(request.type)
        olds, news = from_struct(request.old_inputs), from_struct(request.news)
        keys = [key for key in sorted(olds.keys() | news.keys()) if not key.startswith("__")]
        changed = [key for key in keys if olds.get(key) != news.get(key) and key not in request.ignoreChanges]
        replaces = [key for key in changed if key not in _IN_PLACE[token]]
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some if changed else none, diffs=changed, replaces=replaces, deleteBeforeReplace=bool(replaces)
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Create the resource; at preview only its inputs come back."""
        inputs = from_struct(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        name = inputs["name"] if _token(request.type) == "container:Container" else None
        try:
            if name:
                self._in_creation.add(name)
            identity, outputs = _CREATE[_token(request.type)](inputs)
        finally:
            self._in_creation.discard(name or "")
        return provider_pb2.CreateResponse(id=identity, properties=to_struct({**inputs, **outputs}))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What is gone has no id: a container whose process ended, a network or volume that was removed."""
        properties = from_struct(request.properties)
        if not properties:
            raise ProviderError(f"{request.type} {request.id}: the stand-in cannot import")
        if not _exists(_token(request.type), properties):
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Record the new values; limits and restart policies have no effect on a local process."""
        properties = {**from_struct(request.olds), **from_struct(request.news)}
        return provider_pb2.UpdateResponse(properties=to_struct(properties))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Remove the resource; a volume goes with its content."""
        token, properties = _token(request.type), from_struct(request.properties)
        if token == "container:Container":
            grace = properties.get("destroyGraceSeconds") or properties.get("stopTimeout") or 10
            containers.remove(properties["name"], grace=float(grace))
        elif token == "network:Network":
            _refuse_while_used(properties["name"])
            shutil.rmtree(records.folder("networks") / properties["name"], ignore_errors=True)
        elif token == "volume:Volume":
            shutil.rmtree(records.folder("volumes") / properties["name"], ignore_errors=True)
        return empty_pb2.Empty()


def _token(type_token: str) -> str:
    token = type_token.removeprefix(_PREFIX)
    if token not in _IN_PLACE:
        raise ProviderError(f"{type_token} has no stand-in; there are {', '.join(sorted(_IN_PLACE))}")
    return token


def _failures(type_token: str, inputs: Mapping[str, Any]) -> list[Any]:
    if type_token == _PROVIDER:
        return []
    return [
        provider_pb2.CheckFailure(property=problem.property_path, reason=f"{problem.property_path}: {problem.message}")
        for problem in schema.check("pulumi_docker", type_token, inputs)
    ]


def _exists(token: str, properties: Mapping[str, Any]) -> bool:
    if token == "container:Container":
        one_shot = properties.get("attach") or properties.get("mustRun") is False
        name = properties["name"]
        return records.read("containers", name) is not None and (bool(one_shot) or containers.is_running(name))
    if token == "network:Network":
        return records.read("networks", properties["name"]) is not None
    if token == "volume:Volume":
        return _volume(properties["name"]).exists()
    return True


def _create_container(inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    started = containers.create(inputs)
    network_data = [
        {"networkName": entry["name"], "ipAddress": started.address, "ipPrefixLength": 16, "gateway": "127.77.0.1"}
        for entry in inputs.get("networksAdvanced") or ()
    ]
    outputs = {
        "bridge": "",
        "containerLogs": started.logs,
        "exitCode": started.exit_code,
        "networkDatas": network_data,
        "hostname": inputs.get("hostname") or inputs["name"],
    }
    return secrets.token_hex(32), outputs


def _create_network(inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    identity = secrets.token_hex(32)
    if records.read("networks", inputs["name"]) is not None:
        raise ProviderError(f"network {inputs['name']!r} already exists")
    records.write("networks", inputs["name"], {"name": inputs["name"], "id": identity})
    return identity, {"driver": inputs.get("driver") or "bridge", "scope": "local"}


def _refuse_while_used(network: str) -> None:
    users = [c["name"] for c in records.every("containers") if network in c["networks"]]
    if any(containers.is_running(name) for name in users):
        raise ProviderError(f"network {network!r} has active endpoints: {', '.join(users)}")


def _volume(name: str) -> Path:
    return records.folder("volumes") / name / "data"


def _create_volume(inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    folder = _volume(inputs["name"])
    folder.mkdir(parents=True, exist_ok=True)
    return inputs["name"], {"driver": inputs.get("driver") or "local", "mountpoint": str(folder)}


_CREATE: Final[Mapping[str, Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]]]]] = {
    "container:Container": _create_container,
    "image:Image": image_resources.create_image,
    "network:Network": _create_network,
    "registryImage:RegistryImage": image_resources.create_registry_image,
    "remoteImage:RemoteImage": image_resources.create_remote_image,
    "tag:Tag": image_resources.create_tag,
    "volume:Volume": _create_volume,
}
