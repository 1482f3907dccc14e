"""The image repositories: everything that runs in the cluster is pulled from here."""

import json
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.settings.images_lock import PREFIX, registry_host
from components.settings.storage import Registry as RegistrySettings

UNTAGGED_DAYS: Final = 14


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """The repositories.

    Attributes:
        settings: their names.
        account_id: whose registry.
        region: where.
        key_arn: encrypts the images.
    """

    settings: RegistrySettings
    account_id: str
    region: str
    key_arn: Input[str]


class Registry(pulumi.ComponentResource):
    """One repository for each image; a tag, once pushed, always means the same image.

    Outputs:
        repository_urls: image name -> where it lies.
        registry_url: str, the host name that all of them share.
    Source: Amazon ECR User Guide, "Preventing image tags from being overwritten".
    """

    repository_urls: dict[str, Output[str]]
    registry_url: str

    def __init__(self, name: str, args: RegistryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:storage:Registry", name, None, opts)
        child = ResourceOptions(parent=self)
        self.repository_urls = {}
        for image in args.settings.repositories:
            repository = aws.ecr.Repository(
                f"{name}-{image}",
                name=f"{PREFIX}/{image}",
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
                encryption_configurations=[
                    aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=args.key_arn)
                ],
                force_delete=False,
                opts=child,
            )
            aws.ecr.LifecyclePolicy(
                f"{name}-{image}-leftovers", repository=repository.name, policy=_untagged_expire(), opts=child
            )
            self.repository_urls[image] = repository.repository_url
        self.registry_url = registry_host(args.account_id, args.region)
        self.register_outputs({"repository_urls": self.repository_urls, "registry_url": self.registry_url})


def _untagged_expire() -> str:
    """Tagged images never expire: a digest that a stack names must stay."""
    return json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "description": "layers of broken pushes",
                    "selection": {
                        "tagStatus": "untagged",
                        "countType": "sinceImagePushed",
                        "countUnit": "days",
                        "countNumber": UNTAGGED_DAYS,
                    },
                    "action": {"type": "expire"},
                }
            ]
        }
    )
