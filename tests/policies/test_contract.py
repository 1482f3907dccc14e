"""What every rule owes its readers, and what the pack owes the estate."""

import ast
import re
import sys
from pathlib import Path

import pytest

from components.catalog import regions
from policies import catalogue
from policies.guardrails import POLICIES, RULES
from policies.guardrails.facts import EU_REGIONS
from policies.guardrails.objectives import FRAMEWORKS, OBJECTIVES, Objective, message
from policies.guardrails.rules import SEVERITIES, Rule
from policies.guardrails.types import ALLOWED_TYPES, MANAGED_ENDPOINT, ORGANISATION_TYPES, VPN_TYPES

from .spoiled_stacks import SPOILED
from .support import bad, findings, good, spoiled, token

PACK = Path(catalogue.__file__).parent
ALLOWED_IMPORTS = {"pulumi_policy", "yaml", "policies", "guardrails", *sys.stdlib_module_names}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_tells_its_promise_fix_source_and_severity(rule: Rule) -> None:
    assert rule.promise.endswith((".", ":")), rule.promise
    assert rule.fix.endswith((".", "]")), rule.fix
    assert rule.source.startswith("https://")
    assert rule.severity in SEVERITIES
    assert rule.types
    assert "|" not in rule.promise + rule.fix


def test_rule_ids_are_unique() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("theme", POLICIES)
def test_a_rule_is_listed_under_its_theme(theme: str) -> None:
    # Two themes share the providers' file names, never a rule.
    assert {rule.theme for rule in POLICIES[theme][1]} == {theme}


def test_every_rule_has_a_bad_twin() -> None:
    spoiled = {rule for rule, _, _ in bad()} | {row[0] for row in SPOILED}
    assert {rule.id for rule in RULES} == spoiled


def test_every_allowed_type_has_a_good_twin() -> None:
    assert set(good()) >= ALLOWED_TYPES | VPN_TYPES | ORGANISATION_TYPES


def test_rules_read_only_types_that_are_allowed() -> None:
    exact = {token for rule in RULES for token in rule.types if "*" not in token}
    assert exact <= ALLOWED_TYPES | VPN_TYPES | ORGANISATION_TYPES | {MANAGED_ENDPOINT}


def test_every_function_with_a_rule_is_listed() -> None:
    written = {
        node.name.replace("_", "-")
        for path in (PACK / "guardrails").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(d, ast.Call) and getattr(d.func, "id", "") == "rule" for d in node.decorator_list)
    }
    assert written == {rule.id for rule in RULES}


def test_the_catalogue_in_the_readme_is_current() -> None:
    text = catalogue.README.read_text(encoding="utf-8")
    assert text == catalogue.with_catalogue(text), "run `python -m policies.catalogue`"


def test_the_pack_imports_nothing_of_the_product() -> None:
    for path in PACK.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert {name.split(".")[0] for name in names} <= ALLOWED_IMPORTS, path


def test_every_rule_is_for_one_objective() -> None:
    listed = [rule.id for objective in OBJECTIVES for rule in objective.rules]
    assert sorted(listed) == sorted(rule.id for rule in RULES)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.name)
def test_an_objective_tells_its_promise_its_reason_and_who_asks_for_it(objective: Objective) -> None:
    assert objective.promise.endswith(".")
    assert objective.why.endswith(".")
    assert set(objective.asked_by) <= set(FRAMEWORKS)
    assert objective.asked_by
    assert all(re.fullmatch(r"(Art\. )?[A-Z]*[-.]?\d.*", place) for place in objective.asked_by.values())


def test_a_message_tells_place_fix_reason_severity_tags_and_source() -> None:
    [finding] = findings(spoiled(token("ec2/subnet"), {"mapPublicIpOnLaunch": True}))
    lines = message(finding).splitlines()
    assert lines == [
        "[egress-subnet-gives-no-public-address] example: mapPublicIpOnLaunch is set. " + finding.rule.fix,
        "  why: No subnet gives its machines public or customer-owned addresses. One public address or default route "
        "opens every machine behind it.",
        "  critical; GDPR Art. 32(1)(b), DORA Art. 9(4)(b), C5:2020 COS-02, ISO 27001:2022 A.8.20; "
        + finding.rule.source,
    ]


def test_both_lists_of_eu_regions_are_equal() -> None:
    assert frozenset(regions.EU_REGIONS) == EU_REGIONS
