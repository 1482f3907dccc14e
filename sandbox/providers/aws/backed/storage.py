"""Buckets, image repositories and secrets, in moto."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing

from .backing import Backing, Properties, document, pairs, removed


def _create_bucket(account: Account, inputs: Properties) -> str:
    name: str = inputs["bucket"]
    parameters: dict[str, Any] = {"Bucket": name, "ObjectLockEnabledForBucket": bool(inputs.get("objectLockEnabled"))}
    if account.region != "us-east-1":
        parameters["CreateBucketConfiguration"] = {"LocationConstraint": account.region}
    account.client("s3").create_bucket(**parameters)
    _tag_bucket(account, name, inputs, {})
    return name


def _tag_bucket(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    s3 = account.client("s3")
    if new.get("tagsAll"):
        s3.put_bucket_tagging(Bucket=identifier, Tagging={"TagSet": pairs(new["tagsAll"])})
    elif old.get("tagsAll"):
        s3.delete_bucket_tagging(Bucket=identifier)


def _read_bucket(account: Account, identifier: str) -> dict[str, Any]:
    account.client("s3").head_bucket(Bucket=identifier)
    return {}


def _delete_bucket(account: Account, identifier: str, outputs: Properties) -> None:
    s3 = account.client("s3")
    if outputs.get("forceDestroy"):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=identifier):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            for item in found:
                s3.delete_object(Bucket=identifier, Key=item["Key"], VersionId=item["VersionId"])
    s3.delete_bucket(Bucket=identifier)


def _setting(
    put: str,
    member: str,
    get: str,
    delete: str | None,
    make: Callable[[Properties], Any],
) -> Backing:
    """One configuration of a bucket: written as a whole, gone when AWS says that there is none."""

    def update(account: Account, identifier: str, new: Properties, old: Properties) -> None:
        getattr(account.client("s3"), put)(Bucket=identifier, **{member: make(new)})

    def create(account: Account, inputs: Properties) -> str:
        update(account, inputs["bucket"], inputs, {})
        return str(inputs["bucket"])

    def read(account: Account, identifier: str) -> dict[str, Any]:
        answer = getattr(account.client("s3"), get)(Bucket=identifier)
        if not set(answer) - {"ResponseMetadata"}:
            raise Missing(f"{member} of bucket {identifier}")
        return {}

    def remove(account: Account, identifier: str, outputs: Properties) -> None:
        if delete is not None:
            getattr(account.client("s3"), delete)(Bucket=identifier)

    return Backing(create=create, read=read, update=update, delete=remove)


def _encryption(inputs: Properties) -> dict[str, Any]:
    rules = []
    for rule in inputs["rules"]:
        default = rule.get("applyServerSideEncryptionByDefault") or {}
        algorithm = {"SSEAlgorithm": default.get("sseAlgorithm", "AES256")}
        algorithm |= {"KMSMasterKeyID": default["kmsMasterKeyId"]} if default.get("kmsMasterKeyId") else {}
        entry = {"ApplyServerSideEncryptionByDefault": algorithm}
        rules.append({**entry, "BucketKeyEnabled": bool(rule.get("bucketKeyEnabled"))})
    return {"Rules": rules}


def _lifecycle(inputs: Properties) -> dict[str, Any]:
    value = {"rules": [{"prefix": "", **rule} if not rule.get("filter") else rule for rule in inputs["rules"]]}
    result = shapes.convert("s3.PutBucketLifecycleConfiguration", "LifecycleConfiguration", value)
    for rule, declared in zip(result["Rules"], inputs["rules"], strict=True):
        for name, plural in (("transitions", "Transitions"), ("id", "ID")):
            rule |= {plural: rule.get(plural) or declared[name]} if declared.get(name) else {}
        if "Filter" not in rule:
            rule["Filter"] = {"Prefix": ""}
        rule.pop("Prefix", None)
    return dict(result)


def _object_lock(inputs: Properties) -> dict[str, Any]:
    value = {**inputs, "objectLockEnabled": inputs.get("objectLockEnabled") or "Enabled"}
    return dict(shapes.convert("s3.PutObjectLockConfiguration", "ObjectLockConfiguration", value))


def _create_repository(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:ecr/repository:Repository", {**inputs, "tags": None})
    encryption = (inputs.get("encryptionConfigurations") or [None])[0]
    if encryption:
        parameters["encryptionConfiguration"] = shapes.convert(
            "ecr.CreateRepository", "encryptionConfiguration", {"encryptionType": "AES256", **encryption}
        )
    parameters["tags"] = pairs(inputs.get("tagsAll"))
    return str(account.client("ecr").create_repository(**parameters)["repository"]["repositoryName"])


def _read_repository(account: Account, identifier: str) -> dict[str, Any]:
    repository = account.client("ecr").describe_repositories(repositoryNames=[identifier])["repositories"][0]
    names = {"arn": "repositoryArn", "registryId": "registryId", "repositoryUrl": "repositoryUri"}
    return {name: repository[member] for name, member in names.items()}


def _update_repository(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    ecr = account.client("ecr")
    ecr.put_image_tag_mutability(repositoryName=identifier, imageTagMutability=new["imageTagMutability"])
    if scanning := new.get("imageScanningConfiguration"):
        ecr.put_image_scanning_configuration(repositoryName=identifier, imageScanningConfiguration=scanning)
    arn = _read_repository(account, identifier)["arn"]
    if gone := removed(new.get("tagsAll") or {}, old.get("tagsAll") or {}):
        ecr.untag_resource(resourceArn=arn, tagKeys=gone)
    ecr.tag_resource(resourceArn=arn, tags=pairs(new.get("tagsAll")))


def _delete_repository(account: Account, identifier: str, outputs: Properties) -> None:
    account.client("ecr").delete_repository(repositoryName=identifier, force=bool(outputs.get("forceDelete")))


def _repository_setting(put: str, member: str, get: str, delete: str) -> Backing:
    def update(account: Account, identifier: str, new: Properties, old: Properties) -> None:
        getattr(account.client("ecr"), put)(repositoryName=identifier, **{member: document(new["policy"])})

    def create(account: Account, inputs: Properties) -> str:
        update(account, inputs["repository"], inputs, {})
        return str(inputs["repository"])

    def read(account: Account, identifier: str) -> dict[str, Any]:
        return {"registryId": getattr(account.client("ecr"), get)(repositoryName=identifier)["registryId"]}

    def remove(account: Account, identifier: str, outputs: Properties) -> None:
        getattr(account.client("ecr"), delete)(repositoryName=identifier)

    return Backing(create=create, read=read, update=update, delete=remove)


def _create_secret(account: Account, inputs: Properties) -> str:
    parameters = {"Name": inputs["name"], "Tags": pairs(inputs.get("tagsAll"))}
    parameters |= {"Description": inputs["description"]} if inputs.get("description") else {}
    parameters |= {"KmsKeyId": inputs["kmsKeyId"]} if inputs.get("kmsKeyId") else {}
    return str(account.client("secretsmanager").create_secret(**parameters)["ARN"])


def _read_secret(account: Account, identifier: str) -> dict[str, Any]:
    answer = account.client("secretsmanager").describe_secret(SecretId=identifier)
    if answer.get("DeletedDate"):
        raise Missing(f"secret {identifier}")
    return {"arn": answer["ARN"]}


def _delete_secret(account: Account, identifier: str, outputs: Properties) -> None:
    secrets, days = account.client("secretsmanager"), outputs.get("recoveryWindowInDays")
    how = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
    secrets.delete_secret(SecretId=identifier, **how)


BACKED: Final[Mapping[str, Backing]] = {
    "aws:s3/bucket:Bucket": Backing(
        create=_create_bucket, read=_read_bucket, update=_tag_bucket, delete=_delete_bucket
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _setting(
        "put_public_access_block",
        "PublicAccessBlockConfiguration",
        "get_public_access_block",
        "delete_public_access_block",
        lambda inputs: {
            name[0].upper() + name[1:]: bool(inputs.get(name))
            for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        },
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _setting(
        "put_bucket_encryption",
        "ServerSideEncryptionConfiguration",
        "get_bucket_encryption",
        "delete_bucket_encryption",
        _encryption,
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _setting(
        "put_bucket_versioning",
        "VersioningConfiguration",
        "get_bucket_versioning",
        None,
        lambda inputs: {"Status": inputs["versioningConfiguration"]["status"]},
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _setting(
        "put_bucket_ownership_controls",
        "OwnershipControls",
        "get_bucket_ownership_controls",
        "delete_bucket_ownership_controls",
        lambda inputs: {"Rules": [{"ObjectOwnership": inputs["rule"]["objectOwnership"]}]},
    ),
    "aws:s3/bucketPolicy:BucketPolicy": _setting(
        "put_bucket_policy",
        "Policy",
        "get_bucket_policy",
        "delete_bucket_policy",
        lambda inputs: document(inputs["policy"]),
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _setting(
        "put_object_lock_configuration",
        "ObjectLockConfiguration",
        "get_object_lock_configuration",
        None,
        _object_lock,
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _setting(
        "put_bucket_lifecycle_configuration",
        "LifecycleConfiguration",
        "get_bucket_lifecycle_configuration",
        "delete_bucket_lifecycle",
        _lifecycle,
    ),
    "aws:ecr/repository:Repository": Backing(
        create=_create_repository, read=_read_repository, update=_update_repository, delete=_delete_repository
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _repository_setting(
        "put_lifecycle_policy", "lifecyclePolicyText", "get_lifecycle_policy", "delete_lifecycle_policy"
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": _repository_setting(
        "set_repository_policy", "policyText", "get_repository_policy", "delete_repository_policy"
    ),
    "aws:secretsmanager/secret:Secret": Backing(create=_create_secret, read=_read_secret, delete=_delete_secret),
}
