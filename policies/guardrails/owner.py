"""The estate: what the organisation owns or trusts, read strictly from estate.yaml."""

import datetime
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import yaml

from .facts import ACCOUNT, EU_REGIONS

DEFAULT_PATH = Path(__file__).parent.parent / "estate.yaml"
ENVIRONMENT_VARIABLE = "CLOISTER_ESTATE"


class EstateError(Exception):
    """All problems of one estate file, each with its place."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join([f"{path}: {len(problems)} problem(s)", *(f"  {problem}" for problem in problems)]))


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A network of the organisation that may reach the endpoints."""

    name: str
    account: str
    region: str
    vpc_id: str
    cidr: IPv4Network


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """One rule that one set of resources need not obey until a day."""

    rule: str
    resource: str
    reason: str
    expires: datetime.date


@dataclass(frozen=True, kw_only=True)
class Estate:
    """What the organisation owns or trusts."""

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

    @property
    def ranges(self) -> tuple[IPv4Network, ...]:
        """Every address range that traffic may stay in: the own VPCs and the peers."""
        return (*self.vpc_cidrs, *(peer.cidr for peer in self.peers))


class _Reader:
    """Reads one mapping key by key and collects what is wrong."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def keys(self, value: Any, place: str, expected: set[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.problems.append(f"{place or 'estate'}: must be a mapping, not {type(value).__name__}")
            return {}
        prefix = f"{place}." if place else ""
        self.problems += [
            f"{prefix}{key}: unknown key; known are {', '.join(sorted(expected))}"
            for key in value
            if key not in expected
        ]
        self.problems += [f"{prefix}{key}: missing" for key in sorted(expected) if key not in value]
        return value

    def items(self, data: Mapping[str, Any], key: str) -> list[Any]:
        value = data.get(key, [])
        if isinstance(value, list):
            return value
        self.problems.append(f"{key}: must be a list")
        return []

    def text(self, value: Any, place: str, pattern: str = r".+", wanted: str = "a text") -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        self.problems.append(f"{place}: {value!r} is not {wanted}")
        return ""

    def region(self, value: Any, place: str) -> str:
        if value in EU_REGIONS:
            return str(value)
        self.problems.append(f"{place}: {value!r} is not an EU region; use one of {', '.join(sorted(EU_REGIONS))}")
        return ""

    def account(self, value: Any, place: str) -> str:
        return self.text(value, place, ACCOUNT.pattern, "an account id of 12 digits in quotes")

    def network(self, value: Any, place: str) -> IPv4Network:
        try:
            network = IPv4Network(value)
        except (ValueError, TypeError):
            self.problems.append(f"{place}: {value!r} is not an IPv4 range such as 10.42.0.0/16")
            return IPv4Network("10.255.255.255/32")
        if not network.is_private:
            self.problems.append(f"{place}: {value!r} is a public range; use a private one")
        return network

    def day(self, value: Any, place: str) -> datetime.date:
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return value
        try:
            return datetime.date.fromisoformat(value)
        except (ValueError, TypeError):
            self.problems.append(f"{place}: {value!r} is not a day such as 2027-01-31")
            return datetime.date.min


def read_estate(text: str, path: Path = DEFAULT_PATH) -> Estate:
    """The estate that a YAML text declares.

    Raises:
        EstateError: when anything in it is missing, unknown or malformed; it lists every problem.
    """
    reader = _Reader()
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise EstateError(path, [f"not YAML: {error}"]) from error
    data = reader.keys(document, "", {field.name for field in fields(Estate)})
    flag = data.get("managed_endpoints", False)
    if not isinstance(flag, bool):
        reader.problems.append(f"managed_endpoints: {flag!r} is not true or false")
    organisation = data.get("organisation")
    if organisation is not None:
        reader.text(
            organisation, "organisation", r"o-[a-z0-9]{10,32}", "an organisation id such as o-a1b2c3d4e5, or null"
        )
    estate = Estate(
        accounts=frozenset(reader.account(v, f"accounts[{i}]") for i, v in enumerate(reader.items(data, "accounts"))),
        regions=frozenset(reader.region(v, f"regions[{i}]") for i, v in enumerate(reader.items(data, "regions"))),
        organisation=organisation,
        vpc_cidrs=tuple(reader.network(v, f"vpc_cidrs[{i}]") for i, v in enumerate(reader.items(data, "vpc_cidrs"))),
        peers=tuple(_peer(reader, v, f"peers[{i}]") for i, v in enumerate(reader.items(data, "peers"))),
        principals=frozenset(
            reader.text(
                v, f"principals[{i}]", r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[^*]+", "the ARN of one role or user"
            )
            for i, v in enumerate(reader.items(data, "principals"))
        ),
        registries=tuple(
            reader.text(v, f"registries[{i}]", r"[a-z0-9.-]+\.[a-z]+(/[^\s]*)?", "a registry's host name")
            for i, v in enumerate(reader.items(data, "registries"))
        ),
        providers=frozenset(
            reader.text(v, f"providers[{i}]", r"[a-z][a-z0-9-]*", "a provider package")
            for i, v in enumerate(reader.items(data, "providers"))
        ),
        managed_endpoints=flag is True,
        exemptions=tuple(
            _exemption(reader, v, f"exemptions[{i}]") for i, v in enumerate(reader.items(data, "exemptions"))
        ),
    )
    if reader.problems:
        raise EstateError(path, reader.problems)
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


def _peer(reader: _Reader, value: Any, place: str) -> Peer:
    data = reader.keys(value, place, {field.name for field in fields(Peer)})
    return Peer(
        name=reader.text(data.get("name"), f"{place}.name"),
        account=reader.account(data.get("account"), f"{place}.account"),
        region=reader.region(data.get("region"), f"{place}.region"),
        vpc_id=reader.text(data.get("vpc_id"), f"{place}.vpc_id", r"vpc-[0-9a-f]+", "a VPC id"),
        cidr=reader.network(data.get("cidr"), f"{place}.cidr"),
    )


def _exemption(reader: _Reader, value: Any, place: str) -> Exemption:
    data = reader.keys(value, place, {field.name for field in fields(Exemption)})
    resource = reader.text(data.get("resource"), f"{place}.resource", r"urn:pulumi:.+", "a URN or URN pattern")
    if resource and not resource.removeprefix("urn:pulumi:").strip("*:"):
        reader.problems.append(f"{place}.resource: {resource!r} matches everything; name the resource")
    return Exemption(
        rule=reader.text(data.get("rule"), f"{place}.rule", r"[a-z]+(-[a-z0-9]+)+", "the id of a rule"),
        resource=resource,
        reason=reader.text(data.get("reason"), f"{place}.reason", r"(?s).{10,}", "a reason of ten characters or more"),
        expires=reader.day(data.get("expires"), f"{place}.expires"),
    )
