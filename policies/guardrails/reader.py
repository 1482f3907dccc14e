"""How estate.yaml is read: key by key, and everything that is wrong is told at once."""

import datetime
import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Final

from .facts import ACCOUNT, EU_REGIONS

# RFC 1918 and RFC 6598: what VPCs, peers and on-premises networks may use. Source: VPC User Guide, "VPC CIDR blocks".
PRIVATE_RANGES: Final = tuple(
    IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)
_NOWHERE: Final = IPv4Network("10.255.255.255/32")
# AWS publishes none wider than a /15 for S3, and none wider than a /17 in the EU: a wider one opens more than storage.
_WIDEST_STORAGE: Final = 15


class EstateError(Exception):
    """All problems of one estate file, each with its place."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join([f"{path}: {len(problems)} problem(s)", *(f"  {problem}" for problem in problems)]))


class Reader:
    """Reads one mapping key by key and collects what is wrong."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def keys(
        self, value: Any, place: str, expected: set[str], optional: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """A mapping that has every expected key, and no key that is neither expected nor optional."""
        if not isinstance(value, dict):
            self.problems.append(f"{place or 'estate'}: must be a mapping, not {type(value).__name__}")
            return {}
        prefix = f"{place}." if place else ""
        self.problems += [
            f"{prefix}{key}: unknown key; known are {', '.join(sorted(expected | optional))}"
            for key in value
            if key not in expected | optional
        ]
        self.problems += [f"{prefix}{key}: missing" for key in sorted(expected - optional) if key not in value]
        return value

    def items(self, data: Mapping[str, Any], key: str, place: str = "") -> list[tuple[str, Any]]:
        """The elements of a list, each with its place; an absent list is empty."""
        value = data.get(key, [])
        path = f"{place}.{key}" if place else key
        if isinstance(value, list):
            return [(f"{path}[{index}]", element) for index, element in enumerate(value)]
        self.problems.append(f"{path}: must be a list")
        return []

    def text(self, value: Any, place: str, pattern: str = r".+", wanted: str = "a text") -> str:
        """A text of the wanted form."""
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        self.problems.append(f"{place}: {value!r} is not {wanted}")
        return ""

    def flag(self, data: Mapping[str, Any], key: str) -> bool:
        """True or false; false when the key is absent."""
        value = data.get(key, False)
        if not isinstance(value, bool):
            self.problems.append(f"{key}: {value!r} is not true or false")
        return value is True

    def region(self, value: Any, place: str) -> str:
        """A region of the EU."""
        if isinstance(value, str) and value in EU_REGIONS:
            return value
        self.problems.append(f"{place}: {value!r} is not an EU region; use one of {', '.join(sorted(EU_REGIONS))}")
        return ""

    def account(self, value: Any, place: str) -> str:
        """An AWS account."""
        return self.text(value, place, ACCOUNT.pattern, "an account id of 12 digits in quotes")

    def network(self, value: Any, place: str) -> IPv4Network:
        """A private range, or one of 100.64.0.0/10 that AWS also lets VPCs use."""
        network = self._range(value, place)
        if network is not None and not any(network.subnet_of(private) for private in PRIVATE_RANGES):
            self.problems.append(
                f"{place}: {value!r} is a public range; use one inside {', '.join(str(r) for r in PRIVATE_RANGES)}"
            )
        return network or _NOWHERE

    def storage(self, value: Any, place: str) -> IPv4Network:
        """A public range of S3, as AWS publishes them: never a wide part of the internet."""
        network = self._range(value, place)
        if network is not None and (network.prefixlen < _WIDEST_STORAGE or not network.is_global):
            self.problems.append(
                f"{place}: {value!r} cannot be a range of S3; use one of service S3 in ip-ranges.json, "
                f"public and no wider than /{_WIDEST_STORAGE}"
            )
        return network or _NOWHERE

    def address(self, value: Any, place: str) -> IPv4Address:
        """One IPv4 address."""
        try:
            return IPv4Address(value if isinstance(value, str) else None)
        except ValueError:
            self.problems.append(f"{place}: {value!r} is not an IPv4 address such as 198.51.100.7")
            return IPv4Address(0)

    def day(self, value: Any, place: str) -> datetime.date:
        """A day of the calendar."""
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return value
        try:
            return datetime.date.fromisoformat(value)
        except (ValueError, TypeError):
            self.problems.append(f"{place}: {value!r} is not a day such as 2027-01-31")
            return datetime.date.min

    def _range(self, value: Any, place: str) -> IPv4Network | None:
        try:
            return IPv4Network(value if isinstance(value, str) else None)
        except (ValueError, TypeError):
            self.problems.append(f"{place}: {value!r} is not an IPv4 range such as 10.42.0.0/16")
            return None
