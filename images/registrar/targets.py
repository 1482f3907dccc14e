"""One address in one target group: three calls to Elastic Load Balancing, each tried once and quickly."""

from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CONNECT_SECONDS: Final = 3
MEANING: Final = {
    "AccessDenied": "access denied; check the Pod Identity association of `gateway` and the endpoint's policy",
    "ExpiredToken": "the credentials had expired; fresh ones are taken",
    "InvalidClientTokenId": "the credentials are unknown; fresh ones are taken",
    "TargetGroupNotFound": "no such target group; deploy the stack again so that it reads the platform's",
}
GONE: Final = "InvalidTarget"
"""AWS answers success when a target is not there, and documents this code all the same."""


class CallError(Exception):
    """One line for people: which call failed, and why."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """This gateway as the load balancer knows it.

    Args:
        group: ARN of the target group.
        timeout_seconds: how long one answer may take; a call may take as long again for names and credentials.
    """

    group: str
    address: str
    port: int
    region: str
    timeout_seconds: float

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


class TargetGroup:
    """Calls for one target; whatever fails, the next call begins with a new connection and new credentials."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._client: Any = None

    def register(self) -> None:
        """The load balancer may send here; nothing changes if it does already.

        Raises:
            CallError: it is not known whether it may.
        """
        self._call("register_targets")

    def deregister(self) -> None:
        """The load balancer sends nothing new here; nothing changes if it did not.

        Raises:
            CallError: it is not known whether it does.
        """
        self._call("deregister_targets")

    def health(self) -> str:
        """State of the target: `healthy`, or why not.

        Raises:
            CallError: it cannot be asked.
        """
        (found,) = self._call("describe_target_health")["TargetHealthDescriptions"]
        health = found["TargetHealth"]
        return " ".join(filter(None, (health["State"], health.get("Reason"))))

    def _call(self, operation: str) -> Any:
        target = {"Id": self._target.address, "Port": self._target.port}
        try:
            if self._client is None:
                self._client = self._connect()
            return getattr(self._client, operation)(TargetGroupArn=self._target.group, Targets=[target])
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if operation == "deregister_targets" and code == GONE:
                return None
            reason = MEANING.get(code, f"{code} {error.response['Error'].get('Message', '')}".strip())
        # An OSError: the pod's token cannot be read.
        except (BotoCoreError, OSError) as error:
            reason = str(error)
        # boto3 keeps credentials that it believes to be good, also when AWS does not.
        self._client = None
        raise CallError(f"{operation.replace('_', ' ')}: {reason}")

    def _connect(self) -> Any:
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=self._target.timeout_seconds,
            # Repetition is the caller's: it knows when the pod leaves.
            retries={"total_max_attempts": 1},
        )
        return boto3.Session().client("elbv2", region_name=self._target.region, config=config)
