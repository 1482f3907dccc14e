"""`cloister policies check`: what it refuses, what it writes, and what it says of wrong input."""

import dataclasses
import datetime
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from typer.testing import CliRunner

from components.settings.load import ROOT
from operations import policy_check
from operations.errors import CommandError
from operations.main import app
from operations.planned import Plan, plan_stack
from policies.guardrails import RULES
from policies.guardrails.owner import DEFAULT_PATH, Exemption, load_estate
from tests.contract import test_layers_obey_policies

STACK: Final = "images-dev"
REPOSITORY: Final = "aws:ecr/repository:Repository"
RULE: Final = "supply-chain-tags-are-immutable"
SECRET: Final = {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    "plaintext": '"the-word-nobody-may-see"',
}


def check(*words: str) -> tuple[int, str]:
    """Exit code and everything that was printed, refusals included."""
    done = CliRunner().invoke(app, ["policies", "check", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit | CommandError), done.exception
    refusal = str(done.exception) if isinstance(done.exception, CommandError) else ""
    return done.exit_code, done.output + refusal


def spoiled(whole: Plan) -> Plan:
    """A plan whose first upstream image is pulled by a tag."""
    first = next(one for one in whole.resources if one.type == "docker:index/remoteImage:RemoteImage")
    changed = dataclasses.replace(first, inputs={**first.inputs, "name": "docker.io/vllm/vllm-openai:latest"})
    return dataclasses.replace(whole, resources=tuple(changed if one is first else one for one in whole.resources))


@pytest.fixture
def bad_plan(monkeypatch: pytest.MonkeyPatch) -> Plan:
    whole = spoiled(plan_stack(STACK, preview=True))
    monkeypatch.setattr(policy_check, "plan_stack", lambda stack, *, preview: whole)
    return whole


def state(**changes: Any) -> dict[str, Any]:
    """A state as `pulumi stack export` writes it, with one repository."""
    urn = f"urn:pulumi:{STACK}::cloister"
    provider = f"{urn}::pulumi:providers:aws::aws"
    inputs = {"name": "gateway", "imageTagMutability": "IMMUTABLE", "forceDelete": False, **changes}
    inputs.setdefault("encryptionConfigurations", [{"encryptionType": "KMS", "kmsKey": key()}])
    return {
        "version": 3,
        "deployment": {
            "manifest": {"time": "2026-11-26T12:00:00Z"},
            "resources": [
                {
                    "urn": f"{urn}::pulumi:pulumi:Stack::cloister-{STACK}",
                    "custom": False,
                    "type": "pulumi:pulumi:Stack",
                },
                {
                    "urn": provider,
                    "custom": True,
                    "id": "0c1015e7",
                    "type": "pulumi:providers:aws",
                    "inputs": {"region": "eu-central-1", "allowedAccountIds": '["111122223333"]'},
                    "outputs": {"region": "eu-central-1"},
                },
                {
                    "urn": f"{urn}::{REPOSITORY}::gateway",
                    "custom": True,
                    "id": "gateway",
                    "type": REPOSITORY,
                    "provider": f"{provider}::0c1015e7",
                    "inputs": inputs,
                    "outputs": {**inputs, "id": "gateway"},
                },
                {"urn": f"{urn}::aws:ec2/internetGateway:InternetGateway::old", "type": "x", "delete": True},
            ],
        },
    }


def key() -> str:
    return "arn:aws:kms:eu-central-1:111122223333:key/0c1015e7-0000-4000-8000-000000000001"


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[Any], Path]:
    """Writes a state and gives its path."""

    def write(document: Any) -> Path:
        path = tmp_path / "state.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return path

    return write


def results_of(path: Path) -> list[Mapping[str, Any]]:
    (run,) = json.loads(path.read_text(encoding="utf-8"))["runs"]
    return list(run["results"])


def test_a_good_stack_is_refused_nothing_and_the_reports_say_so(tmp_path: Path) -> None:
    code, told = check("--stack", STACK, "--sarif", str(tmp_path / "p.sarif"), "--junit", str(tmp_path / "p.xml"))
    assert code == 0, told
    assert f"{STACK}: 12 resources, nothing refused" in told
    assert results_of(tmp_path / "p.sarif") == []
    (suite,) = ElementTree.parse(tmp_path / "p.xml").getroot()
    assert (suite.get("name"), suite.get("failures")) == (STACK, "0")
    assert {case.get("name") for case in suite} == {rule.id for rule in RULES} | {policy_check.EXEMPTIONS}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.sarif", "p.xml"], "no draft is left"


def test_a_spoiled_plan_is_refused_in_every_form(bad_plan: Plan, tmp_path: Path) -> None:
    code, told = check("--stack", STACK, "--sarif", str(tmp_path / "p.sarif"), "--junit", str(tmp_path / "p.xml"))
    assert code == 1
    assert "1 refused" in told
    assert "[supply-chain-pull-is-pinned]" in told
    (result,) = results_of(tmp_path / "p.sarif")
    assert result["ruleId"] == "supply-chain-pull-is-pinned"
    assert result["level"] == "error"
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == f"stacks/Pulumi.{STACK}.yaml"
    assert location["logicalLocations"][0]["fullyQualifiedName"].startswith(f"urn:pulumi:{STACK}::cloister::")
    (suite,) = ElementTree.parse(tmp_path / "p.xml").getroot()
    (failed,) = [case for case in suite if len(case)]
    assert failed.get("name") == "supply-chain-pull-is-pinned"
    assert "why: " in (failed[0].text or "")


def test_a_finding_has_the_same_fingerprint_in_every_run(bad_plan: Plan, tmp_path: Path) -> None:
    first, second = tmp_path / "1.sarif", tmp_path / "2.sarif"
    for path in (first, second):
        check("--stack", STACK, "--sarif", str(path))
    assert results_of(first) == results_of(second)
    assert results_of(first)[0]["partialFingerprints"]["cloister/v1"]


def test_sarif_describes_every_rule_as_code_hosts_ask(tmp_path: Path) -> None:
    check("--stack", STACK, "--sarif", str(tmp_path / "p.sarif"))
    document = json.loads((tmp_path / "p.sarif").read_text(encoding="utf-8"))
    assert document["version"] == "2.1.0"
    rules = document["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [*(rule.id for rule in RULES), policy_check.EXEMPTIONS]
    for rule in rules:
        assert rule["shortDescription"]["text"].endswith(".") or rule["shortDescription"]["text"].endswith(":")
        assert 0 < float(rule["properties"]["security-severity"]) <= 10
        assert len(rule["properties"]["tags"]) <= 20, "GitHub shows twenty"
    assert any("GDPR Art. 44" in rule["properties"]["tags"] for rule in rules)


def test_the_command_and_the_engines_policies_say_the_same(bad_plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ways lead into the pack; tests/contract takes the one of the SDK."""
    monkeypatch.setattr(test_layers_obey_policies, "planned", lambda *_: bad_plan)
    (checked,) = policy_check.check_stacks([STACK], load_estate())
    assert isinstance(checked, policy_check.Checked)
    assert [broken.details for broken in checked.broken] == list(test_layers_obey_policies.violations(STACK, True))


@pytest.mark.parametrize("stack", ["serving-dev", "edge-dev"])
def test_a_stack_that_cannot_be_planned_is_a_refusal_only_where_it_is_named(stack: str, tmp_path: Path) -> None:
    code, told = check("--stack", stack, "--junit", str(tmp_path / "p.xml"))
    assert code == 1
    assert "not planned, so not judged" in told
    assert "`cloister images lock` pins it" in told
    (suite,) = ElementTree.parse(tmp_path / "p.xml").getroot()
    assert suite.get("skipped") == "1"


def test_a_state_is_judged_without_program_or_login(exported: Callable[[Any], Path]) -> None:
    assert check("--state", str(exported(state())))[0] == 0
    code, told = check("--state", str(exported(state(imageTagMutability="MUTABLE"))))
    assert code == 1
    assert f"[{RULE}]" in told
    assert f"urn:pulumi:{STACK}::cloister::{REPOSITORY}::gateway" in told


def test_what_waits_for_its_deletion_is_not_judged(exported: Callable[[Any], Path]) -> None:
    document = state()
    assert check("--state", str(exported(document)))[0] == 0
    document["deployment"]["resources"][-1].update(delete=False, type="aws:ec2/internetGateway:InternetGateway")
    code, told = check("--state", str(exported(document)))
    assert code == 1
    assert "type aws:ec2/internetGateway:InternetGateway is not on the allow-list" in told


def test_a_secret_is_never_shown(exported: Callable[[Any], Path], tmp_path: Path) -> None:
    path = exported(state(imageTagMutability=SECRET, encryptionConfigurations=[{"encryptionType": SECRET}]))
    files = [tmp_path / "p.sarif", tmp_path / "p.xml"]
    code, told = check("--state", str(path), "--sarif", str(files[0]), "--junit", str(files[1]))
    assert code == 1
    written = "".join(file.read_text(encoding="utf-8") for file in files)
    assert "nobody-may-see" not in told + written
    assert "[secret]" in written


def test_control_characters_of_a_value_do_not_break_the_report(exported: Callable[[Any], Path], tmp_path: Path) -> None:
    path = exported(state(imageTagMutability="MUT\x00\x1b[31mABLE]]>"))
    assert check("--state", str(path), "--junit", str(tmp_path / "p.xml"))[0] == 1
    assert ElementTree.parse(tmp_path / "p.xml").getroot()[0].get("failures") == "1"


def test_an_exemption_is_told_and_one_that_matches_nothing_is_refused(
    exported: Callable[[Any], Path], tmp_path: Path
) -> None:
    data = yaml.safe_load(DEFAULT_PATH.read_text(encoding="utf-8"))
    used = {
        "rule": RULE,
        "resource": f"urn:pulumi:*::{REPOSITORY}::gateway",
        "reason": "the old pipeline moves its tags until January",
        "expires": "2999-01-01",
    }
    estate = tmp_path / "estate.yaml"
    estate.write_text(yaml.safe_dump({**data, "exemptions": [used]}), encoding="utf-8")
    code, told = check("--state", str(exported(state(imageTagMutability="MUTABLE"))), "--estate", str(estate))
    assert code == 0
    assert f"exempt: {RULE} is not enforced for" in told
    code, told = check("--state", str(exported(state())), "--estate", str(estate))
    assert code == 1
    assert "it matched nothing. Remove it from estate.yaml." in told


def test_an_exemption_of_a_stack_that_does_not_exist_is_refused() -> None:
    estate = dataclasses.replace(
        load_estate(),
        exemptions=tuple(
            Exemption(rule=RULE, resource=f"urn:pulumi:{stack}::*", reason="x" * 10, expires=datetime.date(2999, 1, 1))
            for stack in (STACK, "images-dve", "images-*")
        ),
    )
    (broken,) = policy_check.check_exemptions(estate, [STACK], "policies/estate.yaml").broken
    assert "urn:pulumi:images-dve::*: there is no such stack" in broken.text


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--stack", "nowhere"), "'nowhere': no such stack file; the stacks are edge-dev"),
        (("--without", "nowhere"), "'nowhere': no such stack file"),
        (
            ("--state", "missing.json"),
            "--state 'missing.json': No such file or directory; name a file of `pulumi stack",
        ),
        (("--state", "x.json", "--stack", STACK), "--state stands alone"),
        (("--stack", STACK, "--estate", "missing.yaml"), "--estate 'missing.yaml': No such file or directory"),
        (("--stack", STACK, "--sarif", "/proc/nowhere/p.sarif"), "--sarif '/proc/nowhere/p.sarif': No such file"),
    ],
)
def test_wrong_usage_is_one_clear_error(words: tuple[str, ...], problem: str) -> None:
    code, told = check(*words)
    assert code == 1
    assert problem in told


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "has no key 'deployment'"),
        ({"version": 3, "checkpoint": {}}, "has no key 'deployment'; write it by `pulumi stack export --file`"),
        ({"deployment": {"resources": [1]}}, "deployment.resources holds what is no resource"),
        ({"deployment": {"resources": [{"urn": "x"}]}}, "deployment.resources holds what is no resource"),
        (
            {"deployment": {"resources": [{"urn": f"urn:pulumi:{name}::p::t::n", "type": "t"} for name in "ab"]}},
            "resources of several stacks, a, b; export one stack",
        ),
    ],
)
def test_a_file_that_is_no_state_is_one_clear_error(
    exported: Callable[[Any], Path], document: Any, problem: str
) -> None:
    code, told = check("--state", str(exported(document)))
    assert code == 1
    assert problem in told
    assert "Traceback" not in told


def test_an_empty_stack_is_refused_nothing(exported: Callable[[Any], Path]) -> None:
    code, told = check("--state", str(exported({"version": 3, "deployment": {"resources": None}})))
    assert code == 0
    assert "state: 0 resources, nothing refused" in told


def test_a_wrong_estate_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text("regions: [us-east-1]", encoding="utf-8")
    code, told = check("--stack", STACK, "--estate", str(path))
    assert code == 1
    assert "regions[0]: 'us-east-1' is not an EU region" in told


def test_make_policies_leaves_out_what_the_estate_does_not_allow_and_nothing_else() -> None:
    (line,) = [
        line for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines() if "NOT_YET_ALLOWED :=" in line
    ]
    assert line.split()[2:] == ["managed-dev", "organisation-dev"]
