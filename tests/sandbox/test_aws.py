"""The AWS stand-in below the real engine: what it makes, refuses, changes, replaces, restores and removes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
import httpx
import pytest
from botocore.config import Config
from pulumi import automation

from operations.kubernetes_token import token
from sandbox.places import rehearsal_folder
from sandbox.tools.launchers import install_language_host, install_plugins

pytestmark = [pytest.mark.engine, pytest.mark.servers]

REGION = "eu-central-1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class World:
    """An account of its own, and an engine with a state of its own."""

    folder: Path
    port: int = field(default_factory=free_port)
    webhook_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "CLOISTER_FOLDER": str(self.folder),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "rehearsal",
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start_account(self) -> None:
        argv = [sys.executable, "-m", "sandbox.aws_account", "--port", str(self.port)]
        argv += ["--state", str(self.folder / "aws"), "--token-webhook-port", str(self.webhook_port)]
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.endpoint}/cloister/instance", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("the account does not answer")

    def stop_account(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process = None

    def client(self, service: str) -> Any:
        return botocore.session.get_session().create_client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="rehearsal",
            aws_secret_access_key="rehearsal",
            config=Config(s3={"addressing_style": "path"}),
        )

    def stack(self, program: str, arguments: dict[str, Any] | None = None) -> automation.Stack:
        """The one stack of this world with another program; it runs in a process of its own."""
        project = self.folder / "project"
        project.mkdir(exist_ok=True)
        runtime = {"name": "python", "options": {"virtualenv": str(Path(sys.executable).parents[1])}}
        (project / "Pulumi.yaml").write_text(json.dumps({"name": "aws-stand-in", "runtime": runtime}))
        (project / "__main__.py").write_text(program)
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {**self.environment, "PATH": path, "GIVEN": json.dumps(arguments or given())}
        options = automation.LocalWorkspaceOptions(
            env_vars=environment, pulumi_command=automation.PulumiCommand(str(self.folder))
        )
        return automation.create_or_select_stack("test", work_dir=str(project), opts=options)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("aws")
    (folder / "state").mkdir()
    install_plugins(folder)
    install_language_host(folder)
    (folder / "bin" / "pulumi").symlink_to(rehearsal_folder() / "bin" / "pulumi")
    made = World(folder)
    made.start_account()
    yield made
    made.stop_account()


HEAD = """
import json, os, pulumi, pulumi_aws as aws
given = json.loads(os.environ["GIVEN"])
provider = aws.Provider("aws", **given["provider"])
opts = pulumi.ResourceOptions(provider=provider)
"""
SMALL_PLATFORM = (
    HEAD
    + """
vpc = aws.ec2.Vpc("vpc", cidr_block=given["cidr"], opts=opts)
subnets = [
    aws.ec2.Subnet(
        f"subnet-{zone}",
        vpc_id=vpc.id,
        cidr_block=given["cidr"].replace(".0.0/16", f".{16 * index}.0/20"),
        availability_zone=f"eu-central-1{zone}",
        opts=opts,
    )
    for index, zone in enumerate("ab")
]
bucket = aws.s3.Bucket("weights", opts=opts)
aws.s3.BucketPublicAccessBlock("weights-private", bucket=bucket.bucket, block_public_acls=True, opts=opts)
key = aws.kms.Key(
    "tokens",
    description=given["description"],
    key_usage="SIGN_VERIFY",
    customer_master_key_spec="ECC_NIST_P256",
    opts=opts,
)
trust = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
role = aws.iam.Role(
    "cluster", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}), opts=opts
)
cluster = aws.eks.Cluster(
    "cluster",
    role_arn=role.arn,
    vpc_config={"subnet_ids": [subnet.id for subnet in subnets], "endpoint_public_access": False},
    opts=opts,
)
aws.eks.NodeGroup(
    "gpu",
    cluster_name=cluster.name,
    node_role_arn=role.arn,
    subnet_ids=[subnet.id for subnet in subnets],
    instance_types=["g6.xlarge"],
    scaling_config={"min_size": 0, "desired_size": 1, "max_size": 2},
    opts=opts,
)
public = aws.kms.get_public_key_output(key_id=key.key_id, opts=pulumi.InvokeOptions(provider=provider))
pulumi.export("vpc", vpc.id)
pulumi.export("bucket", bucket.bucket)
pulumi.export("role", role.name)
pulumi.export("key", key.key_id)
pulumi.export("group", cluster.vpc_config.cluster_security_group_id)
pulumi.export("public_key", public.public_key)
"""
)
REFUSED_AT_PREVIEW = (
    HEAD
    + """
aws.ec2.Subnet("s", vpc_id="vpc-1", cidr_block="10.42.0.1/20", availability_zone="eu-west-1a", opts=opts)
"""
)
REFUSED_AT_CREATION = (
    HEAD
    + """
aws.iam.RolePolicyAttachment(
    "a", role="cloister-operator", policy_arn="arn:aws:iam::aws:policy/NoSuchPolicy", opts=opts
)
aws.ec2.RouteTable("t", vpc_id="vpc-0123456789abcdef0", opts=opts)
aws.eks.Addon("d", addon_name="vpc-cni", cluster_name="nowhere", opts=opts)
"""
)
ONE_KEY = HEAD + """aws.kms.Key("k", opts=opts)"""


def given(cidr: str = "10.42.0.0/16", description: str = "tokens", owner: str = "tests") -> dict[str, Any]:
    tags = {"tags": {"owner": owner}}
    provider = {"region": REGION, "allowed_account_ids": ["111122223333"], "default_tags": tags}
    return {"cidr": cidr, "description": description, "provider": provider}


def up(world: World, arguments: dict[str, Any]) -> tuple[dict[str, str], dict[str, int]]:
    """Deploy the small platform; outputs and number of operations by kind."""
    result = world.stack(SMALL_PLATFORM, arguments).up(color="never")
    changes = {str(kind): count for kind, count in (result.summary.resource_changes or {}).items()}
    return {name: output.value for name, output in result.outputs.items()}, changes


def test_the_life_of_a_small_platform(world: World) -> None:
    outputs, changes = up(world, given())
    assert changes == {"create": 11}
    ec2 = world.client("ec2")
    vpc = ec2.describe_vpcs(VpcIds=[outputs["vpc"]])["Vpcs"][0]
    assert vpc["Tags"] == [{"Key": "owner", "Value": "tests"}]
    assert ec2.describe_security_groups(GroupIds=[outputs["group"]])["SecurityGroups"][0]["VpcId"] == outputs["vpc"]
    assert world.client("s3").get_public_access_block(Bucket=outputs["bucket"])
    assert world.client("iam").get_role(RoleName=outputs["role"])
    signature = world.client("kms").sign(
        KeyId=outputs["key"], Message=b"jwt", MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256"
    )["Signature"]

    secrets = list((world.folder / "aws" / "kms").iterdir())
    assert {oct(file.stat().st_mode)[-3:] for file in secrets} == {"600"}

    again, changes = up(world, given())
    assert changes == {"same": 11}
    assert again == outputs

    changed = given(description="signs tokens", owner="operators")
    _, changes = up(world, changed)
    assert changes == {"same": 2, "update": 9}, "the stack and the access block have no tags"
    key = world.client("kms").describe_key(KeyId=outputs["key"])["KeyMetadata"]
    assert key["Description"] == "signs tokens"

    world.stop_account()
    world.start_account()
    refreshed = world.stack(SMALL_PLATFORM, changed).refresh(color="never")
    assert set(refreshed.summary.resource_changes or {}) == {"same"}
    verified = world.client("kms").verify(
        KeyId=outputs["key"],
        Message=b"jwt",
        MessageType="RAW",
        SigningAlgorithm="ECDSA_SHA_256",
        Signature=signature,
    )
    assert verified["SignatureValid"], "the private key outlived the account's process"

    world.client("s3").delete_bucket(Bucket=outputs["bucket"])
    refreshed = world.stack(SMALL_PLATFORM, changed).refresh(color="never")
    gone = {str(kind): count for kind, count in (refreshed.summary.resource_changes or {}).items()}
    assert gone["delete"] == 2

    moved, changes = up(world, given(cidr="10.43.0.0/16", description="signs tokens", owner="operators"))
    assert changes["replace"] == 4, "VPC, two subnets and the node group in them"
    assert changes["create"] == 2
    assert moved["vpc"] != outputs["vpc"]
    assert moved["key"] == outputs["key"]

    world.stack(SMALL_PLATFORM).destroy(color="never")
    assert [vpc["CidrBlock"] for vpc in world.client("ec2").describe_vpcs()["Vpcs"]] == ["172.31.0.0/16"]
    assert world.client("s3").list_buckets()["Buckets"] == []
    assert [role["RoleName"] for role in world.client("iam").list_roles()["Roles"]] == ["cloister-operator"]
    assert json.loads((world.folder / "aws" / "resources.json").read_text())["resources"] == []


def _refused(world: World, program: str, arguments: dict[str, Any] | None = None) -> str:
    with pytest.raises(automation.CommandError) as refusal:
        world.stack(program, arguments).preview(color="never")
    return str(refusal.value)


def test_a_preview_refuses_what_aws_would(world: World) -> None:
    answer = _refused(world, REFUSED_AT_PREVIEW)
    assert "'eu-west-1a' is not a zone of eu-central-1" in answer
    assert "'10.42.0.1/20' is not a CIDR block" in answer


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"region": REGION, "allowed_account_ids": ["999988887777"]}, "AWS account ID not allowed: 111122223333"),
        ({"region": "eu-nowhere-1"}, "'eu-nowhere-1' is not a region of AWS"),
    ],
)
def test_a_provider_for_another_account_or_an_unknown_region_is_refused(
    world: World, settings: dict[str, Any], words: str
) -> None:
    assert words in _refused(world, ONE_KEY, {"provider": settings})


def test_references_that_lead_nowhere_are_refused_on_creation(world: World) -> None:
    stack = world.stack(REFUSED_AT_CREATION)
    with pytest.raises(automation.CommandError) as refusal:
        stack.up(color="never", continue_on_error=True)
    stack.destroy(color="never")
    answer = str(refusal.value)
    assert "policyArn: 'arn:aws:iam::aws:policy/NoSuchPolicy' does not exist" in answer
    assert "vpcId: 'vpc-0123456789abcdef0' does not exist in eu-central-1" in answer
    assert "clusterName: cluster 'nowhere' does not exist; the account has none" in answer


def test_the_products_own_token_is_accepted_for_its_cluster_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in world.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    kept = {"type": "aws:eks/cluster:Cluster", "inputs": {"name": "inference"}}
    path = world.folder / "aws" / "resources.json"
    before = path.read_text()
    path.write_text(json.dumps({**json.loads(before), "resources": [kept]}))
    try:
        answers = [_review(world, token(name, REGION)["status"]["token"]) for name in ("inference", "another")]
    finally:
        path.write_text(before)
    assert answers[0]["authenticated"]
    assert "system:masters" in answers[0]["user"]["groups"]
    assert answers[0]["user"]["username"].startswith("arn:aws:sts::111122223333:")
    assert not answers[1]["authenticated"]
    assert "not signed for cluster inference" in answers[1]["error"]


def _review(world: World, value: str) -> dict[str, Any]:
    url = f"http://127.0.0.1:{world.webhook_port}/token-review"
    answer = httpx.post(url, json={"spec": {"token": value}}, timeout=20).json()
    assert answer["kind"] == "TokenReview"
    status: dict[str, Any] = answer["status"]
    return status


def test_the_account_listens_on_loopback_only(world: World) -> None:
    assert world.process is not None
    listening = Path(f"/proc/{world.process.pid}/net/tcp").read_text().splitlines()[1:]
    ports = {f"{port:04X}" for port in (world.port, world.webhook_port)}
    addresses = {line.split()[1].split(":")[0] for line in listening if line.split()[1].split(":")[1] in ports}
    assert addresses == {"0100007F"}
