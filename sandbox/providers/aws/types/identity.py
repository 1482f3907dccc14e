"""Keys of KMS, roles and policies of IAM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .kind import Kind

IDENTITY: Final[Mapping[str, Kind]] = {
    "aws:kms/key:Key": Kind(
        operation="kms.CreateKey",
        rename={"customerMasterKeySpec": "KeySpec"},
        immutable=("customerMasterKeySpec", "keyUsage", "multiRegion", "customKeyStoreId", "xksKeyId"),
        defaults={"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "keyUsage": "ENCRYPT_DECRYPT", "isEnabled": True},
    ),
    "aws:kms/alias:Alias": Kind(
        operation="kms.CreateAlias", rename={"name": "AliasName"}, immutable=("name", "namePrefix"), name="name"
    ),
    "aws:kms/keyPolicy:KeyPolicy": Kind(operation="kms.PutKeyPolicy", immutable=("keyId",)),
    "aws:iam/role:Role": Kind(
        operation="iam.CreateRole",
        rename={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument", "permissionsBoundary": ""},
        immutable=("name", "namePrefix", "path"),
        name="name",
        defaults={"maxSessionDuration": 3600, "path": "/", "forceDetachPolicies": False},
    ),
    "aws:iam/rolePolicy:RolePolicy": Kind(
        operation="iam.PutRolePolicy",
        rename={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
        immutable=("name", "namePrefix", "role"),
        name="name",
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Kind(
        operation="iam.AttachRolePolicy", rename={"role": "RoleName"}, immutable=("role", "policyArn")
    ),
    "aws:iam/policy:Policy": Kind(
        operation="iam.CreatePolicy",
        rename={"name": "PolicyName", "policy": "PolicyDocument"},
        immutable=("name", "namePrefix", "path", "description"),
        name="name",
        defaults={"path": "/"},
    ),
    "aws:iam/instanceProfile:InstanceProfile": Kind(
        operation="iam.CreateInstanceProfile",
        rename={"name": "InstanceProfileName", "role": ""},
        immutable=("name", "namePrefix", "path"),
        name="name",
        defaults={"path": "/"},
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Kind(
        operation="iam.CreateOpenIDConnectProvider",
        rename={"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"},
        immutable=("url",),
    ),
}
