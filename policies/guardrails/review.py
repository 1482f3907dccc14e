"""The pack's judgement as data, for whoever is not Pulumi's engine: a command, a report, a test."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import POLICIES, RULE_SETS, exemption_problems, resource_view, stack_findings, stack_view
from .owner import Estate, Exemption
from .rules import Finding, Ledger


@dataclass(frozen=True, kw_only=True)
class Review:
    """What a pack has to say of one stack.

    Args:
        findings: every broken promise that no exemption covers.
        problems: what is wrong with the estate's exemptions.
        exemptions: those that were used.
    """

    findings: tuple[Finding, ...]
    problems: tuple[str, ...]
    exemptions: tuple[Exemption, ...]


def review(inputs: Iterable[Any], outputs: Iterable[Any], estate: Estate, today: datetime.date | None = None) -> Review:
    """Judge one stack as the engine has it judged: each resource by its inputs, then the stack by its outputs.

    Args:
        inputs: resources as `ResourceValidationArgs` shows them.
        outputs: the same as `PolicyResource` shows them.
        estate: what the organisation owns or trusts.
        today: the day on which exemptions must not have ended.
    """
    ledger = Ledger(estate.exemptions, today or datetime.date.today())
    resources = tuple(inputs)
    found = [
        finding
        for resource in resources
        for view in (resource_view(resource, estate),)
        for rules in RULE_SETS.values()
        for finding in rules.findings(view)
    ]
    found += stack_findings(POLICIES["estate"][1], stack_view(outputs, estate))
    left = tuple(finding for finding in found if not ledger.exempts(finding))
    used = tuple(sorted(ledger.used, key=lambda exemption: (exemption.rule, exemption.resource)))
    return Review(
        findings=left,
        problems=tuple(exemption_problems(ledger, [resource.urn for resource in resources])),
        exemptions=used,
    )
