"""What the policy pack found, in the forms that code hosts show: SARIF for findings, JUnit for tests."""

import hashlib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from operations.policy_check import EXEMPTIONS, Broken, Checked, Unplanned
from policies.guardrails import NAME, RULES
from policies.guardrails.objectives import objective_of
from policies.guardrails.rules import Rule

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
SCORES: Final[Mapping[str, str]] = {"critical": "9.5", "high": "8.0", "medium": "5.5"}
"""Severity -> what code hosts sort by. Source: GitHub Docs, "SARIF support for code scanning", security-severity."""


def sarif(results: Sequence[Checked | Unplanned]) -> dict[str, Any]:
    """One run with every rule, and one result for each broken promise.

    Source: OASIS, "Static Analysis Results Interchange Format Version 2.1.0".
    """
    rules = [*map(_rule, RULES), _exemptions()]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    checked = [result for result in results if isinstance(result, Checked)]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": f"{NAME}-policies", "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [*_unplanned(results), *_notices(checked)],
                    }
                ],
                "results": [_result(one, broken, index) for one in checked for broken in one.broken],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    objective = objective_of(rule)
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.promise},
        "fullDescription": {"text": f"{rule.promise} {objective.why}"},
        "help": {"text": f"{rule.fix} {objective.promise}"},
        "helpUri": rule.source,
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "security-severity": SCORES[rule.severity],
            "tags": ["security", rule.theme, objective.name, *objective.tags],
        },
    }


def _exemptions() -> dict[str, Any]:
    return {
        "id": EXEMPTIONS,
        "name": "EstateExemptions",
        "shortDescription": {"text": "An exemption names a rule, matches something, and ends."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"security-severity": SCORES["high"], "tags": ["security", "estate"]},
    }


def _result(one: Checked, broken: Broken, index: Mapping[str, int]) -> dict[str, Any]:
    place: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": _uri(one.place)}, "region": {"startLine": 1}}
    }
    if broken.urn:
        place["logicalLocations"] = [{"fullyQualifiedName": broken.urn, "kind": "resource"}]
    told = hashlib.sha256("\n".join((one.stack, broken.rule, broken.urn, broken.text)).encode()).hexdigest()
    return {
        "ruleId": broken.rule,
        "ruleIndex": index[broken.rule],
        "level": "error",
        "message": {"text": broken.text},
        "locations": [place],
        "partialFingerprints": {"cloister/v1": told[:32]},
    }


def _uri(place: str) -> str:
    path = Path(place)
    return path.as_uri() if path.is_absolute() else path.as_posix()


def _unplanned(results: Sequence[Checked | Unplanned]) -> Iterator[dict[str, Any]]:
    for result in results:
        if isinstance(result, Unplanned):
            yield {"level": "warning", "message": {"text": f"{result.stack} was not planned: {result.why}"}}


def _notices(checked: Sequence[Checked]) -> Iterator[dict[str, Any]]:
    for one in checked:
        for notice in one.notices:
            yield {"level": "note", "message": {"text": f"{one.stack}: {notice}"}}


def junit(results: Sequence[Checked | Unplanned]) -> str:
    """One suite for each stack, one case for each rule; a stack that cannot be planned is skipped.

    Source: the schema that Jenkins and GitLab read, "JUnit XML".
    """
    whole = ElementTree.Element("testsuites", name=f"{NAME}-policies")
    for result in results:
        if isinstance(result, Unplanned):
            suite = ElementTree.SubElement(whole, "testsuite", name=result.stack, tests="1", skipped="1", failures="0")
            case = ElementTree.SubElement(suite, "testcase", classname=result.stack, name="can be planned")
            ElementTree.SubElement(case, "skipped", message=_printable(result.why))
            continue
        _suite(whole, result)
    ElementTree.indent(whole)
    return ElementTree.tostring(whole, encoding="unicode", xml_declaration=True) + "\n"


def _suite(whole: ElementTree.Element, one: Checked) -> None:
    by_rule: dict[str, list[Broken]] = {name: [] for name in (*(rule.id for rule in RULES), EXEMPTIONS)}
    for broken in one.broken:
        by_rule[broken.rule].append(broken)
    suite = ElementTree.SubElement(
        whole,
        "testsuite",
        name=one.stack,
        tests=str(len(by_rule)),
        failures=str(sum(map(bool, by_rule.values()))),
        errors="0",
        skipped="0",
        time=str(one.seconds),
        file=one.place,
    )
    for rule, found in by_rule.items():
        case = ElementTree.SubElement(suite, "testcase", classname=one.stack, name=rule)
        if found:
            text = "\n\n".join(f"{broken.details}\n  {broken.urn}" for broken in found)
            failure = ElementTree.SubElement(case, "failure", message=_printable(found[0].text), type=found[0].severity)
            failure.text = _printable(text)


def _printable(text: str) -> str:
    """XML has no form for most control characters, and a value may hold any."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
