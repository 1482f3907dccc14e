"""Roles, policies and identity providers, in moto's IAM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing

from .backing import Backing, Properties, document, removed


def _create_role(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:iam/role:Role", {**inputs, "tags": None})
    if inputs.get("permissionsBoundary"):
        parameters["PermissionsBoundary"] = inputs["permissionsBoundary"]
    name: str = account.client("iam").create_role(**parameters)["Role"]["RoleName"]
    _fill_role(account, name, inputs, {})
    return name


def _fill_role(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    """Inline policies, managed policies and tags of the role."""
    iam = account.client("iam")
    wanted = {policy["name"]: policy["policy"] for policy in new.get("inlinePolicies") or [] if policy.get("name")}
    before = {policy["name"]: policy["policy"] for policy in old.get("inlinePolicies") or [] if policy.get("name")}
    for name in removed(wanted, before):
        iam.delete_role_policy(RoleName=identifier, PolicyName=name)
    for name, policy in wanted.items():
        iam.put_role_policy(RoleName=identifier, PolicyName=name, PolicyDocument=document(policy))
    for arn in set(old.get("managedPolicyArns") or []) - set(new.get("managedPolicyArns") or []):
        iam.detach_role_policy(RoleName=identifier, PolicyArn=arn)
    for arn in new.get("managedPolicyArns") or []:
        iam.attach_role_policy(RoleName=identifier, PolicyArn=arn)
    if gone := removed(new.get("tagsAll") or {}, old.get("tagsAll") or {}):
        iam.untag_role(RoleName=identifier, TagKeys=gone)
    if tags := new.get("tagsAll"):
        iam.tag_role(RoleName=identifier, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


def _update_role(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    iam = account.client("iam")
    iam.update_assume_role_policy(RoleName=identifier, PolicyDocument=document(new["assumeRolePolicy"]))
    iam.update_role(
        RoleName=identifier, Description=new.get("description") or "", MaxSessionDuration=new["maxSessionDuration"]
    )
    _fill_role(account, identifier, new, old)


def _read_role(account: Account, identifier: str) -> dict[str, Any]:
    role = account.client("iam").get_role(RoleName=identifier)["Role"]
    return {"arn": role["Arn"], "uniqueId": role["RoleId"]}


def _delete_role(account: Account, identifier: str, outputs: Properties) -> None:
    iam = account.client("iam")
    for policy in outputs.get("inlinePolicies") or []:
        iam.delete_role_policy(RoleName=identifier, PolicyName=policy["name"])
    for arn in outputs.get("managedPolicyArns") or []:
        iam.detach_role_policy(RoleName=identifier, PolicyArn=arn)
    iam.delete_role(RoleName=identifier)


def _put_role_policy(account: Account, inputs: Properties) -> str:
    _update_role_policy(account, f"{inputs['role']}:{inputs['name']}", inputs, {})
    return f"{inputs['role']}:{inputs['name']}"


def _update_role_policy(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    role, _, name = identifier.partition(":")
    account.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document(new["policy"]))


def _read_role_policy(account: Account, identifier: str) -> dict[str, Any]:
    role, _, name = identifier.partition(":")
    account.client("iam").get_role_policy(RoleName=role, PolicyName=name)
    return {}


def _delete_role_policy(account: Account, identifier: str, outputs: Properties) -> None:
    role, _, name = identifier.partition(":")
    account.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


def _attach(account: Account, inputs: Properties) -> str:
    account.client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
    return f"{inputs['role']}/{inputs['policyArn']}"


def _read_attachment(account: Account, identifier: str) -> dict[str, Any]:
    role, _, arn = identifier.partition("/")
    attached = account.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    if arn not in {policy["PolicyArn"] for policy in attached}:
        raise Missing(f"attachment of {arn} to role {role}")
    return {}


def _detach(account: Account, identifier: str, outputs: Properties) -> None:
    role, _, arn = identifier.partition("/")
    account.client("iam").detach_role_policy(RoleName=role, PolicyArn=arn)


def _create_policy(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:iam/policy:Policy", {**inputs, "tags": None})
    return str(account.client("iam").create_policy(**parameters)["Policy"]["Arn"])


def _update_policy(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    """A new default version; the one before it goes, since AWS keeps five at most."""
    if new["policy"] == old["policy"]:
        return
    iam = account.client("iam")
    before = iam.get_policy(PolicyArn=identifier)["Policy"]["DefaultVersionId"]
    iam.create_policy_version(PolicyArn=identifier, PolicyDocument=document(new["policy"]), SetAsDefault=True)
    iam.delete_policy_version(PolicyArn=identifier, VersionId=before)


def _read_policy(account: Account, identifier: str) -> dict[str, Any]:
    policy = account.client("iam").get_policy(PolicyArn=identifier)["Policy"]
    return {"arn": identifier, "policyId": policy["PolicyId"], "attachmentCount": policy["AttachmentCount"]}


def _delete_policy(account: Account, identifier: str, outputs: Properties) -> None:
    account.client("iam").delete_policy(PolicyArn=identifier)


def _create_profile(account: Account, inputs: Properties) -> str:
    name: str = inputs["name"]
    account.client("iam").create_instance_profile(InstanceProfileName=name, Path=inputs["path"])
    _set_profile_role(account, name, inputs, {})
    return name


def _set_profile_role(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    iam = account.client("iam")
    if old.get("role") and old["role"] != new.get("role"):
        iam.remove_role_from_instance_profile(InstanceProfileName=identifier, RoleName=old["role"])
    if new.get("role") and old.get("role") != new["role"]:
        iam.add_role_to_instance_profile(InstanceProfileName=identifier, RoleName=new["role"])


def _read_profile(account: Account, identifier: str) -> dict[str, Any]:
    profile = account.client("iam").get_instance_profile(InstanceProfileName=identifier)["InstanceProfile"]
    return {"arn": profile["Arn"], "uniqueId": profile["InstanceProfileId"]}


def _delete_profile(account: Account, identifier: str, outputs: Properties) -> None:
    _set_profile_role(account, identifier, {}, outputs)
    account.client("iam").delete_instance_profile(InstanceProfileName=identifier)


def _create_oidc(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters("aws:iam/openIdConnectProvider:OpenIdConnectProvider", {**inputs, "tags": None})
    return str(account.client("iam").create_open_id_connect_provider(**parameters)["OpenIDConnectProviderArn"])


def _read_oidc(account: Account, identifier: str) -> dict[str, Any]:
    account.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=identifier)
    return {"arn": identifier}


def _delete_oidc(account: Account, identifier: str, outputs: Properties) -> None:
    account.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=identifier)


BACKED: Final[Mapping[str, Backing]] = {
    "aws:iam/role:Role": Backing(create=_create_role, read=_read_role, update=_update_role, delete=_delete_role),
    "aws:iam/rolePolicy:RolePolicy": Backing(
        create=_put_role_policy, read=_read_role_policy, update=_update_role_policy, delete=_delete_role_policy
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Backing(create=_attach, read=_read_attachment, delete=_detach),
    "aws:iam/policy:Policy": Backing(
        create=_create_policy, read=_read_policy, update=_update_policy, delete=_delete_policy
    ),
    "aws:iam/instanceProfile:InstanceProfile": Backing(
        create=_create_profile, read=_read_profile, update=_set_profile_role, delete=_delete_profile
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Backing(
        create=_create_oidc, read=_read_oidc, delete=_delete_oidc
    ),
}
