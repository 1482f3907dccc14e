"""Physical names of the platform: fixed, so that policy documents are literal and can be judged at preview."""

from dataclasses import dataclass
from typing import Final

from components.catalog.regions import partition

POOL_LABEL: Final = "cloister/pool"
"""Label of nodes with the name of their pool, by which pods and volumes choose them."""


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the platform calls its things in one account and region; there is one platform in each pair."""

    account_id: str
    region: str
    cluster: str = "cloister"
    trail: str = "cloister"
    storage_alias: str = "alias/cloister-storage"
    signing_alias: str = "alias/cloister-token-signing"
    load_balancer: str = "cloister-gateway"
    alarm_topic: str = "cloister-alarms"

    @property
    def weight_cache_bucket(self) -> str:
        """Bucket names are unique in the whole partition, hence account and region in them."""
        return f"cloister-weights-{self.account_id}-{self.region}"

    @property
    def audit_bucket(self) -> str:
        """The bucket of records that nobody can delete."""
        return f"cloister-audit-{self.account_id}-{self.region}"

    @property
    def access_log_bucket(self) -> str:
        """The bucket of the load balancer's records."""
        return f"cloister-access-logs-{self.account_id}-{self.region}"

    @property
    def layer_bucket(self) -> str:
        """AWS's bucket that ECR serves image layers from.

        Source: Amazon ECR User Guide, "Minimum Amazon S3 Bucket Permissions for Amazon ECR".
        """
        return f"prod-{self.region}-starport-layer-bucket"

    @property
    def dns_suffix(self) -> str:
        """The domain of AWS's own host names in this partition."""
        return partition(self.region).dns_suffix

    def role(self, purpose: str) -> str:
        """Roles are global in an account, hence the region in the name."""
        return f"cloister-{purpose}-{self.region}"

    def log_group(self, purpose: str) -> str:
        """Names below /aws/vendedlogs/ do not use up the account's log resource policy.

        Source: CloudWatch Logs User Guide, "Enable logging from AWS services".
        """
        return f"/aws/vendedlogs/cloister/{purpose}"
