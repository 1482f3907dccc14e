"""The AWS services that a sealed VPC can reach, each with its reasons; nothing that is not here has a door."""

from typing import Final

from components.catalog.endpoint_service import EndpointService, Need, asks

# Names, and that endpoints accept policies: AWS PrivateLink Guide, "AWS services that integrate with AWS PrivateLink".
# Needs: EKS User Guide, "Deploy private clusters with limited internet access"; Karpenter, "Private clusters"; actions
# of the CNI and of Karpenter: AmazonEKS_CNI_Policy, Karpenter's controller policy v1. Not here, on purpose:
# - ec2messages: AWS's agent speaks through ssmmessages since version 3.3.40, and new regions have nothing else;
# - codebuild: a build inside the VPC never calls it, and who starts builds stands outside;
# - autoscaling (no Cluster Autoscaler), pricing and IAM (no endpoint; Karpenter is told its instance profile).
TABLE: Final[tuple[EndpointService, ...]] = (
    EndpointService(
        suffix="s3",
        kind="Gateway",
        needed_by=(
            Need(use="cluster", reason="image layers lie in AWS's own bucket", actions=asks("s3", "GetObject")),
            Need(
                use="weights",
                reason="engines read model weights, without a fee for the transfer",
                actions=asks("s3", "GetObject GetObjectVersion ListBucket GetBucketLocation"),
            ),
            Need(
                use="runner",
                reason="the stacks' state, in the bucket that is declared for it",
                actions=asks("s3", "GetObject GetObjectVersion PutObject DeleteObject ListBucket GetBucketLocation"),
            ),
        ),
        # DNS answers for a bucket with a redirection to the second name, and the name firewall judges both.
        host_names=("{bucket}.s3.{region}.{domain}", "s3-r-w.{region}.{domain}"),
        unverified="s3-r-w was seen in DNS answers of eu-central-1 and eu-west-1 only",
    ),
    EndpointService(
        suffix="ecr.api",
        needed_by=(
            Need(
                use="cluster", reason="nodes ask for the registry's token", actions=asks("ecr", "GetAuthorizationToken")
            ),
        ),
        host_names=("api.ecr.{region}.{domain}",),
    ),
    EndpointService(
        suffix="ecr.dkr",
        needed_by=(
            Need(
                use="cluster",
                reason="nodes pull images: own ones and those of EKS add-ons",
                actions=asks("ecr", "BatchCheckLayerAvailability BatchGetImage GetDownloadUrlForLayer"),
            ),
        ),
        host_names=("{registry}.dkr.ecr.{region}.{domain}",),
    ),
    EndpointService(
        suffix="ec2",
        needed_by=(
            Need(
                use="cluster",
                reason="nodes learn their names; the VPC CNI gives addresses to pods",
                actions=asks(
                    "ec2",
                    "DescribeAvailabilityZones DescribeInstances DescribeInstanceTypes DescribeNetworkInterfaces "
                    "DescribeRouteTables DescribeSecurityGroups DescribeSubnets DescribeTags DescribeVpcs "
                    "CreateNetworkInterface AttachNetworkInterface DetachNetworkInterface DeleteNetworkInterface "
                    "ModifyNetworkInterfaceAttribute AssignPrivateIpAddresses UnassignPrivateIpAddresses CreateTags",
                ),
            ),
            Need(
                use="elastic-pool",
                reason="Karpenter starts and ends nodes",
                actions=asks(
                    "ec2",
                    "RunInstances CreateFleet CreateLaunchTemplate CreateTags TerminateInstances DeleteLaunchTemplate "
                    "DescribeAvailabilityZones DescribeCapacityReservations DescribeImages DescribeInstances "
                    "DescribeInstanceStatus DescribeInstanceTypeOfferings DescribeInstanceTypes "
                    "DescribeLaunchTemplates DescribeSecurityGroups DescribeSpotPriceHistory DescribeSubnets",
                ),
            ),
        ),
        host_names=("ec2.{region}.{domain}",),
    ),
    EndpointService(
        suffix="eks",
        needed_by=(
            Need(
                use="cluster",
                reason="nodes read the cluster's address and certificate when they join",
                actions=asks("eks", "DescribeCluster"),
            ),
            Need(use="runner", reason="a deployment finds the cluster", actions=asks("eks", "DescribeCluster")),
            Need(use="elastic-pool", reason="Karpenter finds the cluster", actions=asks("eks", "DescribeCluster")),
        ),
        host_names=("eks.{region}.{domain}",),
    ),
    EndpointService(
        suffix="eks-auth",
        needed_by=(
            Need(
                use="cluster",
                reason="EKS Pod Identity gives pods their roles",
                actions=asks("eks-auth", "AssumeRoleForPodIdentity"),
            ),
        ),
        # It answers under its dual-stack name alone. Source: botocore, endpoint rules of eks-auth.
        host_names=("eks-auth.{region}.{dual_stack_domain}",),
        unverified="AWS documents endpoint policies for eks; that eks-auth obeys them was not seen written",
    ),
    EndpointService(
        suffix="sts",
        needed_by=(
            Need(use="cluster", reason="programs ask who they are", actions=asks("sts", "GetCallerIdentity")),
            Need(
                use="runner",
                reason="a deployment becomes its role, in the region",
                actions=asks("sts", "GetCallerIdentity AssumeRole TagSession"),
            ),
        ),
        host_names=("sts.{region}.{domain}",),
    ),
    EndpointService(
        suffix="logs",
        needed_by=(
            Need(
                use="cluster",
                reason="pods and nodes write logs",
                actions=asks("logs", "CreateLogStream PutLogEvents DescribeLogGroups DescribeLogStreams"),
            ),
        ),
        host_names=("logs.{region}.{domain}",),
    ),
    EndpointService(
        suffix="kms",
        needed_by=(
            # Readers of weights need none of it: S3 asks AWS KMS itself.
            Need(
                use="cluster",
                reason="client tokens are signed where an administrator works inside",
                actions=asks("kms", "Sign GetPublicKey DescribeKey"),
            ),
            Need(use="runner", reason="secrets in the stacks' state", actions=asks("kms", "Encrypt Decrypt")),
        ),
        host_names=("kms.{region}.{domain}",),
    ),
    EndpointService(
        suffix="elasticloadbalancing",
        needed_by=(
            Need(
                use="front",
                reason="each gateway puts its own address behind the load balancer and takes it away",
                actions=asks("elasticloadbalancing", "RegisterTargets DeregisterTargets DescribeTargetHealth"),
            ),
        ),
        host_names=("elasticloadbalancing.{region}.{domain}",),
    ),
    EndpointService(
        suffix="sqs",
        needed_by=(
            Need(
                use="elastic-pool",
                reason="Karpenter hears that a spot node will be taken away",
                actions=asks("sqs", "GetQueueUrl ReceiveMessage DeleteMessage"),
            ),
        ),
        host_names=("sqs.{region}.{domain}",),
    ),
    EndpointService(
        suffix="ssm",
        needed_by=(
            Need(
                use="elastic-pool",
                reason="Karpenter looks up AWS's node images",
                actions=asks("ssm", "GetParameter"),
            ),
            Need(
                use="sessions",
                reason="nodes report for sessions",
                actions=asks("ssm", "UpdateInstanceInformation ListAssociations ListInstanceAssociations GetDocument"),
            ),
        ),
        host_names=("ssm.{region}.{domain}",),
    ),
    EndpointService(
        suffix="ssmmessages",
        needed_by=(
            Need(
                use="sessions",
                reason="an administrator's session on a node, without an open port",
                actions=asks(
                    "ssmmessages", "CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel"
                ),
            ),
        ),
        host_names=("ssmmessages.{region}.{domain}",),
    ),
    EndpointService(
        suffix="aps-workspaces",
        needed_by=(
            Need(
                use="metrics",
                reason="metrics are stored, and read by whoever scales",
                actions=asks("aps", "RemoteWrite QueryMetrics GetLabels GetSeries GetMetricMetadata"),
            ),
        ),
        host_names=("aps-workspaces.{region}.{domain}",),
    ),
    EndpointService(
        suffix="monitoring",
        needed_by=(
            Need(use="metrics", reason="numbers that alarms watch", actions=asks("cloudwatch", "PutMetricData")),
        ),
        host_names=("monitoring.{region}.{domain}",),
    ),
    EndpointService(
        suffix="secretsmanager",
        needed_by=(
            Need(
                use="secrets",
                reason="pods fetch secrets by their own role",
                actions=asks("secretsmanager", "GetSecretValue DescribeSecret"),
            ),
        ),
        host_names=("secretsmanager.{region}.{domain}",),
    ),
    EndpointService(
        suffix="xray",
        needed_by=(
            Need(
                use="traces",
                reason="traces of requests, without their content",
                actions=asks("xray", "PutTraceSegments PutTelemetryRecords GetSamplingRules GetSamplingTargets"),
            ),
        ),
        host_names=("xray.{region}.{domain}",),
    ),
)
