"""The policy pack: four resource policies, one per theme, one stack policy, and a notice of exemptions in use."""

import datetime
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from . import access, egress, residency, supply_chain
from . import estate as relations
from .findings import Provider, Resource
from .objectives import message, objective_of
from .owner import Estate, Exemption
from .rules import Finding, Ledger, Rule, RuleSet, run
from .stack import Stack

NAME = "cloister"
SECOND_RANGE = "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"

# The whole pack. A rule is one function in a theme's file and its name in that file's RULES.
POLICIES: dict[str, tuple[str, tuple[Rule, ...]]] = {
    "residency": ("Everything is made, kept and sent inside the allowed EU regions and own accounts.", residency.RULES),
    "egress": ("Nothing has a way out of the VPC, its peers, the cluster or the host.", egress.RULES),
    "access": ("Every caller is known, every grant is narrow, every store is encrypted and logged.", access.RULES),
    "supply-chain": ("Only known types, images, models, add-ons and machines are used.", supply_chain.RULES),
    "estate": ("What must be there is there, and what is referred to is managed.", relations.RULES),
}
RULES: tuple[Rule, ...] = tuple(rule for _, rules in POLICIES.values() for rule in rules)
RULE_SETS: dict[str, RuleSet] = {theme: RuleSet(rules) for theme, (_, rules) in POLICIES.items() if theme != "estate"}
"""What judges each resource, by theme; `estate` judges whole stacks."""


def policies(estate: Estate, today: datetime.date | None = None) -> list[Policy]:
    """The pack's policies for one estate, all mandatory but the notice of exemptions."""
    ledger = Ledger(estate.exemptions, today or datetime.date.today())
    return [
        *(
            ResourceValidationPolicy(
                name,
                POLICIES[name][0],
                _resource_check(rules, estate, ledger),
                EnforcementLevel.MANDATORY,
                tags=_tags(rules.rules),
            )
            for name, rules in RULE_SETS.items()
        ),
        StackValidationPolicy(
            "estate",
            POLICIES["estate"][0],
            _stack_check(relations.RULES, estate, ledger),
            EnforcementLevel.MANDATORY,
            tags=_tags(relations.RULES),
        ),
        StackValidationPolicy(
            "exemptions", "Lists the exemptions that were used.", _notice(ledger), EnforcementLevel.ADVISORY
        ),
    ]


def _tags(rules: tuple[Rule, ...]) -> list[str]:
    """Where laws and standards ask for what a policy holds."""
    return sorted({tag for rule in rules for tag in objective_of(rule).tags})


def resource_view(args: Any, estate: Estate) -> Resource:
    """What rules see of a resource that the engine hands over."""
    provider = None if args.provider is None else Provider(args.provider.name, args.provider.props)
    return Resource(args.resource_type, args.name, args.urn, args.props, estate, provider)


def stack_view(resources: Any, estate: Estate) -> Stack:
    """What stack rules see of all resources that the engine hands over."""
    plain = {resource.urn: resource_view(resource, estate) for resource in resources}
    return Stack(
        tuple(
            Resource(
                view.type,
                view.name,
                view.urn,
                view.props,
                estate,
                view.provider,
                {
                    key: tuple(plain[source.urn] for source in _through(sources) if source.urn in plain)
                    for key, sources in resource.property_dependencies.items()
                },
            )
            for resource in resources
            for view in [plain[resource.urn]]
        )
    )


def _through(sources: Any) -> Iterator[Any]:
    """The sources of a property, and the VPC behind a second range that passes its vpcId on, so that subnets wait."""
    for source in sources:
        yield source
        if source.resource_type == SECOND_RANGE:
            yield from source.property_dependencies.get("vpcId", ())


def _resource_check(
    rules: RuleSet, estate: Estate, ledger: Ledger
) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def check(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for finding in rules.findings(resource_view(args, estate)):
            if not ledger.exempts(finding):
                report(message(finding), None)

    return check


def _stack_check(
    rules: tuple[Rule, ...], estate: Estate, ledger: Ledger
) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def check(args: StackValidationArgs, report: ReportViolation) -> None:
        for finding in stack_findings(rules, stack_view(args.resources, estate)):
            if not ledger.exempts(finding):
                report(message(finding), finding.urn)
        for text in exemption_problems(ledger, [resource.urn for resource in args.resources]):
            report(text, None)

    return check


def stack_findings(rules: tuple[Rule, ...], stack: Stack) -> list[Finding]:
    """Every broken promise of a whole stack; a rule that fails is reported at the first resource it applies to."""
    found = []
    for rule in rules:
        concerned = [resource for resource in stack.resources if rule.applies(resource.type)]
        if not concerned:
            continue
        for result in run(rule, stack):
            resource, text = (concerned[0], result) if isinstance(result, str) else result
            found.append(Finding(rule, resource.urn, f"{resource.name}: {text}"))
    return found


def exemption_problems(ledger: Ledger, urns: Sequence[str] = ()) -> list[str]:
    """What is wrong with the estate's exemptions: unknown rule, expired, or matching nothing in their stack.

    Args:
        ledger: after every resource was judged.
        urns: of the stack's resources; an exemption of another stack may well match nothing here.
    """
    ids = {rule.id for rule in RULES}
    stacks = {urn.partition("::")[0] for urn in urns}
    problems = []
    for exemption in ledger.exemptions:
        place = f"exemption of {exemption.rule} for {exemption.resource}"
        if exemption.rule not in ids:
            problems.append(f"[estate-exemptions] {place}: there is no such rule. Remove it from estate.yaml.")
        elif exemption.expires < ledger.today:
            problems.append(f"[estate-exemptions] {place}: it expired on {exemption.expires}. Remove or renew it.")
        elif exemption not in ledger.used and _concerns(exemption, stacks):
            problems.append(f"[estate-exemptions] {place}: it matched nothing. Remove it from estate.yaml.")
    return problems


def _concerns(exemption: Exemption, stacks: set[str]) -> bool:
    """Whether a pattern such as `urn:pulumi:platform-dev::…` is about one of the stacks, told by how URNs begin."""
    pattern = exemption.resource.partition("::")[0]
    return not stacks or any(fnmatchcase(stack, pattern) for stack in stacks)


def _notice(ledger: Ledger) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def check(args: StackValidationArgs, report: ReportViolation) -> None:
        for exemption in sorted(ledger.used, key=lambda used: (used.rule, used.resource)):
            report(
                f"{exemption.rule} is not enforced for {exemption.resource} until {exemption.expires}: "
                f"{exemption.reason}",
                None,
            )

    return check
