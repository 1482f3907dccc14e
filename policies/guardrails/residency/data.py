"""Where data and its copies live: keys, buckets, logs, secrets."""

from collections.abc import Iterator

from ..arns import is_own_bucket
from ..findings import Resource, each, known, known_items
from ..iam import is_aws_read, statements
from ..rules import Rule, rule

# Where load balancers write to.
_BALANCER_LOGS = ("accessLogs", "connectionLogs", "healthCheckLogs")
_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"


@rule(
    "aws:kms/key:Key",
    fix="Leave multiRegion out.",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html",
)
def residency_key_stays_in_its_region(key: Resource) -> Iterator[str]:
    """No key's material may be copied to another region."""
    if key.get("multiRegion"):
        yield "multiRegion is true"


@rule("aws:s3/bucket:Bucket", fix="Remove the setting.", source=f"{_S3}replication.html")
def residency_bucket_stays_in_its_region(bucket: Resource) -> Iterator[str]:
    """No bucket replicates its objects or serves them from edge locations."""
    if bucket.get("replicationConfiguration"):
        yield "replicationConfiguration is set"
    if bucket.get("accelerationStatus") == "Enabled":
        yield "accelerationStatus is Enabled"
    if bucket.get("website"):
        yield "website is set"


@rule(
    "aws:ec2/flowLog:FlowLog",
    "aws:s3/bucketLogging:BucketLogging",
    "aws:cloudtrail/trail:Trail",
    "aws:lb/loadBalancer:LoadBalancer",
    fix="Send logs to a bucket whose name carries the account's id, of this stack.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html",
)
def residency_logs_stay_in_own_buckets(resource: Resource) -> Iterator[str]:
    """Logs are written to own buckets only."""
    for key in ("logDestination", "targetBucket", "s3BucketName"):
        value = known(resource.props, key)
        is_bucket = key != "logDestination" or str(value).startswith("arn:aws:s3:")
        if value and is_bucket and not is_own_bucket(value, resource.estate):
            yield f"{key} {value!r} does not carry an own account id"
    for key in _BALANCER_LOGS:
        for logs in known_items(resource.props, key):
            bucket = known(logs, "bucket")
            if bucket and not is_own_bucket(bucket, resource.estate):
                yield f"{key}.bucket {bucket!r} does not carry an own account id"
    if known(resource.props, "deliverCrossAccountRole"):
        yield "deliverCrossAccountRole is set"


@rule(
    "aws:secretsmanager/secretRotation:SecretRotation",
    fix="Rotate by a function of the own account.",
    source="https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_managed.html",
)
def residency_rotation_is_not_handed_out(rotation: Resource) -> Iterator[str]:
    """No secret's rotation is handed to an outside service."""
    for key in rotation.props:
        if str(key).startswith("externalSecretRotation"):
            yield f"{key} is set"


@rule(
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/policy:Policy",
    "aws:iam/role:Role",
    fix="Name the resources, or add a condition on aws:ResourceAccount.",
    source="https://github.com/aws-samples/data-perimeter-policy-examples",
)
def residency_policy_writes_own_data(resource: Resource) -> Iterator[str]:
    """No role may write data to resources of other accounts."""
    policies = [("policy", resource.get("policy"))] if resource.get("policy") is not None else []
    policies += [(path, entry.get("policy")) for path, entry in each(resource.props, "inlinePolicies")]
    for path, policy in policies:
        for statement in statements(policy):
            writes = [action for action in _WRITES if statement.grants(action)]
            everywhere = statement.excludes_resources or any(
                value in ("*", "arn:aws:s3:::*") for value in statement.resources
            )
            bound = statement.narrowed("aws:resourceaccount", lambda value: value in resource.estate.accounts)
            in_organisation = statement.narrowed(
                "aws:resourceorgid", lambda value: value == resource.estate.organisation
            )
            if (
                writes
                and everywhere
                and not bound
                and not in_organisation
                and not is_aws_read(statement, resource.estate)
            ):
                yield f"{path} allows {writes[0]} on every account's resources"


_WRITES = (
    "s3:PutObject",
    "s3:ReplicateObject",
    "sqs:SendMessage",
    "sns:Publish",
    "dynamodb:PutItem",
    "kinesis:PutRecord",
    "firehose:PutRecord",
    "events:PutEvents",
    "ecr:PutImage",
    "secretsmanager:PutSecretValue",
    "lambda:InvokeFunction",
)

RULES: tuple[Rule, ...] = (
    residency_key_stays_in_its_region,
    residency_bucket_stays_in_its_region,
    residency_logs_stay_in_own_buckets,
    residency_rotation_is_not_handed_out,
    residency_policy_writes_own_data,
)
