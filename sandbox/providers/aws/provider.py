"""The gRPC face of the AWS stand-in: what the Pulumi engine asks, answered from the account."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.places import rehearsal_folder
from sandbox.providers import schema
from sandbox.providers.serve import UNKNOWN, ProviderError, from_struct, has_unknown, to_struct

from . import catalogue, checks, outputs
from .account import Account, session
from .difference import difference
from .invokes import invoke
from .kept import Kept
from .stand_in import StandIn

VERSION: Final = "7.51.1"


def kept_resources() -> Kept:
    """The file of kept resources that this process works on."""
    return Kept(rehearsal_folder() / "aws" / "resources.json")


def stand_in_for(region: str) -> StandIn:
    """The account in one region.

    Raises:
        ProviderError: no stand-in of AWS is named: this provider never talks to AWS itself.
    """
    account = Account(region)
    if not account.endpoint.startswith(("http://127.", "http://localhost:")):
        raise ProviderError("AWS_ENDPOINT_URL names no loopback address; start `python -m sandbox.aws_account` first")
    return StandIn(account, kept_resources())


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers for package `aws`; one process serves one provider resource of a stack."""

    def __init__(self) -> None:
        self._stand_in: StandIn | None = None
        self._tags: dict[str, str] = {}
        self._configuring = threading.Lock()
        self._loading = threading.Lock()  # the SDK's modules load lazily, which Python 3.11 cannot do in two threads

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Plain values both ways."""
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """The version that the SDK asks for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """A region that AWS has, and no setting that the SDK does not know."""
        news = from_struct(request.news)
        failures = [
            provider_pb2.CheckFailure(property=path, reason=message) for path, message in _configuration_problems(news)
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Another region is another provider; everything else is not."""
        old, new = from_struct(request.old_inputs or request.olds), from_struct(request.news)
        replaces = ["region"] if old.get("region") != new.get("region") else []
        changes = provider_pb2.DiffResponse.DIFF_SOME if old != new else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes, replaces=replaces, diffs=replaces)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Meet the account: it must be an allowed one, and has back what a restart of moto lost."""
        settings = from_struct(request.args)
        if not settings.get("region"):
            raise ProviderError("aws: region: missing; give the provider a region such as eu-central-1")
        if settings["region"] == UNKNOWN:
            raise ProviderError("aws: region: not known at preview; use a literal one")
        stand_in = stand_in_for(settings["region"])
        allowed = _decoded(settings.get("allowedAccountIds")) or []
        if allowed and stand_in.account.id not in allowed:
            raise ProviderError(
                f"aws: AWS account ID not allowed: {stand_in.account.id}; allowed: {', '.join(allowed)}"
            )
        self._tags = dict((_decoded(settings.get("defaultTags")) or {}).get("tags") or {})
        with self._configuring:
            stand_in.restore()
        self._stand_in = stand_in
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Fill in what the provider fills in, and refuse what AWS would."""
        type_token, name = _type_and_name(request.urn)
        stand_in = self._ready()
        news, olds = from_struct(request.news), from_struct(request.olds)
        with self._loading:
            inputs = checks.completed(type_token, name, news, olds, request.randomSeed, self._tags)
            problems = list(checks.problems(type_token, inputs))
        problems += list(catalogue.problems(stand_in.account, inputs))
        failures = [provider_pb2.CheckFailure(property=path, reason=message) for path, message in problems]
        return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=failures)

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """What changed, and whether that replaces the resource."""
        type_token, _ = _type_and_name(request.urn)
        found = difference(type_token, from_struct(request.old_inputs), from_struct(request.news))
        kinds = provider_pb2.PropertyDiff
        detail: dict[str, Any] = {}
        for names, plain, replacing in (
            (found.added, kinds.ADD, kinds.ADD_REPLACE),
            (found.changed, kinds.UPDATE, kinds.UPDATE_REPLACE),
            (found.deleted, kinds.DELETE, kinds.DELETE_REPLACE),
        ):
            for name in names:
                kind = replacing if name in found.replaces else plain
                detail[name] = provider_pb2.PropertyDiff(kind=kind, inputDiff=True)
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if detail else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=found.replaces,
            diffs=sorted(detail),
            deleteBeforeReplace=found.delete_first,
            detailedDiff=detail,
            hasDetailedDiff=True,
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Make the resource, or say at preview what can be known of it."""
        type_token, _ = _type_and_name(request.urn)
        inputs = from_struct(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=to_struct(_shown(outputs.planned(type_token, inputs))))
        _refuse_unknown(request.urn, inputs)
        identifier, properties = self._ready().create(request.urn, type_token, inputs)
        return provider_pb2.CreateResponse(id=identifier, properties=to_struct(properties))

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Bring new inputs into effect."""
        type_token, _ = _type_and_name(request.urn)
        news = from_struct(request.news)
        if request.preview:
            known = {**from_struct(request.olds), **news}
            return provider_pb2.UpdateResponse(properties=to_struct(_shown(known)))
        _refuse_unknown(request.urn, news)
        old = from_struct(request.old_inputs)
        properties = self._ready().update(request.urn, type_token, request.id, old, news)
        return provider_pb2.UpdateResponse(properties=to_struct(properties))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """The resource as the account has it; without identifier when it is gone."""
        type_token, _ = _type_and_name(request.urn)
        found = self._ready().read(request.urn, type_token, request.id)
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=found.id, properties=to_struct(found.outputs), inputs=to_struct(found.inputs)
        )

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Remove the resource."""
        type_token, _ = _type_and_name(request.urn)
        self._ready().delete(request.urn, type_token, request.id, from_struct(request.properties))
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """One of the few lookups."""
        result = invoke(self._ready().account, request.tok, from_struct(request.args))
        return provider_pb2.InvokeResponse(**{"return": to_struct(result)})

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Nothing runs longer than a request."""
        return empty_pb2.Empty()

    def _ready(self) -> StandIn:
        if self._stand_in is None:
            raise ProviderError("aws: the provider is not configured")
        return self._stand_in


def _type_and_name(urn: str) -> tuple[str, str]:
    parts = urn.split("::")
    return parts[2].split("$")[-1], parts[3]


def _decoded(setting: Any) -> Any:
    """A nested setting of a provider arrives as JSON text."""
    return json.loads(setting) if isinstance(setting, str) and setting[:1] in ("{", "[") else setting


def _configuration_problems(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    properties = schema.properties_of("pulumi_aws", "pulumi:providers:aws") or frozenset()
    known = properties | {"version", "pluginDownloadURL"}
    problems = [(name, "unknown setting of the provider") for name in settings if name not in known]
    region = settings.get("region")
    if not region:
        problems.append(("region", "missing; give the provider a region such as eu-central-1"))
    elif region != UNKNOWN and not any(region in regions for regions in _regions()):
        problems.append(("region", f"'{region}' is not a region of AWS"))
    return problems


def _regions() -> list[list[str]]:
    return [session().get_available_regions("ec2", name) for name in session().get_available_partitions()]


def _shown(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if not name.startswith("__")}


def _refuse_unknown(urn: str, inputs: Mapping[str, Any]) -> None:
    unknown = [name for name, value in inputs.items() if has_unknown(value)]
    if unknown:
        raise ProviderError(f"{urn}: {', '.join(unknown)}: not known at creation")
