"""Fields of allowed types that no good stack needs and that lead around the rules: what is here is refused.

Every other field of an allowed type was judged as well: it is read by a rule or changes nothing that is promised.
`tests/policies/test_fields.py` holds the list that was judged, so that a field of a newer provider is noticed.
"""

from typing import Final

# Type -> field -> what it would do.
REFUSED_FIELDS: Final[dict[str, dict[str, str]]] = {
    "aws:amp/scraper:Scraper": {"exporter": "sends what it scrapes to another service"},
    "aws:backup/plan:Plan": {"scanSettings": "gives backups to a scanner"},
    "aws:codebuild/project:Project": {
        "badgeEnabled": "publishes a badge on a public address",
        "buildBatchConfig": "runs builds under another role",
        "fileSystemLocations": "mounts a file system",
        "resourceAccessRole": "makes logs and artifacts public",
        "secondaryArtifacts": "writes artifacts to further places",
        "secondarySources": "reads sources from further places",
    },
    "aws:ec2/launchTemplate:LaunchTemplate": {
        "kernelId": "boots a kernel of its own",
        "ramDiskId": "boots a disk of its own",
        "secondaryInterfaces": "gives a second network",
        "securityGroupNames": "names groups of the default VPC",
    },
    "aws:ec2/networkInterface:NetworkInterface": {"attachments": "puts the interface on a machine of its choice"},
    "aws:ec2/subnet:Subnet": {"enableLniAtDeviceIndex": "connects machines to a site's own network"},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {
        "resourceConfigurationArn": "leads to a resource of somebody's choice",
        "serviceNetworkArn": "leads to a network of services",
    },
    "aws:eks/cluster:Cluster": {"outpostConfig": "runs the control plane at a site"},
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": {
        "disableSessionTags": "drops the tags that tell pods apart",
    },
    "aws:kms/key:Key": {
        "customKeyStoreId": "keeps the key in a store outside KMS",
        "xksKeyId": "keeps the key outside AWS",
    },
    "aws:route53/record:Record": {"healthCheckId": "asks checkers all over the world"},
    "aws:route53/zone:Zone": {
        "delegationSetId": "is for public zones",
        "enableAcceleratedRecovery": "is for public zones and works from another region",
    },
    "aws:s3/bucket:Bucket": {"corsRules": "lets web pages of other hosts read objects"},
    "aws:s3/bucketLogging:BucketLogging": {"targetGrants": "grants logs by ACL"},
}
