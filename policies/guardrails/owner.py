"""The estate: what the organisation owns or trusts, read strictly from estate.yaml."""

import datetime
import os
from dataclasses import MISSING, dataclass, fields
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import yaml

from .reader import EstateError, Reader

DEFAULT_PATH = Path(__file__).parent.parent / "estate.yaml"
ENVIRONMENT_VARIABLE = "CLOISTER_ESTATE"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A network of the organisation that may reach the endpoints.

    Args:
        connection_id: the peering that this network requested and that a stack may accept; None when stacks request it.
    """

    name: str
    account: str
    region: str
    vpc_id: str
    cidr: IPv4Network
    connection_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class OnPremises:
    """A network outside AWS that a Site-to-Site VPN may lead to."""

    name: str
    device_address: IPv4Address
    cidrs: tuple[IPv4Network, ...]


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """One rule that one set of resources need not obey until a day."""

    rule: str
    resource: str
    reason: str
    expires: datetime.date


@dataclass(frozen=True, kw_only=True)
class Estate:
    """What the organisation owns or trusts; a field with a default is a key that a file may leave out."""

    accounts: frozenset[str]
    regions: frozenset[str]
    organisation: str | None
    vpc_cidrs: tuple[IPv4Network, ...]
    peers: tuple[Peer, ...]
    principals: frozenset[str]
    registries: tuple[str, ...]
    providers: frozenset[str]
    managed_endpoints: bool
    exemptions: tuple[Exemption, ...]
    on_premises: tuple[OnPremises, ...] = ()
    storage_ranges: tuple[IPv4Network, ...] = ()
    prefix_lists: frozenset[str] = frozenset()
    blocked_names_alarm: bool = False
    organisation_policies: bool = False

    @property
    def ranges(self) -> tuple[IPv4Network, ...]:
        """Every address range that traffic may stay in: the own VPCs, the peers and what a VPN leads to."""
        return (*self.vpc_cidrs, *(peer.cidr for peer in self.peers), *self.on_premises_cidrs)

    @property
    def on_premises_cidrs(self) -> tuple[IPv4Network, ...]:
        """Every range that a VPN may lead to."""
        return tuple(cidr for site in self.on_premises for cidr in site.cidrs)


def read_estate(text: str, path: Path = DEFAULT_PATH) -> Estate:
    """The estate that a YAML text declares.

    Raises:
        EstateError: when anything in it is missing, unknown or malformed; it lists every problem.
    """
    reader = Reader()
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise EstateError(path, [f"not YAML: {error}"]) from error
    data = reader.keys(document, "", _keys(Estate), _optional(Estate))
    organisation = data.get("organisation")
    if organisation is not None:
        reader.text(
            organisation, "organisation", r"o-[a-z0-9]{10,32}", "an organisation id such as o-a1b2c3d4e5, or null"
        )
    estate = Estate(
        accounts=frozenset(reader.account(value, place) for place, value in reader.items(data, "accounts")),
        regions=frozenset(reader.region(value, place) for place, value in reader.items(data, "regions")),
        organisation=organisation,
        vpc_cidrs=tuple(reader.network(value, place) for place, value in reader.items(data, "vpc_cidrs")),
        peers=tuple(_peer(reader, value, place) for place, value in reader.items(data, "peers")),
        principals=frozenset(
            reader.text(
                value,
                place,
                r"arn:aws[a-z-]*:iam::\d{12}:((role|user)/[^*]+|root)",
                "the ARN of one role, user or root",
            )
            for place, value in reader.items(data, "principals")
        ),
        registries=tuple(
            reader.text(value, place, r"[a-z0-9.-]+\.[a-z]+(/[^\s]*)?", "a registry's host name")
            for place, value in reader.items(data, "registries")
        ),
        providers=frozenset(
            reader.text(value, place, r"[a-z][a-z0-9-]*", "a provider package")
            for place, value in reader.items(data, "providers")
        ),
        managed_endpoints=reader.flag(data, "managed_endpoints"),
        exemptions=tuple(_exemption(reader, value, place) for place, value in reader.items(data, "exemptions")),
        on_premises=tuple(_on_premises(reader, value, place) for place, value in reader.items(data, "on_premises")),
        storage_ranges=tuple(reader.storage(value, place) for place, value in reader.items(data, "storage_ranges")),
        prefix_lists=frozenset(
            reader.text(value, place, r"pl-[0-9a-f]+", "the id of a prefix list such as pl-6da54004")
            for place, value in reader.items(data, "prefix_lists")
        ),
        blocked_names_alarm=reader.flag(data, "blocked_names_alarm"),
        organisation_policies=reader.flag(data, "organisation_policies"),
    )
    if problems := reader.problems or _contradictions(estate):
        raise EstateError(path, problems)
    return estate


def load_estate() -> Estate:
    """The estate beside the pack, or the one that CLOISTER_ESTATE names.

    Raises:
        EstateError: when the file cannot be read or is wrong.
    """
    path = Path(os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_PATH)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EstateError(path, [f"cannot be read: {error.strerror}"]) from error
    return read_estate(text, path)


def _keys(kind: type[Any]) -> set[str]:
    return {field.name for field in fields(kind)}


def _optional(kind: type[Any]) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind) if field.default is not MISSING)


def _peer(reader: Reader, value: Any, place: str) -> Peer:
    data = reader.keys(value, place, _keys(Peer), _optional(Peer))
    connection = data.get("connection_id")
    if connection is not None:
        reader.text(connection, f"{place}.connection_id", r"pcx-[0-9a-f]+", "the id of a peering connection")
    return Peer(
        name=reader.text(data.get("name"), f"{place}.name"),
        account=reader.account(data.get("account"), f"{place}.account"),
        region=reader.region(data.get("region"), f"{place}.region"),
        vpc_id=reader.text(data.get("vpc_id"), f"{place}.vpc_id", r"vpc-[0-9a-f]+", "a VPC id"),
        cidr=reader.network(data.get("cidr"), f"{place}.cidr"),
        connection_id=connection,
    )


def _on_premises(reader: Reader, value: Any, place: str) -> OnPremises:
    data = reader.keys(value, place, _keys(OnPremises))
    cidrs = reader.items(data, "cidrs", place)
    if "cidrs" in data and not cidrs:
        reader.problems.append(f"{place}.cidrs: is empty; a VPN needs a range to lead to")
    return OnPremises(
        name=reader.text(data.get("name"), f"{place}.name"),
        device_address=reader.address(data.get("device_address"), f"{place}.device_address"),
        cidrs=tuple(reader.network(cidr, path) for path, cidr in cidrs),
    )


def _exemption(reader: Reader, value: Any, place: str) -> Exemption:
    data = reader.keys(value, place, _keys(Exemption))
    resource = reader.text(data.get("resource"), f"{place}.resource", r"urn:pulumi:.+", "a URN or URN pattern")
    if resource and not resource.removeprefix("urn:pulumi:").strip("*:"):
        reader.problems.append(f"{place}.resource: {resource!r} matches everything; name the resource")
    return Exemption(
        rule=reader.text(data.get("rule"), f"{place}.rule", r"[a-z]+(-[a-z0-9]+)+", "the id of a rule"),
        resource=resource,
        reason=reader.text(data.get("reason"), f"{place}.reason", r"(?s).{10,}", "a reason of ten characters or more"),
        expires=reader.day(data.get("expires"), f"{place}.expires"),
    )


def _contradictions(estate: Estate) -> list[str]:
    """What is wrong between the parts of an estate that are right by themselves."""
    inside = (*estate.vpc_cidrs, *(peer.cidr for peer in estate.peers))
    return [
        f"on_premises[{index}].cidrs: '{cidr}' overlaps {other}, a range of a VPC or peer"
        for index, site in enumerate(estate.on_premises)
        for cidr in site.cidrs
        for other in inside
        if cidr.overlaps(other)
    ]
