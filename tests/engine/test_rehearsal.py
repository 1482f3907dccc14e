"""The main job, as a stranger runs it, in a clone: once, again, after a kill, after a stop, to its end."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import httpx
import pytest

from components.settings.load import ROOT
from tests.engine.clone import Clone

pytestmark = [pytest.mark.engine, pytest.mark.servers]


@pytest.fixture(scope="module")
def rehearsed(clone: Clone) -> str:
    """What the first run printed."""
    done = clone.cloister("rehearse", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_run_answers_a_real_question_and_refuses_the_rest(rehearsed: str) -> None:
    assert "Tokyo" in rehearsed
    for refusal in ("missing_api_key", "invalid_api_key", "token_revoked", "model_not_allowed", "not_found"):
        assert refusal in rehearsed


def test_the_summary_tells_a_person_what_there_is_and_what_it_costs(rehearsed: str) -> None:
    summary = rehearsed[rehearsed.index("What there is now") :]
    for stack in ("platform-rehearsal", "serving-rehearsal", "edge-rehearsal"):
        assert re.search(rf"{stack} +\d+", summary)
    assert "USD" in summary
    assert "make stop" in summary


def test_the_curl_line_of_the_summary_works(clone: Clone, rehearsed: str) -> None:
    summary = rehearsed[rehearsed.index("Ask it yourself") :]
    token = next(line.strip() for line in summary.splitlines() if line.strip().startswith("TOKEN="))
    curl = re.search(r"curl .*\\\n.*", summary)
    assert curl is not None
    done = clone.shell(f"{token} && {curl.group()}", timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Tokyo" in json.loads(done.stdout)["choices"][0]["message"]["content"]


def test_the_gpu_pod_is_scheduled_on_the_gpu_node_and_ready(clone: Clone, rehearsed: str) -> None:
    assert rehearsed
    nodes = {node["metadata"]["name"]: node for node in clone.kubernetes("/api/v1/nodes")["items"]}
    pods = clone.kubernetes("/api/v1/namespaces/inference/pods")["items"]
    engines = [pod for pod in pods if "nvidia.com/gpu" in str(pod["spec"]["containers"])]
    assert engines
    for pod in engines:
        assert int(nodes[pod["spec"]["nodeName"]]["status"]["allocatable"]["nvidia.com/gpu"]) >= 1
        assert {item["type"]: item["status"] for item in pod["status"]["conditions"]}["Ready"] == "True"


def test_boto3_sees_what_pulumi_made(clone: Clone, rehearsed: str) -> None:
    assert rehearsed
    script = (
        "import boto3; ec2 = boto3.client('ec2'); s3 = boto3.client('s3'); kms = boto3.client('kms');"
        "vpcs = ec2.describe_vpcs(Filters=[{'Name': 'cidr', 'Values': ['10.42.0.0/16']}])['Vpcs'];"
        "ours = [{'Name': 'vpc-id', 'Values': [v['VpcId'] for v in vpcs]}];"
        "subnets = ec2.describe_subnets(Filters=ours)['Subnets'];"
        "gateways = ec2.describe_internet_gateways()['InternetGateways'];"
        "specs = [kms.describe_key(KeyId=k['KeyId'])['KeyMetadata']['KeySpec'] for k in kms.list_keys()['Keys']];"
        "zones = {s['AvailabilityZone'] for s in subnets}; public = any(s['MapPublicIpOnLaunch'] for s in subnets);"
        "print(len(vpcs), len(zones), public,"
        "len(gateways), 'ECC_NIST_P256' in specs, len(s3.list_buckets()['Buckets']))"
    )
    done = clone.shell(f'python -c "{script}"')
    assert done.stdout.split()[:5] == ["1", "3", "False", "0", "True"], done.stdout + done.stderr
    assert int(done.stdout.split()[5]) >= 2


def test_a_second_run_changes_nothing(clone: Clone, rehearsed: str) -> None:
    assert rehearsed
    done = clone.cloister("rehearse", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"(\d+) resources, (\d+) changed", done.stdout)
    assert {changed for _, changed in re.findall(r"(\d+) resources, (\d+) changed", done.stdout)} == {"0"}
    for stack in ("platform", "serving", "edge"):
        name = f"Pulumi.{stack}-rehearsal.yaml"
        given = (ROOT / "stacks" / name).read_text(encoding="utf-8").replace("port: 8443", "port: 18443")
        assert (clone.path / "stacks" / name).read_text(encoding="utf-8") == given, (
            "a rehearsal changes no tracked file"
        )


def test_a_token_can_be_listed_inspected_and_revoked_from_the_shell(clone: Clone, rehearsed: str) -> None:
    assert rehearsed
    issued = clone.shell("cloister token issue --stack edge-rehearsal --client demo --json")
    assert issued.returncode == 0, issued.stderr
    token, record = json.loads(issued.stdout)["token"], json.loads(issued.stdout)["record"]
    inspected = clone.run(
        "bash", "-c", 'source .cloister/env && cloister token inspect --stack edge-rehearsal --json <<< "$0"', token
    )
    assert json.loads(inspected.stdout)["signature"] == "good", inspected.stderr
    models = httpx.get(
        "http://127.0.0.1:18443/v1/models", headers={"Authorization": f"Bearer {token}"}, trust_env=False
    )
    assert models.status_code == 200
    revoked = clone.shell(f"cloister token revoke --stack edge-rehearsal --id {record['jti']} --reason test")
    assert revoked.returncode == 0, revoked.stderr
    deadline = time.monotonic() + 5
    status = 200
    while status != 401 and time.monotonic() < deadline:
        status = httpx.get(
            "http://127.0.0.1:18443/v1/models", headers={"Authorization": f"Bearer {token}"}, trust_env=False
        ).status_code
    assert status == 401
    listed = clone.shell("cloister token list --stack edge-rehearsal --json")
    states = {entry["record"]["jti"]: entry["state"] for entry in json.loads(listed.stdout)}
    assert states[record["jti"]] == "revoked"


def test_revoking_on_the_cluster_changes_the_config_map_that_its_gateways_mount(clone: Clone, rehearsed: str) -> None:
    assert rehearsed
    done = clone.shell("cloister token revoke --stack serving-rehearsal --client reports --reason test")
    assert done.returncode == 0, done.stderr
    outputs = clone.shell("pulumi stack output --json --stack serving-rehearsal")
    place = json.loads(outputs.stdout)["revocation_target"].removeprefix("configmap:")
    namespace, _, name = place.partition("/")
    config_map = clone.kubernetes(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
    assert "reports" in config_map["data"]["revocation.json"]


def test_a_rule_refuses_a_public_cluster_in_the_preview(clone: Clone, rehearsed: str) -> None:
    assert rehearsed
    component = clone.path / "components" / "cluster" / "control_plane.py"
    text = component.read_text(encoding="utf-8")
    assert "endpoint_public_access=False" in text
    component.write_text(text.replace("endpoint_public_access=False", "endpoint_public_access=True"), encoding="utf-8")
    try:
        done = clone.shell(
            "pulumi preview --stack platform-rehearsal --policy-pack policies --non-interactive --color never"
        )
    finally:
        component.write_text(text, encoding="utf-8")
    assert done.returncode != 0
    assert "endpointPublicAccess" in done.stdout + done.stderr


def test_the_deployed_state_passes_policy_analyze(clone: Clone, rehearsed: str) -> None:
    assert rehearsed
    for stack in ("platform-rehearsal", "serving-rehearsal", "edge-rehearsal"):
        done = clone.shell(
            f"pulumi stack export --stack {stack} --file state.json && "
            "pulumi policy analyze --file state.json --policy-pack policies --color never"
        )
        assert done.returncode == 0, f"{stack}: {done.stdout}{done.stderr}"


def test_a_run_after_a_kill_goes_on(clone: Clone, rehearsed: str) -> None:
    assert rehearsed
    started = subprocess.Popen(
        [sys.executable, "-c", "from operations.main import main; main()", "rehearse", "up"],
        cwd=clone.path,
        env=clone.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    locks = clone.folder / "state" / ".pulumi" / "locks"
    deadline = time.monotonic() + 60
    while not list(locks.rglob("*.json")):
        assert time.monotonic() < deadline, "no lock was taken"
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert list(locks.rglob("*.json"))
    done = clone.cloister("rehearse", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "which is gone" in done.stdout


def test_a_stop_and_a_new_start_bring_everything_back(clone: Clone, rehearsed: str) -> None:
    assert rehearsed
    stopped = clone.cloister("rehearse", "stop")
    assert "ended" in stopped.stdout
    with pytest.raises(httpx.ConnectError):
        httpx.get("http://127.0.0.1:18443/v1/models", trust_env=False)
    done = clone.cloister("rehearse", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tokyo" in done.stdout


def test_the_real_vllm_answers_behind_the_same_gateway(clone: Clone, rehearsed: str) -> None:
    assert rehearsed
    done = clone.cloister("rehearse", "up", "--engine", "vllm")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "edge-rehearsal made room" in done.stdout
    assert "The capital of Japan is Tokyo." in done.stdout
    log = (clone.folder / "log" / "container-smollm2.engine.cloister.internal.log").read_text(encoding="utf-8")
    assert "vLLM" in log


def test_destroy_leaves_nothing_but_the_accounts_public_access_block(clone: Clone, rehearsed: str) -> None:
    assert rehearsed
    files = {path.name: path.read_text(encoding="utf-8") for path in (clone.path / "stacks").glob("*.yaml")}
    done = clone.cloister("rehearse", "destroy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list((clone.folder / "state" / ".pulumi" / "stacks").rglob("*.json"))
    for name, text in files.items():
        assert (clone.path / "stacks" / name).read_text(encoding="utf-8") == text, "a stack's file belongs to its owner"
    kept = json.loads((clone.folder / "aws" / "resources.json").read_text(encoding="utf-8"))
    # The one thing that is left on purpose: what blocks public access in the whole account outlives the stack.
    assert [resource["type"].rpartition(":")[2] for resource in kept["resources"]] == ["VpcBlockPublicAccessOptions"]
