"""What the catalogue says of one AWS service behind an endpoint: who needs it, why, and what they may ask."""

from dataclasses import dataclass
from typing import Final, Literal

USES: Final = ("cluster", "weights", "front", "runner", "elastic-pool", "metrics", "secrets", "sessions", "traces")
ALWAYS: Final = ("cluster", "weights")
"""Without these there is no platform."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """Why one use asks one service.

    Attributes:
        use: one of `USES`.
        reason: what stops working without it.
        actions: all that this use may ask.
    """

    use: str
    reason: str
    actions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EndpointService:
    """One service behind one endpoint.

    Attributes:
        suffix: what follows the region in the endpoint service's name.
        needed_by: who needs it; in the table all, from `endpoint_services` those that are enabled.
        host_names: templates that `allowed_names` fills in.
        kind: a gateway endpoint is a free route, an interface endpoint an address of ours in every zone.
        has_policy: whether the endpoint accepts a policy.
        unverified: what nobody could check here; for the Sovereign Cloud see `regions.UNVERIFIED_SOVEREIGN` besides.
    """

    suffix: str
    needed_by: tuple[Need, ...]
    host_names: tuple[str, ...]
    kind: Literal["Interface", "Gateway"] = "Interface"
    has_policy: bool = True
    unverified: str = ""

    @property
    def actions(self) -> tuple[str, ...]:
        """What may be asked by any who need it; the endpoint's policy allows nothing else."""
        return tuple(dict.fromkeys(action for need in self.needed_by for action in need.actions))

    @property
    def reason(self) -> str:
        """The reasons of all who need it, in one line."""
        return "; ".join(f"{need.use}: {need.reason}" for need in self.needed_by)

    def asked_by(self, use: str) -> tuple[str, ...]:
        """What one use may ask; nothing where it does not need the service."""
        return next((need.actions for need in self.needed_by if need.use == use), ())


def asks(service: str, actions: str) -> tuple[str, ...]:
    """Names of actions, written without their service."""
    return tuple(f"{service}:{action}" for action in actions.split())
