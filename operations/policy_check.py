"""What the policy pack says of stacks and exported states, without engine, account or login."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from components.settings.errors import SettingsError
from operations.errors import CommandError
from operations.planned import plan_stack
from operations.policy_subjects import Subjects, subjects_of_plan, subjects_of_state
from policies.guardrails.objectives import message, objective_of
from policies.guardrails.owner import Estate, load_estate, read_estate
from policies.guardrails.reader import EstateError
from policies.guardrails.review import Review, review
from policies.guardrails.rules import Finding

EXEMPTIONS = "estate-exemptions"
"""The rule that exemptions themselves have to obey."""


@dataclass(frozen=True, kw_only=True)
class Broken:
    """One broken promise, as reports tell it.

    Attributes:
        rule: its id.
        urn: of the resource; empty where it is about the estate.
        text: what is wrong and how to mend it, in one line.
        details: the same with why it matters, its severity, who asks for it and its source.
        tags: articles and controls, such as `GDPR Art. 44`.
    """

    rule: str
    severity: str
    urn: str
    text: str
    details: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was found in one stack.

    Attributes:
        place: the file that people look at: the stack's settings, or the state.
        notices: exemptions that were used.
    """

    stack: str
    place: str
    resources: int
    seconds: float
    broken: tuple[Broken, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Unplanned:
    """A stack whose settings do not let it be planned, hence not be deployed either."""

    stack: str
    place: str
    why: str


def estate_of(path: Path | None) -> Estate:
    """The estate of a file, or the pack's own.

    Raises:
        CommandError: it cannot be read, or is wrong.
    """
    try:
        return load_estate() if path is None else read_estate(path.read_text(encoding="utf-8"), path)
    except EstateError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(
            f"--estate {str(path)!r}: {error.strerror}; name a file such as policies/estate.yaml"
        ) from None


def check_stacks(
    named: Sequence[str], estate: Estate, told: Callable[[str], None] = lambda _: None
) -> Iterator[Checked | Unplanned]:
    """What a first preview of each stack would find.

    Args:
        named: stacks.
        estate: what the organisation owns or trusts.
        told: is given each stack before it is planned.
    """
    for stack in named:
        told(stack)
        place = f"stacks/Pulumi.{stack}.yaml"
        began = time.monotonic()
        try:
            whole = plan_stack(stack, preview=True)
        except SettingsError as error:
            yield Unplanned(stack=stack, place=place, why=str(error))
            continue
        yield _checked(subjects_of_plan(stack, whole), place, estate, began)


def check_state(path: Path, estate: Estate) -> Checked:
    """What `pulumi policy analyze` would find in an exported state.

    Raises:
        CommandError: the file cannot be read or is no such state.
    """
    began = time.monotonic()
    return _checked(subjects_of_state(path), str(path), estate, began)


def check_exemptions(estate: Estate, known: Sequence[str], place: str) -> Checked:
    """Whether each exemption is about some stack; one that is about none is never asked for, and never missed."""
    strays = [
        f"exemption of {exemption.rule} for {exemption.resource}: there is no such stack. Remove it from estate.yaml."
        for exemption in estate.exemptions
        if not any(fnmatchcase(f"urn:pulumi:{stack}", exemption.resource.partition("::")[0]) for stack in known)
    ]
    broken = tuple(Broken(rule=EXEMPTIONS, severity="high", urn="", text=text, details=text) for text in strays)
    return Checked(stack="estate", place=place, resources=0, seconds=0.0, broken=broken, notices=())


def _checked(subjects: Subjects, place: str, estate: Estate, began: float) -> Checked:
    found = review(subjects.inputs, subjects.outputs, estate)
    return Checked(
        stack=subjects.stack,
        place=place,
        resources=len(subjects.inputs),
        seconds=round(time.monotonic() - began, 2),
        broken=(*map(_broken, found.findings), *_problems(found)),
        notices=tuple(
            f"{used.rule} is not enforced for {used.resource} until {used.expires}: {used.reason}"
            for used in found.exemptions
        ),
    )


def _broken(finding: Finding) -> Broken:
    return Broken(
        rule=finding.rule.id,
        severity=finding.rule.severity,
        urn=finding.urn,
        text=f"{finding.text}. {finding.rule.fix}",
        details=message(finding),
        tags=objective_of(finding.rule).tags,
    )


def _problems(found: Review) -> Iterator[Broken]:
    for text in found.problems:
        plain = text.partition("] ")[2]
        yield Broken(rule=EXEMPTIONS, severity="high", urn="", text=plain, details=text)
