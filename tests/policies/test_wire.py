"""The pack as the engine runs it: a process that prints its port and answers the analyzer's protocol."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from policies import catalogue
from policies.guardrails.owner import DEFAULT_PATH

from .support import PROVIDER, good, wire

PACK = Path(catalogue.__file__).parent
SECONDS = 60.0
ROUTE = "aws:ec2/route:Route"


def struct(properties: Any) -> struct_pb2.Struct:
    return json_format.ParseDict(wire(properties), struct_pb2.Struct())


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:test::cloister::{type_}::{name}"


def started(pack: Path, **environment: str) -> subprocess.Popen[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "CLOISTER_"))}
    known = {"PULUMI_PROJECT": "cloister", "PULUMI_STACK": "test", "PULUMI_DRY_RUN": "true"}
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(pack)],
        cwd=pack,
        env={**inherited, **known, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stopped(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.communicate(timeout=SECONDS)


@contextmanager
def serving(**environment: str) -> Iterator[Any]:
    """A running pack, configured as the engine does it."""
    process = started(PACK, **environment)
    assert process.stdout is not None
    first = process.stdout.readline().strip()
    assert first.isdigit(), first
    try:
        with grpc.insecure_channel(f"127.0.0.1:{first}") as channel:
            stub = analyzer_pb2_grpc.AnalyzerStub(channel)
            stub.ConfigureStack(
                analyzer_pb2.AnalyzerStackConfigureRequest(stack="test", project="cloister", dry_run=True),
                timeout=SECONDS,
            )
            yield stub
    finally:
        stopped(process)


@pytest.fixture(scope="module")
def analyzer() -> Iterator[Any]:
    with serving() as stub:
        yield stub


def analyzed(analyzer: Any, type_: str, properties: Any) -> list[Any]:
    provider = analyzer_pb2.AnalyzerProviderResource(
        type="pulumi:providers:aws", name="aws", urn=urn("pulumi:providers:aws", "aws"), properties=struct(PROVIDER)
    )
    request = analyzer_pb2.AnalyzeRequest(
        type=type_, name="example", urn=urn(type_, "example"), properties=struct(properties), provider=provider
    )
    return list(analyzer.Analyze(request, timeout=SECONDS).diagnostics)


def test_every_policy_is_mandatory_but_the_notice(analyzer: Any) -> None:
    info = analyzer.GetAnalyzerInfo(empty_pb2.Empty(), timeout=SECONDS)
    levels = {policy.name: policy.enforcementLevel for policy in info.policies}
    assert levels.pop("exemptions") == analyzer_pb2.ADVISORY
    assert set(levels) == {"residency", "egress", "access", "supply-chain", "estate"}
    assert set(levels.values()) == {analyzer_pb2.MANDATORY}


def test_a_good_resource_passes(analyzer: Any) -> None:
    assert analyzed(analyzer, ROUTE, good()[ROUTE]) == []


def test_a_bad_resource_is_refused_with_its_rule_and_a_way_out(analyzer: Any) -> None:
    (found,) = analyzed(analyzer, ROUTE, {**good()[ROUTE], "destinationCidrBlock": "0.0.0.0/0"})
    assert found.enforcementLevel == analyzer_pb2.MANDATORY
    assert found.policyName == "egress"
    # The SDK puts the policy's description into the first line.
    assert found.message.splitlines()[1].startswith("[egress-route-leads-to-a-peer] example: ")
    assert "Route a declared peer's range" in found.message


def test_an_unknown_guarded_value_is_refused_not_skipped(analyzer: Any) -> None:
    (found,) = analyzed(analyzer, ROUTE, {**good()[ROUTE], "destinationCidrBlock": "UNKNOWN"})
    assert found.enforcementLevel == analyzer_pb2.MANDATORY
    assert "cannot be proved" in found.message


def test_a_value_that_no_rule_can_read_is_refused_and_not_shown(analyzer: Any) -> None:
    found = analyzed(analyzer, "aws:iam/rolePolicy:RolePolicy", {"policy": "{secret-text"})
    assert found
    assert all(one.enforcementLevel == analyzer_pb2.MANDATORY for one in found)
    assert any("unexpected form" in one.message for one in found)
    assert not any("secret-text" in one.message for one in found)


def test_a_stack_without_its_guards_is_refused(analyzer: Any) -> None:
    vpc = "aws:ec2/vpc:Vpc"
    resource = analyzer_pb2.AnalyzerResource(
        type=vpc, name="vpc", urn=urn(vpc, "vpc"), properties=struct({**good()[vpc], "id": "vpc-1"})
    )
    answer = analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=[resource]), timeout=SECONDS)
    rules = {found.message.partition("[")[2].partition("]")[0] for found in answer.diagnostics}
    assert {"estate-public-access-is-blocked", "estate-vpc-has-a-dns-firewall"} <= rules


def test_an_exemption_silences_its_rule_and_is_told_as_a_notice(tmp_path: Path) -> None:
    data = yaml.safe_load(DEFAULT_PATH.read_text(encoding="utf-8"))
    data["exemptions"] = [
        {
            "rule": "egress-route-leads-to-a-peer",
            "resource": urn(ROUTE, "exam*"),
            "reason": "the partner's range is not known yet",
            "expires": "2999-01-01",
        }
    ]
    path = tmp_path / "estate.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with serving(CLOISTER_ESTATE=str(path)) as stub:
        assert analyzed(stub, ROUTE, {**good()[ROUTE], "destinationCidrBlock": "10.99.0.0/16"}) == []
        answer = stub.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(), timeout=SECONDS)
    (notice,) = answer.diagnostics
    assert notice.enforcementLevel == analyzer_pb2.ADVISORY
    assert "egress-route-leads-to-a-peer is not enforced" in notice.message


def test_a_pack_with_a_wrong_estate_does_not_start(tmp_path: Path) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text(textwrap.dedent("regions: [us-east-1]"), encoding="utf-8")
    process = started(PACK, CLOISTER_ESTATE=str(path))
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode != 0
    assert out == ""
    assert "regions[0]: 'us-east-1' is not an EU region" in err
