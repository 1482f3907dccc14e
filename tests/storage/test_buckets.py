import json

import pytest

from components.catalog.names import Names
from components.storage.weight_cache import read_statements
from tests.plan import Plan
from tests.platform_stack import platform

BUCKETS = ("weights", "audit")


@pytest.fixture(scope="module")
def planned() -> Plan:
    return platform()


@pytest.mark.parametrize("bucket", BUCKETS)
def test_no_bucket_can_become_public(planned: Plan, bucket: str) -> None:
    block = planned.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", f"{bucket}-public-access-block")
    names = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert [block.inputs[name] for name in names] == [True] * 4
    owner = planned.one("aws:s3/bucketOwnershipControls:BucketOwnershipControls", f"{bucket}-ownership")
    assert owner.inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


@pytest.mark.parametrize("bucket", BUCKETS)
def test_every_bucket_is_versioned_and_encrypted_with_our_key(planned: Plan, bucket: str) -> None:
    versioning = planned.one("aws:s3/bucketVersioning:BucketVersioning", f"{bucket}-versioning").inputs
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}
    encryption = planned.one(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        f"{bucket}-encryption",
    )
    [rule] = encryption.inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
    assert rule["bucketKeyEnabled"] is True
    assert planned.one("aws:kms/key:Key", "keys-storage").urn in encryption.property_dependencies["rules"]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_every_bucket_refuses_plain_http_and_forgets_broken_uploads(planned: Plan, bucket: str) -> None:
    policy = json.loads(planned.one("aws:s3/bucketPolicy:BucketPolicy", f"{bucket}-policy").inputs["policy"])
    [tls] = [statement for statement in policy["Statement"] if statement["Sid"] == "TlsOnly"]
    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    lifecycle = planned.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", f"{bucket}-lifecycle")
    [rule] = lifecycle.inputs["rules"]
    assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 3}


def test_weights_are_read_inside_the_vpc_or_by_administrators() -> None:
    operator = "arn:aws:iam::111122223333:role/cloister-operator"
    statements = read_statements(Names(account_id="111122223333", region="eu-central-1"), ["10.42.0.0/16"], [operator])
    by_name = {statement["Sid"]: statement for statement in statements}
    assert all(statement["Effect"] == "Deny" for statement in statements)
    assert by_name["OwnAccountOnly"]["Condition"] == {"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}
    assert by_name["ReadInsideOnly"]["Condition"] == {
        "NotIpAddress": {"aws:VpcSourceIp": ["10.42.0.0/16"]},
        "ArnNotEquals": {"aws:PrincipalArn": [operator]},
    }


def test_audit_records_cannot_be_deleted_by_anybody(planned: Plan) -> None:
    assert planned.one("aws:s3/bucket:Bucket", "audit-bucket").inputs["objectLockEnabled"] is True
    lock = planned.one("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration").inputs
    assert lock["rule"] == {"defaultRetention": {"mode": "COMPLIANCE", "days": 365}}


def test_the_trail_records_every_region_and_every_read_of_weights(planned: Plan) -> None:
    trail = planned.one("aws:cloudtrail/trail:Trail").inputs
    assert trail["isMultiRegionTrail"] is True
    assert trail["enableLogFileValidation"] is True
    assert trail["s3BucketName"] == "cloister-audit-111122223333-eu-central-1"
    [selector] = trail["eventSelectors"]
    assert selector["dataResources"] == [
        {"type": "AWS::S3::Object", "values": ["arn:aws:s3:::cloister-weights-111122223333-eu-central-1/"]}
    ]


def test_only_our_trail_writes_to_the_audit_bucket(planned: Plan) -> None:
    policy = json.loads(planned.one("aws:s3/bucketPolicy:BucketPolicy", "audit-policy").inputs["policy"])
    for statement in policy["Statement"]:
        if statement["Effect"] == "Allow":
            assert statement["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
            assert statement["Condition"]["StringEquals"] == {
                "aws:SourceAccount": "111122223333",
                "aws:SourceArn": "arn:aws:cloudtrail:eu-central-1:111122223333:trail/cloister",
            }
