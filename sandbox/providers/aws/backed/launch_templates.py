"""Launch templates, in moto's EC2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.aws.references import Missing

from .backing import Backing, Properties
from .ec2 import deletes


def _create_template(account: Account, inputs: Properties) -> str:
    answer = account.client("ec2").create_launch_template(
        LaunchTemplateName=inputs["name"], LaunchTemplateData=_template_data(inputs)
    )
    return str(answer["LaunchTemplate"]["LaunchTemplateId"])


def _template_data(inputs: Properties) -> dict[str, Any]:
    data = {key: value for key, value in inputs.items() if key not in ("tags", "tagsAll", "name", "description")}
    renamed = {"vpcSecurityGroupIds": "securityGroupIds", "placement": "placement"}
    value = {renamed.get(name, name): item for name, item in data.items()}
    result: dict[str, Any] = shapes.convert("ec2.CreateLaunchTemplate", "LaunchTemplateData", value)
    return result or {"DisableApiTermination": False}


def _update_template(account: Account, identifier: str, new: Properties, old: Properties) -> None:
    ec2 = account.client("ec2")
    ec2.create_launch_template_version(LaunchTemplateId=identifier, LaunchTemplateData=_template_data(new))


def _read_template(account: Account, identifier: str) -> dict[str, Any]:
    answer = account.client("ec2").describe_launch_templates(LaunchTemplateIds=[identifier])["LaunchTemplates"]
    if not answer:
        raise Missing(f"launch template {identifier}")
    return {"latestVersion": answer[0]["LatestVersionNumber"], "defaultVersion": answer[0]["DefaultVersionNumber"]}


BACKED: Final[Mapping[str, Backing]] = {
    "aws:ec2/launchTemplate:LaunchTemplate": Backing(
        create=_create_template,
        read=_read_template,
        update=_update_template,
        delete=deletes("delete_launch_template", "LaunchTemplateId"),
    ),
}
