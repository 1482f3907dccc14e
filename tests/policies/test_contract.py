"""What every rule owes its readers, and what the pack owes the estate."""

import ast
import sys
from pathlib import Path

import pytest

from components.catalog import regions
from policies import catalogue
from policies.guardrails import POLICIES, RULES
from policies.guardrails.facts import EU_REGIONS
from policies.guardrails.rules import SEVERITIES, Rule
from policies.guardrails.types import ALLOWED_TYPES, MANAGED_ENDPOINT, VPN_TYPES

from .spoiled_stacks import SPOILED
from .support import bad, good

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
    assert set(good()) >= ALLOWED_TYPES | VPN_TYPES


def test_rules_read_only_types_that_are_allowed() -> None:
    exact = {token for rule in RULES for token in rule.types if "*" not in token}
    assert exact <= ALLOWED_TYPES | VPN_TYPES | {MANAGED_ENDPOINT}


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


def test_both_lists_of_eu_regions_are_equal() -> None:
    assert frozenset(regions.EU_REGIONS) == EU_REGIONS
