"""What a program or a stack plans, asked in this process: no engine, no credentials, nothing is looked up."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pulumi
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import json_format
from pulumi.runtime import mocks, settings

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a string that exists only after the update."""
Answer = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]
PUBLIC_KEY_LOOKUP = "aws:kms/getPublicKey:getPublicKey"
"""The one lookup of this project: the public half of what signs tokens."""

# What providers compute and components read further; everything else gets an id and an ARN only.
COMPUTED: dict[str, Mapping[str, Any]] = {
    "aws:ec2/vpc:Vpc": {
        "defaultRouteTableId": "rtb-default",
        "defaultNetworkAclId": "acl-default",
        "defaultSecurityGroupId": "sg-default",
    },
    "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
    "aws:eks/cluster:Cluster": {
        "endpoint": "https://cluster.internal",
        "certificateAuthority": {"data": "Y2VydGlmaWNhdGU="},
    },
    "aws:kms/key:Key": {"keyId": "key-id"},
    "aws:ecr/repository:Repository": {"repositoryUrl": "registry.test/repository"},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {
        "prefixListId": "pl-6ea54007",
        "dnsEntries": [{"dnsName": "vpce-0c1015e7.sts.eu-central-1.vpce.amazonaws.com", "hostedZoneId": "Z0ENDPOINT"}],
    },
    "aws:ec2/vpcEndpointService:VpcEndpointService": {
        "serviceName": "com.amazonaws.vpce.eu-central-1.vpce-svc-0c1015e7000000001"
    },
    "aws:lb/loadBalancer:LoadBalancer": {
        "dnsName": "cloister-gateway-0c1015e7.elb.eu-central-1.amazonaws.com",
        "zoneId": "Z0BALANCER",
    },
    "aws:acm/certificate:Certificate": {"arn": "arn:aws:acm:eu-central-1:111122223333:certificate/0c1015e7"},
    "aws:route53/zone:Zone": {"zoneId": "Z0PRIVATE"},
}


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One registered resource, as the engine would receive it.

    Attributes:
        inputs: plain data with wire names; a value that does not exist yet is `UNKNOWN`.
        parent: URN, empty below the stack.
        provider: reference of the provider, empty for components.
        dependencies: URNs.
        property_dependencies: input name -> URNs that its value comes from.
    """

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    parent: str
    provider: str
    dependencies: tuple[str, ...]
    property_dependencies: Mapping[str, tuple[str, ...]]
    ignore_changes: tuple[str, ...]
    protect: bool
    retain_on_delete: bool
    custom: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that a program registered, and what it returned."""

    resources: Sequence[Planned]
    result: Any
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """URN of a component -> outputs that it registered."""

    def of(self, token: str) -> list[Planned]:
        """Every resource of a type."""
        return [resource for resource in self.resources if resource.type == token]

    def one(self, token: str, name: str | None = None) -> Planned:
        """The only resource of a type (and name)."""
        found = [resource for resource in self.of(token) if name in (None, resource.name)]
        assert len(found) == 1, f"{len(found)} resources of type {token} and name {name}"
        return found[0]

    def custom(self) -> list[Planned]:
        """Every resource that a provider manages."""
        return [resource for resource in self.resources if resource.custom]


class _Mocks(mocks.Mocks):
    def __init__(self, preview: bool, answers: Mapping[str, Answer], computed: Mapping[str, Mapping[str, Any]]) -> None:
        self.preview, self.answers, self.computed = preview, answers, computed

    def call(self, args: mocks.MockCallArgs) -> Any:
        """Components look nothing up; who plans names the calls that are expected."""
        if args.token not in self.answers:
            raise AssertionError(f"looks something up: {args.token}({args.args})")
        answer = self.answers[args.token]
        return answer(args.args) if callable(answer) else dict(answer)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """In a preview nothing has an id; otherwise ids are made from names."""
        if args.typ == "pulumi:pulumi:StackReference":  # read, hence never `custom`; known in a preview as well
            return args.name, {"name": args.name, **self.computed.get(args.typ, {})}
        if self.preview or not args.custom:
            return "", args.inputs
        made = {"arn": f"arn:aws:test:eu-central-1:111122223333:{args.name}", "name": args.name}
        outputs = {**made, **args.inputs, **COMPUTED.get(args.typ, {}), **self.computed.get(args.typ, {})}
        return f"{args.name}-id", outputs


class _Monitor(mocks.MockMonitor):
    def __init__(self, inner: mocks.Mocks) -> None:
        super().__init__(inner)
        self.planned: list[Planned] = []
        self.outputs: dict[str, Mapping[str, Any]] = {}

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """URNs as the engine writes them: the stack is no part of a type."""
        return super().make_urn(self._below(parent), type_, name)

    @staticmethod
    def _below(parent: str) -> str:
        return "" if parent.split("::")[2:3] == ["pulumi:pulumi:Stack"] else parent

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        if request.type != "pulumi:pulumi:Stack":
            self.planned.append(
                Planned(
                    type=request.type,
                    name=request.name,
                    urn=self.make_urn(request.parent, request.type, request.name),
                    inputs=json_format.MessageToDict(request.object),
                    parent=self._below(request.parent),
                    provider=request.provider,
                    dependencies=tuple(request.dependencies),
                    property_dependencies={
                        name: tuple(found.urns) for name, found in request.propertyDependencies.items()
                    },
                    ignore_changes=tuple(request.ignoreChanges),
                    protect=request.protect,
                    retain_on_delete=request.retainOnDelete,
                    custom=request.custom,
                )
            )
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        self.outputs[request.urn] = json_format.MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


def plan(
    build: Callable[[], Any],
    *,
    preview: bool = False,
    answers: Mapping[str, Answer] | None = None,
    computed: Mapping[str, Mapping[str, Any]] | None = None,
    project: str = "cloister",
    stack: str = "test",
) -> Plan:
    """Run `build` and wait until everything that it declared is registered.

    Args:
        build: declares resources; what it returns is in `Plan.result`, its outputs resolved.
        preview: ids and computed values are unknown, as on the first preview of a stack.
        answers: token of a provider's function -> what it returns; any other call fails.
        computed: type -> output values that the provider would compute, on top of `COMPUTED`.
        project: name of the Pulumi project.
        stack: name of the Pulumi stack.
    """
    monitor = _Monitor(_Mocks(preview, answers or {}, computed or {}))
    before = settings.SETTINGS
    results: list[Any] = []

    def keep(value: Any) -> None:
        results.append(value)

    def run() -> Any:
        return pulumi.Output.from_input(build()).apply(keep, run_with_unknowns=True)

    try:
        mocks.set_mocks(_Mocks(preview, {}, {}), project=project, stack=stack, preview=preview, monitor=monitor)
        mocks.test(run)()  # type: ignore[no-untyped-call]
    finally:
        settings.configure(before)
    return Plan(resources=tuple(monitor.planned), result=results[0] if results else None, outputs=monitor.outputs)


@cache
def plan_stack(stack: str, *, preview: bool = False) -> Plan:
    """What a stack of the repository plans; what it reads of its platform is what the platform would export.

    Raises:
        SettingsError: the stack's file, or what it names, has problems.
    """
    # Who plans one component does not wait for all of them.
    from components.layers import LAYERS
    from components.settings.load import load_stack

    settings_of_stack = load_stack(stack)
    computed: dict[str, Mapping[str, Any]] = {}
    if (platform := getattr(settings_of_stack, "platform", None)) is not None:
        computed["pulumi:pulumi:StackReference"] = {"outputs": plan_stack(platform).result, "secretOutputNames": []}
    build = LAYERS[settings_of_stack.layer]
    return plan(
        lambda: dict(build(settings_of_stack)),
        preview=preview,
        answers={PUBLIC_KEY_LOOKUP: {"publicKey": _public_key()}},
        computed=computed,
        stack=stack,
    )


def _public_key() -> str:
    """A key made on the spot, in the form in which KMS gives it: gateways refuse any other."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_bytes(serialization.Encoding.DER, form)).decode()


def texts(value: Any) -> Iterator[str]:
    """Every string inside plain data, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts(key)
            yield from texts(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from texts(inner)
