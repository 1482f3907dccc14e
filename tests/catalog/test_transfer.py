from typing import Any

import pytest

from components.catalog.regions import EU_REGIONS
from components.catalog.transfer import Flow, edge_transfer_costs, transfer_costs

FRONT = ("cluster", "weights", "front")


def flows(region: str = "eu-central-1", **changes: Any) -> dict[str, Flow]:
    given: dict[str, Any] = {
        "zones": 3,
        "cross_zone": False,
        "peers": (),
        "private_link": False,
        "vpns": (),
        "uses": FRONT,
    }
    return {flow.name: flow for flow in transfer_costs(region, **(given | changes))}


@pytest.mark.parametrize("region", EU_REGIONS)
def test_weights_image_layers_and_same_zone_hops_are_free_in_every_region(region: str) -> None:
    found = flows(region)
    for name in ("weights to engines", "image layers to nodes", "gateway to engine, same zone"):
        assert found[name].usd_per_gb == 0


def test_between_zones_both_ends_pay() -> None:
    assert flows()["gateway to engine, other zone"].usd_per_gb == pytest.approx(0.02)


def test_an_answer_in_the_clients_zone_costs_the_balancers_capacity_alone() -> None:
    same, other = (flows()[f"answers to clients in the VPC, {zone} zone"].usd_per_gb for zone in ("same", "other"))
    assert same == pytest.approx(0.006)
    assert other == pytest.approx(0.026)


@pytest.mark.parametrize(("zones", "extra"), [(2, 0.01), (3, 0.04 / 3), (6, 0.1 / 6)])
def test_cross_zone_makes_answers_cross_with_the_chance_of_another_zone(zones: int, extra: float) -> None:
    name = "answers to clients in the VPC, same zone"
    plain, spread = (flows(zones=zones, cross_zone=cross)[name].usd_per_gb for cross in (False, True))
    assert plain is not None
    assert spread == pytest.approx(plain + extra, abs=1e-6)


def test_each_way_in_has_its_price_and_an_absent_one_has_none() -> None:
    bare, full = flows(), flows(peers=("data", "apps"), private_link=True, vpns=("head-office",))
    ways = {
        "answers to peered clients, same zone": 0.006,
        "answers to peered clients, other zone": 0.026,
        "answers through PrivateLink": 0.016,
        "answers to places on premises": 0.096,
    }
    assert not set(bare) & set(ways)
    assert {name: full[name].usd_per_gb for name in ways} == pytest.approx(ways)
    assert "apps, data" in full["answers to peered clients, same zone"].path
    assert "paid by the client" in full["answers through PrivateLink"].what


def test_without_a_front_nothing_leaves_the_cluster() -> None:
    found = flows(uses=("cluster", "weights"), peers=("apps",), vpns=("head-office",))
    assert not [name for name in found if name.startswith("answers")]


def test_metrics_cost_where_they_are_used() -> None:
    assert "metrics" not in flows()
    assert flows(uses=(*FRONT, "metrics"))["metrics"].usd_per_gb == pytest.approx(0.01)


def test_logs_cost_the_endpoint_and_their_ingestion() -> None:
    found = flows()
    assert found["logs of pods and nodes"].usd_per_gb == pytest.approx(0.64)
    assert found["flow and query logs"].usd_per_gb == pytest.approx(0.63), "AWS writes them, past our endpoint"


def test_a_sum_with_an_unknown_part_is_unknown_and_says_which() -> None:
    logs = flows("eusc-de-east-1")["logs of pods and nodes"]
    assert logs.usd_per_gb is None
    assert logs.what == "endpoint: not known + ingestion: not known"
    assert flows("eu-south-2")["answers to clients in the VPC, same zone"].usd_per_gb == pytest.approx(0.006)
    assert flows("eu-south-2")["image manifests and tokens to nodes"].usd_per_gb is None


def test_name_queries_are_counted_by_number() -> None:
    queries = flows()["name queries"]
    assert queries.usd_per_gb is None
    assert "USD 0.6" in queries.what


@pytest.mark.parametrize("region", EU_REGIONS)
def test_every_flow_names_its_road_its_parts_and_its_source(region: str) -> None:
    found = flows(region, peers=("apps",), private_link=True, vpns=("head-office",), uses=(*FRONT, "metrics"))
    for flow in found.values():
        assert flow.path
        assert flow.what
        assert flow.source
        assert not flow.verified, "nobody compared these rows with AWS's price list yet"


@pytest.mark.parametrize("region", [region for region in EU_REGIONS if not region.startswith("eusc-")])
def test_what_a_host_outside_fetches_goes_over_the_internet(region: str) -> None:
    found = {flow.name: flow for flow in edge_transfer_costs(region)}
    assert set(found) == {"weights to the host", "images to the host"}
    for flow in found.values():
        assert flow.usd_per_gb == pytest.approx(0.09)
        assert "internet" in flow.path
        assert flow.source
