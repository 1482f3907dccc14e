"""Networks of every shape, previewed by the real engine under the whole policy pack."""

import copy
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings.load import CONFIG_KEY
from tests.engine.clone import Clone
from tests.platform_stack import NETWORKS

pytestmark = [pytest.mark.engine, pytest.mark.servers]
ESTATE: dict[str, list[Any]] = {
    "regions": ["eu-central-1", "eusc-de-east-1"],
    "vpc_cidrs": ["10.42.0.0/16", "100.64.0.0/16"],
    "peers": [
        {"name": "apps", "account": "444455556666", "vpc_id": "vpc-0a90a90a90a90a90a", "cidr": "10.90.0.0/16"},
        {"name": "tools", "account": "111122223333", "vpc_id": "vpc-0b91b91b91b91b91b", "cidr": "10.91.0.0/16"},
        {
            "name": "asked-us",
            "account": "444455556666",
            "vpc_id": "vpc-0c92c92c92c92c92c",
            "cidr": "10.92.0.0/16",
            "connection_id": "pcx-0c92c92c92c92c92c",
        },
    ],
    "on_premises": [
        {"name": "head-office", "device_address": "198.51.100.7", "cidrs": ["10.200.0.0/16", "10.202.0.0/16"]}
    ],
}
SOVEREIGN = {"region": "eusc-de-east-1", "zones": ["eusc-de-east-1a", "eusc-de-east-1b"]}


@pytest.fixture(scope="module")
def started(clone: Clone) -> Clone:
    """A clone whose stand-ins run, and whose estate allows all that these networks have."""
    clone.start()
    path = clone.path / "policies" / "estate.yaml"
    estate = yaml.safe_load(path.read_text(encoding="utf-8"))
    peers = [{"region": "eu-central-1", **peer} for peer in ESTATE["peers"]]
    (clone.path / "estate.yaml").write_text(yaml.safe_dump({**estate, **ESTATE, "peers": peers}), encoding="utf-8")
    return clone


def preview(clone: Clone, name: str, network: dict[str, Any], **changes: Any) -> Counter[str]:
    """Preview a platform with this network; type -> how many would be created."""
    path: Path = clone.path / "stacks" / f"Pulumi.platform-{name}.yaml"
    document = yaml.safe_load((clone.path / "stacks" / "Pulumi.platform-dev.yaml").read_text(encoding="utf-8"))
    document["config"][CONFIG_KEY] |= {**changes, "network": copy.deepcopy(network)}
    text = yaml.safe_dump(json.loads(json.dumps(document)))
    if changes.get("region") == "eusc-de-east-1":
        text = text.replace("arn:aws:", "arn:aws-eusc:").replace(":eu-central-1:", ":eusc-de-east-1:")
    path.write_text(text, encoding="utf-8")
    done = clone.shell(
        f"export CLOISTER_ESTATE=$PWD/estate.yaml CLOISTER_SANDBOX_ZONES=6 && "
        f"pulumi stack select --create platform-{name} && "
        f"pulumi preview --stack platform-{name} --policy-pack policies --non-interactive --color never"
    )
    clone.shell(f"pulumi stack rm --yes --preserve-config platform-{name}")
    path.unlink()
    assert done.returncode == 0, done.stdout[done.stdout.find("Policies:") :] + done.stderr[-3000:]
    return Counter(re.findall(r"^ \+ +(aws:\S+) ", done.stdout, flags=re.MULTILINE))


@pytest.mark.parametrize("zones", [2, 3, 6])
def test_a_platform_of_any_number_of_zones_obeys_every_rule(started: Clone, zones: int) -> None:
    names = [f"eu-central-1{letter}" for letter in "abcdef"[:zones]]
    counted = preview(started, f"zones-{zones}", NETWORKS["peered"], zones=names)
    assert counted["aws:ec2:Subnet"] == 2 * zones
    assert counted["aws:ec2:Route"] == zones


@pytest.mark.parametrize("name", NETWORKS)
def test_every_shape_of_a_network_obeys_every_rule(started: Clone, name: str) -> None:
    counted = preview(started, name, NETWORKS[name])
    with_vpn = bool(NETWORKS[name].get("vpns"))
    assert counted["aws:ec2:VpnConnection"] == int(with_vpn)
    peerings = NETWORKS[name].get("peerings", {})
    assert counted["aws:ec2:VpcPeeringConnection"] + counted["aws:ec2:VpcPeeringConnectionAccepter"] == len(peerings)


@pytest.mark.parametrize("name", ["bare", "peered"])
def test_the_sovereign_cloud_plans_the_same_network(started: Clone, name: str) -> None:
    counted = preview(started, f"sovereign-{name}", NETWORKS[name], **SOVEREIGN)
    assert counted["aws:ec2:Subnet"] == 4
    assert counted["aws:ec2:VpcEndpoint"] >= 9


def test_a_vpn_that_the_estate_does_not_know_is_refused(started: Clone) -> None:
    estate = yaml.safe_load((started.path / "estate.yaml").read_text(encoding="utf-8"))
    (started.path / "estate.yaml").write_text(yaml.safe_dump({**estate, "on_premises": []}), encoding="utf-8")
    try:
        with pytest.raises(AssertionError, match="type-is-known"):
            preview(started, "vpn-unknown", NETWORKS["everything"])
    finally:
        (started.path / "estate.yaml").write_text(yaml.safe_dump(estate), encoding="utf-8")
