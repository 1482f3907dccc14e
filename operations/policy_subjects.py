"""Resources as the policy pack reads them, from a plan or from an exported state."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pulumi_policy.proxy import unknown_checking_proxy

from operations.errors import CommandError
from operations.planned import UNKNOWN, Plan
from policies.guardrails.findings import HIDDEN

SPECIAL: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
"""How a state marks a secret. Source: pulumi/pulumi, sdk/go/common/resource/sig."""


@dataclass
class Subject:
    """One resource, with the names that Pulumi's policy SDK gives its parts."""

    resource_type: str
    name: str
    urn: str
    props: Mapping[str, Any]
    provider: "Subject | None" = None
    property_dependencies: dict[str, tuple["Subject", ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """Every resource of one stack, by what was asked for and by what came of it."""

    stack: str
    inputs: tuple[Subject, ...]
    outputs: tuple[Subject, ...]


@dataclass(frozen=True)
class _Row:
    """What a plan and a state have in common."""

    type: str
    urn: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    provider: str
    sources: Mapping[str, Sequence[str]]

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


def subjects_of_plan(stack: str, whole: Plan) -> Subjects:
    """A plan as a first preview shows it: nothing has an id yet."""
    rows = [
        _Row(one.type, one.urn, one.inputs, {**one.inputs, "id": UNKNOWN}, one.provider, one.property_dependencies)
        for one in whole.resources
    ]
    return _subjects(stack, rows)


def subjects_of_state(path: Path) -> Subjects:
    """A state that `pulumi stack export` wrote; secrets are hidden, as the engine hides them.

    Raises:
        CommandError: the file cannot be read or is no such state.
    """
    place = f"--state {str(path)!r}"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{place}: {error.strerror}; name a file of `pulumi stack export --file`") from None
    except ValueError as error:
        raise CommandError(f"{place}: not JSON ({error}); write it by `pulumi stack export --file`") from None
    deployment = document.get("deployment") if isinstance(document, dict) else None
    if not isinstance(deployment, dict):
        raise CommandError(f"{place}: has no key 'deployment'; write it by `pulumi stack export --file`")
    try:
        rows = [_row(one) for one in deployment.get("resources") or [] if not one.get("delete")]
    except (AttributeError, KeyError, TypeError):
        raise CommandError(
            f"{place}: deployment.resources holds what is no resource; write it by `pulumi stack export --file`"
        ) from None
    stacks = {row.urn.split("::")[0].removeprefix("urn:pulumi:") for row in rows}
    if len(stacks) > 1:
        raise CommandError(f"{place}: resources of several stacks, {', '.join(sorted(stacks))}; export one stack")
    return _subjects(stacks.pop() if stacks else path.stem, rows)


def _row(one: Mapping[str, Any]) -> _Row:
    return _Row(
        str(one["type"]),
        str(one["urn"]),
        _shown(one.get("inputs") or {}),
        _shown(one.get("outputs") or {}),
        str(one.get("provider") or ""),
        one.get("propertyDependencies") or {},
    )


def _shown(value: Any) -> Any:
    """A stored value as policies see it: no secrets, and numbers as floats."""
    if isinstance(value, dict):
        return HIDDEN if value.get(SPECIAL) == SECRET else {key: _shown(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner) for inner in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _subjects(stack: str, rows: Sequence[_Row]) -> Subjects:
    # A reference to a provider is its URN and its id.
    providers = {row.urn: _subject(row, row.inputs, {}) for row in rows if row.type.startswith("pulumi:providers:")}
    outputs = {row.urn: _subject(row, row.outputs, providers) for row in rows}
    for row in rows:
        for key, urns in row.sources.items():
            sources = tuple(outputs[urn] for urn in urns or () if urn in outputs)
            outputs[row.urn].property_dependencies[key] = sources
    inputs = tuple(_subject(row, row.inputs, providers) for row in rows)
    return Subjects(stack=stack, inputs=inputs, outputs=tuple(outputs.values()))


def _subject(row: _Row, props: Mapping[str, Any], providers: Mapping[str, Subject]) -> Subject:
    provider = providers.get(row.provider.rpartition("::")[0])
    return Subject(row.type, row.name, row.urn, unknown_checking_proxy(dict(props)), provider)
