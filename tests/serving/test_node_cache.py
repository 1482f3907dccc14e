"""The weights on local disks: a volume that every node of a pool has, and nothing else has."""

import pytest

from components.catalog.node_cache import NODE_CACHE_FOLDER
from components.serving.node_cache import NodeCache, NodeCacheArgs
from tests.plan import Plan, plan


@pytest.fixture(scope="module")
def planned() -> Plan:
    args = NodeCacheArgs(namespace="inference", pool="gpu", limit_bytes=175 * 10**9)
    return plan(lambda: NodeCache("node-cache", args).claim)


def test_the_volume_is_the_folder_that_nodes_of_the_pool_prepare(planned: Plan) -> None:
    spec = planned.one("kubernetes:core/v1:PersistentVolume").inputs["spec"]
    assert spec["local"] == {"path": NODE_CACHE_FOLDER}
    (term,) = spec["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term == {"matchExpressions": [{"key": "cloister/pool", "operator": "In", "values": ["gpu"]}]}
    assert spec["persistentVolumeReclaimPolicy"] == "Retain"


def test_volume_and_claim_know_each_other_and_nobody_else_gets_it(planned: Plan) -> None:
    volume = planned.one("kubernetes:core/v1:PersistentVolume").inputs
    claim = planned.one("kubernetes:core/v1:PersistentVolumeClaim").inputs
    assert volume["metadata"]["name"] == claim["spec"]["volumeName"] == "inference-weights-gpu"
    assert volume["spec"]["claimRef"]["name"] == claim["metadata"]["name"] == planned.result == "weights-gpu"
    assert volume["spec"]["claimRef"]["namespace"] == claim["metadata"]["namespace"] == "inference"
    assert volume["spec"]["storageClassName"] == claim["spec"]["storageClassName"] == ""
    assert volume["spec"]["capacity"] == claim["spec"]["resources"]["requests"] == {"storage": "175000000000"}
    assert volume["spec"]["accessModes"] == claim["spec"]["accessModes"] == ["ReadWriteMany"]
