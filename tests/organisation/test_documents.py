"""What AWS Organizations would say to a request, by the documents of `policies/organisation/`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from components.organisation.documents import KINDS, LONGEST, Values, documents
from components.settings.load import ROOT
from policies.guardrails import RULES
from tests.iam_evaluator import Request, matches_statement
from tests.iam_evaluator import Values as Context
from tests.plan import plan

FOLDER: Final = ROOT / "policies" / "organisation"
OWN, PEER, STRANGER = "111122223333", "444455556666", "999988887777"
ORGANISATION: Final = "o-cl0ister01"
VALUES: Final = Values(
    organisation_id=ORGANISATION,
    regions=["eu-central-1", "eu-west-1"],
    accounts=[OWN, PEER],
    vpc_arns=["arn:aws:ec2:eu-west-1:777788889999:vpc/vpc-0a1b2c3d"],
    deployer_arns=[f"arn:*:iam::{OWN}:role/cloister-deploy"],
)
DOCUMENTS: Final = {document.name: document for document in documents(FOLDER, VALUES)}
STATEMENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    statement["Sid"]: statement
    for document in DOCUMENTS.values()
    for statement in json.loads(document.text)["Statement"]
}
DEPLOYER: Final = f"arn:aws:iam::{OWN}:role/cloister-deploy"
ANYBODY: Final = f"arn:aws:iam::{OWN}:role/platform-engineer"
HERE: Final = {"aws:RequestedRegion": "eu-central-1"}
OWN_VPC: Final = f"arn:aws:ec2:eu-central-1:{OWN}:vpc/vpc-0c1015e7"
PEER_VPC: Final = f"arn:aws:ec2:eu-west-1:{PEER}:vpc/vpc-0a90a90a"
FOREIGN_VPC: Final = f"arn:aws:ec2:eu-central-1:{STRANGER}:vpc/vpc-0bad0bad"
EC2: Final = f"arn:aws:ec2:eu-central-1:{OWN}"


def denied(request: Request, kind: str = "scp") -> set[str]:
    """The statements that deny a request; an empty set: AWS's own FullAWSAccess lets it pass."""
    return {
        statement["Sid"]
        for name, document in DOCUMENTS.items()
        if name.startswith(kind)
        for statement in json.loads(document.text)["Statement"]
        if matches_statement(statement, request)
    }


def asked(action: str, resource: str = "*", principal: str = ANYBODY, **context: Context) -> Request:
    """A request in an allowed region, unless the context says another one; `__` in a name stands for a colon."""
    given = {key.replace("__", ":"): value for key, value in context.items()}
    principals = {"aws:PrincipalArn": principal} if principal else {}
    return Request(action=action, resource=resource, principal=principal, context={**HERE, **principals, **given})


REFUSED: Final = [
    (
        "OutsideTheRegions",
        asked("ec2:RunInstances", aws__RequestedRegion="us-east-1", ec2__MetadataHttpTokens="required"),
    ),
    ("OutsideTheRegions", asked("s3:CreateBucket", aws__RequestedRegion="eu-west-2")),
    ("OutsideTheRegions", asked("kms:CreateKey", principal=DEPLOYER, aws__RequestedRegion="eu-central-2")),
    ("OutsideTheRegions", asked("s3:PutObject", aws__RequestedRegion="eu-isoe-west-1")),
    ("FurtherRegions", asked("account:EnableRegion", principal=DEPLOYER)),
    ("CopiesElsewhere", asked("s3:PutReplicationConfiguration", principal=DEPLOYER)),
    ("CopiesElsewhere", asked("ecr:PutReplicationConfiguration")),
    ("CopiesElsewhere", asked("kms:ReplicateKey")),
    ("CopiesElsewhere", asked("logs:CreateExportTask")),
    ("CopiesElsewhere", asked("backup:StartCopyJob")),
    ("MultiRegionKeys", asked("kms:CreateKey", kms__MultiRegion="true")),
    ("ReplicatedSecrets", asked("secretsmanager:CreateSecret", secretsmanager__AddReplicaRegions="eu-west-1")),
    ("OtherServices", asked("bedrock:InvokeModel")),
    ("OtherServices", asked("cloudfront:CreateDistribution")),
    ("OtherServices", asked("globalaccelerator:CreateAccelerator", principal=DEPLOYER)),
    ("OtherServices", asked("lambda:CreateFunctionUrlConfig")),
    ("OtherServices", asked("directconnect:CreatePublicVirtualInterface")),
    ("OtherServices", asked("transfer:CreateServer")),
    ("OtherServices", asked("datasync:CreateTask")),
    ("WaysToTheInternet", asked("ec2:CreateInternetGateway", principal=DEPLOYER)),
    ("WaysToTheInternet", asked("ec2:AttachInternetGateway")),
    ("WaysToTheInternet", asked("ec2:CreateEgressOnlyInternetGateway")),
    ("WaysToTheInternet", asked("ec2:CreateNatGateway")),
    ("WaysToTheInternet", asked("ec2:AllocateAddress")),
    ("WaysToTheInternet", asked("ec2:CreateDefaultVpc")),
    ("WaysToTheInternet", asked("ec2:CreateVpcBlockPublicAccessExclusion", principal=DEPLOYER)),
    ("PublicAddresses", asked("ec2:RunInstances", f"{EC2}:network-interface/*", ec2__AssociatePublicIpAddress="true")),
    ("OpenedLocks", asked("ec2:ModifyVpcBlockPublicAccessOptions")),
    ("OpenedLocks", asked("s3:PutAccountPublicAccessBlock")),
    ("OpenedLocks", asked("route53resolver:DisassociateFirewallRuleGroup")),
    ("OtherNetworks", asked("ec2:CreateTransitGatewayVpcAttachment")),
    ("OtherNetworks", asked("ec2:CreateVpnConnection")),
    ("OtherNetworks", asked("route53resolver:CreateResolverRule")),
    *(
        (sid, asked(f"ec2:{action}VpcPeeringConnection", f"{EC2}:vpc-peering-connection/*", DEPLOYER, **context))
        for action in ("Create", "Accept")
        for sid, context in (
            ("PeeringBeyondTheAccounts", {"ec2__AccepterVpc": FOREIGN_VPC, "ec2__RequesterVpc": OWN_VPC}),
            ("PeeringBeyondTheAccounts", {"ec2__RequesterVpc": OWN_VPC}),
            ("PeeringAskedByStrangers", {"ec2__AccepterVpc": OWN_VPC, "ec2__RequesterVpc": FOREIGN_VPC}),
        )
    ),
    ("EndpointsOfStrangers", asked("ec2:CreateVpcEndpoint", f"{EC2}:vpc-endpoint/*", ec2__VpceServiceOwner=STRANGER)),
    (
        "EndpointsOfStrangers",
        asked("ec2:CreateVpcEndpoint", f"{EC2}:vpc-endpoint/*", ec2__VpceServiceOwner="aws-marketplace"),
    ),
    (
        "PublicLoadBalancers",
        asked("elasticloadbalancing:CreateLoadBalancer", elasticloadbalancing__Scheme="internet-facing"),
    ),
    ("PublicLoadBalancers", asked("elasticloadbalancing:CreateLoadBalancer")),
    ("PublicClusters", asked("eks:CreateCluster", principal=DEPLOYER, eks__endpointPublicAccess="true")),
    ("PublicClusters", asked("eks:UpdateClusterConfig", eks__endpointPublicAccess="true")),
    ("LongLivedKeys", asked("iam:CreateAccessKey", principal=DEPLOYER)),
    ("LongLivedKeys", asked("iam:CreateUser")),
    ("RootUser", asked("s3:GetObject", principal=f"arn:aws:iam::{OWN}:root")),
    ("LeavingTheOrganisation", asked("organizations:LeaveOrganization", principal=DEPLOYER)),
    ("OtherIssuers", asked("iam:CreateOpenIDConnectProvider")),
    ("OtherIssuers", asked("iam:UpdateOpenIDConnectProviderThumbprint")),
    ("OtherIssuers", asked("iam:UpdateSAMLProvider")),
    ("LostEvidence", asked("cloudtrail:StopLogging")),
    ("LostEvidence", asked("logs:PutRetentionPolicy")),
    ("LostEvidence", asked("ec2:DeleteFlowLogs")),
    ("LogsToStrangers", asked("logs:PutSubscriptionFilter", principal=DEPLOYER)),
    ("RewrittenEvidence", asked("s3:BypassGovernanceRetention", principal=DEPLOYER)),
    ("LostKeys", asked("kms:ScheduleKeyDeletion")),
    ("LostKeys", asked("kms:PutKeyPolicy")),
    ("KeysThatLockUsOut", asked("kms:CreateKey", principal=DEPLOYER, kms__BypassPolicyLockoutSafetyCheck="true")),
    ("PlainVolumes", asked("ec2:CreateVolume", f"{EC2}:volume/*", ec2__Encrypted="false")),
    ("SharedImages", asked("ec2:ModifyImageAttribute", principal=DEPLOYER)),
    ("SharedImages", asked("ec2:ModifySnapshotAttribute")),
    ("OldMetadataService", asked("ec2:RunInstances", f"{EC2}:instance/*", ec2__MetadataHttpTokens="optional")),
    ("OldMetadataService", asked("ec2:RunInstances", f"{EC2}:instance/*")),
    ("LooseMetadataService", asked("ec2:ModifyInstanceMetadataOptions", principal=DEPLOYER)),
    ("ClusterCallers", asked("eks:CreateAccessEntry")),
    ("ClusterCallers", asked("eks:CreatePodIdentityAssociation")),
]
PASSED: Final = [
    asked("ec2:RunInstances", f"{EC2}:instance/*", ec2__MetadataHttpTokens="required"),
    asked("ec2:RunInstances", f"{EC2}:network-interface/*", ec2__AssociatePublicIpAddress="false"),
    asked("ec2:RunInstances", f"{EC2}:volume/*", ec2__Encrypted="true"),
    asked("iam:CreateRole", aws__RequestedRegion="us-east-1"),
    asked("route53:CreateHostedZone", aws__RequestedRegion="us-east-1"),
    asked("sts:AssumeRole", aws__RequestedRegion="us-east-1"),
    asked("ec2:CreateVpc"),
    asked("ec2:AssociateVpcCidrBlock", principal=DEPLOYER),
    asked("ec2:ModifyVpcBlockPublicAccessOptions", principal=DEPLOYER),
    asked("ec2:CreateVpnConnection", principal=DEPLOYER),
    asked("ec2:CreateVpcEndpoint", f"{EC2}:vpc-endpoint/*", ec2__VpceServiceOwner="amazon"),
    asked("ec2:CreateVpcEndpoint", f"{EC2}:vpc/vpc-0c1015e7"),
    asked("elasticloadbalancing:CreateLoadBalancer", elasticloadbalancing__Scheme="internal"),
    asked("eks:CreateCluster", eks__endpointPublicAccess="false"),
    asked("eks:UpdateClusterConfig"),
    asked("eks:CreateAccessEntry", principal=DEPLOYER),
    asked("kms:CreateKey", kms__MultiRegion="false"),
    asked("kms:ScheduleKeyDeletion", principal=DEPLOYER),
    asked("secretsmanager:CreateSecret"),
    asked("s3:PutObject"),
    asked("logs:PutRetentionPolicy", principal=DEPLOYER),
    asked("cloudtrail:PutEventSelectors", principal=DEPLOYER),
    *(
        asked(
            f"ec2:{action}VpcPeeringConnection",
            f"{EC2}:vpc-peering-connection/*",
            DEPLOYER,
            ec2__AccepterVpc=accepter,
            ec2__RequesterVpc=requester,
        )
        for action in ("Create", "Accept")
        for accepter, requester in ((PEER_VPC, OWN_VPC), (OWN_VPC, PEER_VPC), (VALUES.vpc_arns[0], OWN_VPC))
    ),
]
DATA_CALLS: Final = (
    "s3:GetObject",
    "kms:Decrypt",
    "sqs:SendMessage",
    "secretsmanager:GetSecretValue",
    "ecr:BatchGetImage",
)


@pytest.mark.parametrize(("sid", "request_"), REFUSED, ids=lambda it: it if isinstance(it, str) else it.action)
def test_a_service_control_policy_refuses(sid: str, request_: Request) -> None:
    assert sid in denied(request_)


@pytest.mark.parametrize("request_", PASSED, ids=lambda it: it.action)
def test_what_the_stacks_need_is_not_refused(request_: Request) -> None:
    assert denied(request_) == set()


@pytest.mark.parametrize("action", [*DATA_CALLS, "sts:AssumeRole"])
@pytest.mark.parametrize(
    ("sid", "context"),
    [
        ("CallersOutsideTheOrganisation", {"aws:PrincipalIsAWSService": "false", "aws:PrincipalOrgID": "o-0ther00000"}),
        ("CallersOutsideTheOrganisation", {"aws:PrincipalIsAWSService": "false"}),
        (
            "ServicesForStrangers",
            {"aws:PrincipalIsAWSService": "true", "aws:SourceAccount": STRANGER, "aws:SourceOrgID": "o-0ther00000"},
        ),
        ("ServicesForStrangers", {"aws:PrincipalIsAWSService": "true", "aws:SourceAccount": STRANGER}),
        ("CallsWithoutTls", {"aws:SecureTransport": "false"}),
    ],
)
def test_a_resource_control_policy_refuses(action: str, sid: str, context: Mapping[str, str]) -> None:
    secure = {"aws:SecureTransport": "true", **context}
    assert sid in denied(Request(action=action, resource="*", context=secure), "rcp")


@pytest.mark.parametrize("action", [*DATA_CALLS, "sts:AssumeRole"])
@pytest.mark.parametrize(
    "context",
    [
        {"aws:PrincipalIsAWSService": "false", "aws:PrincipalOrgID": ORGANISATION},
        {"aws:PrincipalIsAWSService": "true", "aws:SourceAccount": OWN, "aws:SourceOrgID": ORGANISATION},
        {"aws:PrincipalIsAWSService": "true"},
    ],
)
def test_own_callers_and_services_reach_the_data(action: str, context: Mapping[str, str]) -> None:
    secure = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3", **context}
    assert denied(Request(action=action, resource="*", context=secure), "rcp") == set()


def test_old_tls_is_refused_by_buckets_only() -> None:
    old = {"aws:SecureTransport": "true", "aws:PrincipalOrgID": ORGANISATION, "s3:TlsVersion": "1.1"}
    assert denied(Request(action="s3:GetObject", resource="*", context=old), "rcp") == {"OldTls"}


def test_a_document_only_denies_and_is_short_enough() -> None:
    assert {name.partition("-")[0] for name in DOCUMENTS} == set(KINDS)
    assert all(statement["Effect"] == "Deny" for statement in STATEMENTS.values())
    assert all(len(document.text) <= LONGEST for document in DOCUMENTS.values())
    assert sum(name.startswith("scp") for name in DOCUMENTS) <= 4, (
        "AWS attaches five to a unit, and one is FullAWSAccess"
    )


def test_every_statement_is_refused_at_least_once_here() -> None:
    data = {"CallersOutsideTheOrganisation", "ServicesForStrangers", "CallsWithoutTls", "OldTls"}
    assert {sid for sid, _ in REFUSED} | data == set(STATEMENTS)


def test_every_statement_names_rules_of_the_pack_and_a_source() -> None:
    table = yaml.safe_load((FOLDER / "statements.yaml").read_text(encoding="utf-8"))
    assert set(table) == set(STATEMENTS)
    known = {rule.id for rule in RULES}
    for sid, entry in table.items():
        assert set(entry) == {"rules", "source"}, sid
        assert entry["rules"], sid
        assert set(entry["rules"]) <= known, sid
        assert entry["source"].startswith("https://docs.aws.amazon.com/"), sid


def test_a_document_that_grows_too_long_is_refused() -> None:
    many = [f"{number:012d}" for number in range(200)]
    with pytest.raises(ValueError, match=r"scp-network.json: \d+ characters, and AWS takes 5120"):
        list(documents(FOLDER, Values(**{**vars(VALUES), "accounts": many})))


def test_a_word_without_a_value_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scp-x.json").write_text('{"Statement": [{"Resource": "@NOBODY@"}]}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"scp-x\.json: a word between @ and @ has no value"):
        list(documents(tmp_path, VALUES))


def test_each_document_is_attached_to_each_target() -> None:
    from components.organisation.policies import OrganisationPolicies, OrganisationPoliciesArgs

    targets = ("ou-ab12-c10157e0", OWN)
    args = OrganisationPoliciesArgs(folder=FOLDER, values=VALUES, targets=targets)
    planned = plan(lambda: OrganisationPolicies("organisation", args).policy_ids)
    attached = planned.of("aws:organizations/policyAttachment:PolicyAttachment")
    assert {(one.inputs["policyId"], one.inputs["targetId"]) for one in attached} == {
        (policy_id, target) for policy_id in planned.result.values() for target in targets
    }
    assert set(planned.result) == set(DOCUMENTS)
