import json

from components import iam


def test_arns_carry_the_partition_of_their_region() -> None:
    assert iam.arn("kms", "eu-west-1", "1", "key/*") == "arn:aws:kms:eu-west-1:1:key/*"
    assert iam.arn("kms", "eusc-de-east-1", "1", "key/*") == "arn:aws-eusc:kms:eusc-de-east-1:1:key/*"
    assert iam.bucket_arn("eusc-de-east-1", "b", "/*") == "arn:aws-eusc:s3:::b/*"
    assert iam.managed_policy_arn("eu-west-1", "P") == "arn:aws:iam::aws:policy/P"


def test_a_document_holds_what_was_said_and_nothing_else() -> None:
    text = iam.document(iam.allow("Read", ["s3:GetObject"], ["arn"]), iam.deny("Tls", ["s3:*"], principal="*"))
    assert json.loads(text) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn"]},
            {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": ["s3:*"], "Resource": ["*"]},
        ],
    }


def test_a_role_is_taken_by_one_service_for_our_account() -> None:
    [statement] = json.loads(iam.trust("pods.eks", "eu-central-1", "111122223333", tag_session=True))["Statement"]
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}
    assert "Resource" not in statement


def test_ec2_gets_no_condition_that_it_cannot_meet() -> None:
    [statement] = json.loads(iam.trust("ec2", "eu-central-1", None))["Statement"]
    assert "Condition" not in statement
