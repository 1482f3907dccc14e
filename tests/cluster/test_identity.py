import json

from components.catalog.names import Names
from components.cluster.identity import read_policy
from tests.platform_stack import platform


def test_one_service_account_in_one_namespace_may_read_weights() -> None:
    planned = platform()
    association = planned.one("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert association.inputs["namespace"] == "inference"
    assert association.inputs["serviceAccount"] == "weights-loader"
    trust = json.loads(planned.one("aws:iam/role:Role", "weights-reader-role").inputs["assumeRolePolicy"])
    [statement] = trust["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]


def test_reading_weights_is_all_that_the_role_can_do() -> None:
    statements = json.loads(read_policy(Names(account_id="111122223333", region="eu-central-1")))["Statement"]
    assert {action for statement in statements for action in statement["Action"]} == {
        "s3:ListBucket",
        "s3:GetObject",
        "kms:Decrypt",
    }
    by_name = {statement["Sid"]: statement for statement in statements}
    assert by_name["Read"]["Resource"] == ["arn:aws:s3:::cloister-weights-111122223333-eu-central-1/*"]
    decrypt = by_name["Decrypt"]["Condition"]
    assert decrypt["StringEquals"] == {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}
    assert decrypt["ForAnyValue:StringEquals"] == {"kms:ResourceAliases": "alias/cloister-storage"}


def test_policies_are_written_for_the_partition_of_their_region() -> None:
    policy = read_policy(Names(account_id="111122223333", region="eusc-de-east-1"))
    assert "arn:aws:" not in policy
    assert "s3.eusc-de-east-1.amazonaws.eu" in policy


def test_administrators_enter_by_name_and_nobody_else() -> None:
    planned = platform()
    entry = planned.one("aws:eks/accessEntry:AccessEntry").inputs
    policy = planned.one("aws:eks/accessPolicyAssociation:AccessPolicyAssociation").inputs
    assert entry["principalArn"] == policy["principalArn"] == "arn:aws:iam::111122223333:role/cloister-operator"
    assert policy["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
