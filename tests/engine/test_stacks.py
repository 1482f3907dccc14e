"""The stack files for a real account, by the README's commands, against the stand-ins."""

import json
from pathlib import Path

import pytest
import yaml

from components.model.lock import load_lock
from components.settings.images_lock import load_images
from operations.images_lock import pin
from tests.engine.clone import Clone

pytestmark = [pytest.mark.engine, pytest.mark.servers]
POLICIES = "--policy-pack policies --non-interactive --color never"


@pytest.fixture(scope="module")
def platform(clone: Clone) -> Clone:
    """A clone in whose account platform-dev is up."""
    clone.start()
    done = clone.shell(f"pulumi stack init platform-dev && pulumi up --yes --stack platform-dev {POLICIES}")
    assert done.returncode == 0, done.stdout + done.stderr
    return clone


def complete(clone: Clone) -> None:
    """What step 5 of the README does where the internet is: every image and every model gets its digests."""
    # The stand-in of Docker runs nothing but the rehearsal's images.
    runnable = load_images(clone.path / "sandbox" / "images.lock.yaml").images
    pin(clone.path / "images" / "images.lock.yaml", {name: str(image.digest) for name, image in runnable.items()})
    for name in ("qwen3-8b", "qwen3-8b-awq"):
        path = clone.path / "models" / f"{name}.lock.yaml"
        lock = yaml.safe_load(path.read_text(encoding="utf-8"))
        weights = {"path": "model.safetensors", "size_bytes": lock["weights_bytes"], "sha256": "b" * 64}
        path.write_text(yaml.safe_dump(lock | {"complete": True, "files": [weights]}), encoding="utf-8")
        assert load_lock(path).complete


@pytest.mark.parametrize("stack", ["serving-dev", "edge-dev"])
def test_a_stack_whose_images_are_not_pinned_is_refused_with_the_way_out(platform: Clone, stack: str) -> None:
    done = platform.shell(f"pulumi stack init {stack} && pulumi preview --stack {stack} {POLICIES}")
    assert done.returncode != 0
    assert "images.weights.digest: null; `cloister images lock` pins it" in done.stdout + done.stderr


@pytest.mark.parametrize("stack", ["serving-dev", "edge-dev", "images-dev"])
def test_a_stack_on_the_platform_previews_with_the_mandatory_policies(platform: Clone, stack: str) -> None:
    complete(platform)
    done = platform.shell(f"pulumi stack select --create {stack} && pulumi preview --stack {stack} {POLICIES}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "to create" in done.stdout


@pytest.mark.parametrize(
    ("stack", "key"), [("managed-dev", "managed_endpoints"), ("organisation-dev", "organisation_policies")]
)
def test_what_the_estate_has_to_allow_is_refused_until_it_does(
    platform: Clone, tmp_path: Path, stack: str, key: str
) -> None:
    complete(platform)
    preview = f"pulumi preview --stack {stack} {POLICIES}"
    refused = platform.shell(f"pulumi stack select --create {stack} && {preview}")
    assert refused.returncode != 0
    assert "type-is-known" in refused.stdout + refused.stderr
    estate = yaml.safe_load((platform.path / "policies" / "estate.yaml").read_text(encoding="utf-8"))
    allowed = tmp_path / "estate.yaml"
    allowed.write_text(yaml.safe_dump(estate | {key: True}), encoding="utf-8")
    done = platform.shell(f"CLOISTER_ESTATE={allowed} {preview}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_setting_fails_the_preview_with_its_place_and_the_way_out(platform: Clone) -> None:
    path = platform.path / "stacks" / "Pulumi.platform-dev.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("region: eu-central-1", "region: eu-west-2"), encoding="utf-8")
    try:
        done = platform.shell(f"pulumi preview --stack platform-dev {POLICIES}")
    finally:
        path.write_text(text, encoding="utf-8")
    assert done.returncode != 0
    assert "settings.region: 'eu-west-2' is outside the EU; use one of eu-central-1" in done.stdout + done.stderr


def test_the_outputs_hold_no_secret(platform: Clone) -> None:
    done = platform.shell("pulumi stack output --json --stack platform-dev")
    outputs = json.loads(done.stdout)
    assert outputs["region"] == "eu-central-1"
    assert "[secret]" not in done.stdout


def test_the_command_finds_in_a_state_what_the_engine_finds(platform: Clone, tmp_path: Path) -> None:
    """`cloister policies check --state` reads a state by itself, so that it needs neither the engine nor a login."""
    path = tmp_path / "state.json"
    assert platform.shell(f"pulumi stack export --stack platform-dev --file {path}").returncode == 0
    state = json.loads(path.read_text(encoding="utf-8"))
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "AAAA"}
    for resource in state["deployment"]["resources"]:
        for values in (resource.get("inputs") or {}, resource.get("outputs") or {}):
            if resource["type"] == "aws:ec2/subnet:Subnet":
                values["mapPublicIpOnLaunch"] = True
            elif resource["type"] == "aws:kms/key:Key":
                values["policy"] = secret
        resource["delete"] = resource["type"] == "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    path.write_text(json.dumps(state), encoding="utf-8")
    analyzed = platform.shell(f"pulumi policy analyze --file {path} --policy-pack policies --json")
    events = [json.loads(line).get("policyEvent") for line in analyzed.stdout.splitlines() if line.startswith("{")]
    engine = {(event["resourceUrn"], event["message"].partition("\n")[2]) for event in events if event}
    checked = platform.shell(f"cloister policies check --state {path} --json")
    assert (analyzed.returncode, checked.returncode) == (1, 1)
    (found,) = json.loads(checked.stdout)
    ours = {(broken["urn"], broken["details"]) for broken in found["broken"]}
    assert ours == engine
    rules = {broken["rule"] for broken in found["broken"]}
    assert {"egress-subnet-gives-no-public-address", "estate-buckets-block-the-public"} <= rules
    assert any("aws:kms/key:Key" in urn for urn, _ in ours), "a policy that nobody can read is not proved"
