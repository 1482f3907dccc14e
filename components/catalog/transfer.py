"""What AWS charges for each GB that moves: weights in, images, answers to every kind of client, logs and metrics."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from components.catalog.prices import Price, fixed_cost

FREE_ENDPOINT: Final = "Amazon VPC pricing: gateway endpoints cost nothing"
ONE_ZONE: Final = "Amazon EC2 pricing, data transfer: free inside one zone over private addresses"
PEERING: Final = "Amazon VPC pricing: peering inside one zone is free (since May 2021)"
PRIVATE_LINK: Final = "AWS PrivateLink pricing: no charge between zones (since April 2022)"


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One kind of traffic.

    Attributes:
        name: who sends what to whom.
        path: the road it takes.
        usd_per_gb: all that AWS charges for a GB, whoever pays; None where a price is unknown or counted otherwise.
        what: the parts, and who pays them.
        source: where the parts come from.
        verified: whether somebody compared every part with AWS's own price list.
    """

    name: str
    path: str
    usd_per_gb: float | None
    what: str
    source: str
    verified: bool


def transfer_costs(
    region: str,
    *,
    zones: int,
    cross_zone: bool,
    peers: Collection[str],
    private_link: bool,
    vpns: Collection[str],
    uses: Collection[str],
) -> tuple[Flow, ...]:
    """Every flow of one platform with its price for a GB, before tax and discounts.

    Args:
        region: where.
        zones: how many zones the platform has.
        cross_zone: whether the load balancer spreads over all zones; each answer then crosses with a chance of
            (zones - 1) / zones.
        peers: names of peered networks.
        private_link: whether others reach the gateway through endpoints of their own.
        vpns: names of places on premises.
        uses: what is enabled, see `endpoint_service.USES`; answers leave the cluster with `front` only.
    """
    prices = _Prices(region)
    flows = [
        _free("weights to engines", "S3, gateway endpoint, node", "no hourly price either", FREE_ENDPOINT),
        _free("image layers to nodes", "S3, gateway endpoint, node", "no hourly price either", FREE_ENDPOINT),
        prices.flow("image manifests and tokens to nodes", "ECR, interface endpoint, node", _endpoint()),
        _free("gateway to engine, same zone", "pod, pod", "the Service prefers it", ONE_ZONE),
        prices.flow("gateway to engine, other zone", "pod, pod", _between_zones()),
    ]
    if "front" in uses:
        flows += _answers(prices, zones, cross_zone, peers, private_link, vpns)
    flows.append(prices.flow("logs of pods and nodes", "interface endpoint, CloudWatch", (*_endpoint(), *_logs())))
    flows.append(prices.flow("flow and query logs", "AWS itself, CloudWatch", _logs()))
    if "metrics" in uses:
        flows.append(
            prices.flow(
                "metrics", "interface endpoint, Prometheus", _endpoint(), besides="samples are priced by number"
            )
        )
    flows.append(
        Flow(
            name="name queries",
            path="pod, CoreDNS, resolver of the VPC",
            usd_per_gb=None,
            what="not by GB: "
            + prices.text("dns-firewall-million-queries", "a million queries that the firewall judged"),
            source="Amazon Route 53 pricing, Resolver DNS Firewall",
            verified=False,
        )
    )
    return tuple(flows)


def edge_transfer_costs(region: str) -> tuple[Flow, ...]:
    """What a host outside AWS fetches, over the internet; arguments and prices as in `transfer_costs`."""
    prices = _Prices(region)
    return (
        prices.flow("weights to the host", "S3, internet, host", _internet()),
        prices.flow("images to the host", "ECR, internet, host", _internet()),
    )


@dataclass(frozen=True)
class _Part:
    """One price of `fixed_costs.csv`, how often it counts for a GB, and what it is for."""

    kind: str
    times: float
    what: str


class _Prices:
    def __init__(self, region: str) -> None:
        self.region = region

    def flow(self, name: str, path: str, parts: tuple[_Part, ...], besides: str = "") -> Flow:
        """The sum of the parts; unknown when one is."""
        found = [(part, fixed_cost(part.kind, self.region)) for part in parts if part.times]
        priced = [(part, price) for part, price in found if price is not None]
        texts = [self._part_text(part, price) for part, price in found]
        return Flow(
            name=name,
            path=path,
            usd_per_gb=round(sum(part.times * price.usd for part, price in priced), 6)
            if len(priced) == len(found)
            else None,
            what=" + ".join(texts) + (f"; {besides}" if besides else ""),
            source="; ".join(dict.fromkeys(price.source for _, price in priced)) or "no price for this region",
            verified=bool(priced) and len(priced) == len(found) and all(price.verified for _, price in priced),
        )

    def text(self, kind: str, what: str) -> str:
        price = fixed_cost(kind, self.region)
        return f"{what}: {'price not known' if price is None else f'USD {price.usd:g}'}"

    @staticmethod
    def _part_text(part: _Part, price: Price | None) -> str:
        return f"{part.what}: " + ("not known" if price is None else f"{part.times * price.usd:.4g}")


def _answers(
    prices: _Prices,
    zones: int,
    cross_zone: bool,
    peers: Collection[str],
    private_link: bool,
    vpns: Collection[str],
) -> list[Flow]:
    """Answers leave a gateway's pod for the load balancer, in its own zone unless cross-zone spreads them."""
    spread = _between_zones((zones - 1) / zones, "between balancer and gateway, on average") if cross_zone else ()
    base = (*_balancer(), *spread)
    flows = [
        prices.flow("answers to clients in the VPC, same zone", "gateway, NLB, client", base),
        prices.flow("answers to clients in the VPC, other zone", "gateway, NLB, client", (*base, *_between_zones())),
    ]
    if peers:
        road = f"gateway, NLB, peering ({', '.join(sorted(peers))})"
        flows += [
            prices.flow("answers to peered clients, same zone", road, base, besides=PEERING),
            prices.flow("answers to peered clients, other zone", road, (*base, *_between_zones())),
        ]
    if private_link:
        consumer = _Part("interface-endpoint-gb", 1, "the client's endpoint, paid by the client")
        road = "gateway, NLB, endpoint service, endpoint of the client"
        flows.append(prices.flow("answers through PrivateLink", road, (*base, consumer), besides=PRIVATE_LINK))
    if vpns:
        road = f"gateway, NLB, VPN ({', '.join(sorted(vpns))})"
        flows.append(prices.flow("answers to places on premises", road, (*base, *_internet())))
    return flows


def _free(name: str, path: str, what: str, source: str) -> Flow:
    return Flow(name=name, path=path, usd_per_gb=0.0, what=f"free; {what}", source=source, verified=False)


def _endpoint() -> tuple[_Part, ...]:
    return (_Part("interface-endpoint-gb", 1, "endpoint"),)


def _internet() -> tuple[_Part, ...]:
    return (_Part("internet-out-gb", 1, "out of AWS, first 10 TB a month"),)


def _logs() -> tuple[_Part, ...]:
    return (_Part("logs-gb", 1, "ingestion"),)


def _balancer() -> tuple[_Part, ...]:
    """A capacity unit holds a GB an hour; more connections than data can cost more."""
    return (_Part("nlb-capacity-unit-hour", 1, "balancer, at most"),)


def _between_zones(share: float = 1.0, what: str = "between zones") -> tuple[_Part, ...]:
    """Both ends pay: a GB out of one zone and a GB into another."""
    return (_Part("between-zones-gb", 2 * share, f"{what}, both ends"),)
