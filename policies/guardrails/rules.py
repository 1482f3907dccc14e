"""What a rule is, and how rules of one theme are run on a resource or on a whole stack."""

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from pulumi_policy.proxy import UnknownValueError

from .findings import Resource, UnexpectedFormError
from .owner import Exemption

THEMES = ("residency", "egress", "access", "supply-chain", "estate")
SEVERITIES = ("critical", "high", "medium")


@dataclass(frozen=True)
class Rule:
    """One promise: a function that yields what breaks it.

    Args:
        types: type tokens it applies to; `aws:*` stands for a package, `*` for everything.
    """

    check: Callable[[Any], Iterator[Any]]
    types: tuple[str, ...]
    fix: str
    source: str
    severity: str

    @property
    def id(self) -> str:
        """The function's name, with dashes."""
        return self.check.__name__.replace("_", "-")

    @property
    def theme(self) -> str:
        """The first part of the id."""
        return next(theme for theme in THEMES if self.id.startswith(f"{theme}-"))

    @property
    def promise(self) -> str:
        """The first line of the function's docstring."""
        return (self.check.__doc__ or "").strip().splitlines()[0]

    def applies(self, token: str) -> bool:
        """Whether the rule reads resources of this type."""
        return any(fnmatchcase(token, pattern) if "*" in pattern else token == pattern for pattern in self.types)


def rule(
    *types: str, fix: str, source: str, severity: str = "high"
) -> Callable[[Callable[[Any], Iterator[Any]]], Rule]:
    """Makes a rule of `(Resource) -> Iterator[str]`, or in estate of `(Stack) -> Iterator[tuple[Resource, str]]`."""

    def decorate(check: Callable[[Any], Iterator[Any]]) -> Rule:
        return Rule(check=check, types=types, fix=fix, source=source, severity=severity)

    return decorate


@dataclass(frozen=True)
class Finding:
    """One broken promise at one resource."""

    rule: Rule
    urn: str
    text: str

    def __str__(self) -> str:
        return f"[{self.rule.id}] {self.text}. {self.rule.fix}"


class RuleSet:
    """The rules of one theme, found by type token."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self.of = lru_cache(maxsize=None)(self._of)

    def _of(self, token: str) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.applies(token))

    def findings(self, resource: Resource) -> Iterator[Finding]:
        """Every broken promise of a resource; what cannot be proved and a rule that fails count as broken."""
        for rule in self.of(resource.type):
            for text in _texts(rule, resource):
                yield Finding(rule, resource.urn, text)


def run(rule: Rule, subject: Any) -> Iterator[Any]:
    """What a rule yields; an unknown value, a value of an unexpected form or an error becomes the text of a finding."""
    try:
        yield from rule.check(subject)
    except UnknownValueError as error:
        yield f"{'.'.join(error.props)} is not known yet, so the promise cannot be proved; give a literal value"
    except UnexpectedFormError as error:
        yield f"{error}, so the promise cannot be proved; write it as the provider's documentation does"
    except (AttributeError, LookupError, TypeError, ValueError):
        yield "a value has an unexpected form, so the promise cannot be proved; write it as the documentation does"
    except (
        Exception
    ) as error:  # a rule that fails must refuse; a message could hold a secret, so only its kind is shown
        yield f"the rule itself failed ({type(error).__name__}), so the resource is refused; report this"


def _texts(rule: Rule, resource: Resource) -> Iterator[str]:
    for text in run(rule, resource):
        yield f"{resource.name}: {text}"


class Ledger:
    """Which exemptions were used while this pack served one operation."""

    def __init__(self, exemptions: tuple[Exemption, ...], today: datetime.date) -> None:
        self.exemptions = exemptions
        self.today = today
        self.used: set[Exemption] = set()

    def exempts(self, finding: Finding) -> bool:
        """Whether a finding is exempted today; remembers the exemption."""
        for exemption in self.exemptions:
            if (
                exemption.rule == finding.rule.id
                and exemption.expires >= self.today
                and fnmatchcase(finding.urn, exemption.resource)
            ):
                self.used.add(exemption)
                return True
        return False
