import pytest

from components.catalog import instances, prices
from components.catalog.regions import EU_REGIONS


def test_a_gpu_machine_has_gpus_and_their_memory() -> None:
    machine = instances.find("g6.12xlarge")
    assert (machine.gpus, machine.vcpus, machine.architecture) == (4, 48, "x86_64")
    assert machine.gpu
    assert machine.gpu.name == "L4"


def test_cuda_reports_less_than_the_nominal_memory() -> None:
    for machine in instances.all_types().values():
        assert (machine.gpu is None) == (machine.gpus == 0)
        if machine.gpu:
            assert 0.9 * machine.gpu.memory_gib < machine.gpu.memory_gib_usable < machine.gpu.memory_gib


def test_both_sizes_of_the_a100_are_told_apart() -> None:
    sizes = [instances.find(name).gpu for name in ("p4d.24xlarge", "p4de.24xlarge")]
    assert [gpu.memory_gib_usable for gpu in sizes if gpu] == [39.38, 79.10]


def test_an_unknown_machine_type_is_refused_with_a_near_one() -> None:
    with pytest.raises(LookupError, match=r"'g6\.12xlarg' is no known machine type; did you mean g6\.12xlarge"):
        instances.find("g6.12xlarg")


def test_zones_are_ids_of_the_region() -> None:
    zones = instances.offered_zones("g6.xlarge", "eu-central-1")
    assert zones
    assert all(zone.startswith("euc1-az") for zone in zones)
    assert instances.offered_zones("g6.xlarge", "eu-west-1") == ()
    assert instances.offered_zones("p4d.24xlarge", "eu-west-1") == ("euw1-az2",)


def test_every_offered_and_priced_type_is_known() -> None:
    known = set(instances.all_types())
    assert {row["type"] for row in instances.read("offerings.csv")} <= known
    assert {row["type"] for row in instances.read("prices.csv")} <= known
    regions = {row["region"] for row in instances.read("offerings.csv")}
    assert regions <= {*EU_REGIONS, "us-east-1"}


def test_no_price_is_none_and_not_zero() -> None:
    assert prices.on_demand_usd_per_hour("g7e.2xlarge", "eu-central-1") is None
    assert prices.on_demand("g7e.2xlarge", "eu-central-1") is None


def test_a_price_says_whence_and_when_it_is() -> None:
    price = prices.on_demand("g4dn.12xlarge", "eu-central-1")
    assert price
    assert (price.usd, price.date, price.verified) == (4.89, "2026-01", False)
    assert price.source == "public price catalogue at 00148f2af367"
    assert prices.on_demand_usd_per_hour("g4dn.12xlarge", "eu-central-1") == 4.89


def test_only_what_aws_itself_said_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"type": "g6.xlarge", "region": "eu-central-1", "usd_per_hour": "1.0", "date": "2026-11-26"}
    rows = [{**row, "source": prices.PRICE_LIST}, {**row, "type": "g6.2xlarge", "source": "a blog"}]
    monkeypatch.setattr(prices, "read", lambda _: rows)
    made = prices._on_demand.__wrapped__()
    assert [price.verified for price in made.values()] == [True, False]


def test_an_offering_says_whence_and_when_it_is() -> None:
    found = instances.offering("p4d.24xlarge", "eu-west-1")
    assert found == instances.Offering(zones=("euw1-az2",), source="EC2 tables of moto 5.2.5", date="2026-05")
    assert instances.offering("g6.xlarge", "eu-west-1") is None
    assert instances.zones_of("eu-west-1") == ("euw1-az1", "euw1-az2", "euw1-az3")
    assert instances.zones_of("eusc-de-east-1") == ()


def test_scaled_prices_agree_with_a_listed_size_of_the_family() -> None:
    listed = {(row["type"], row["region"]): float(row["usd_per_hour"]) for row in instances.read("prices.csv")}
    for region in ("eu-central-1", "eu-west-1"):
        assert listed["m7i.2xlarge", region] == pytest.approx(4 * listed["m7i.large", region])
        assert listed["m7i.xlarge", region] == pytest.approx(2 * listed["m7i.large", region])


def test_fixed_costs_name_source_and_whether_anybody_checked() -> None:
    price = prices.fixed_cost("eks-control-plane-hour", "eu-central-1")
    assert price
    assert price.usd == 0.10
    assert price.source
    assert not price.verified
    assert prices.fixed_cost("nlb-hour", "eusc-de-east-1") is None


def test_of_the_sovereign_cloud_the_catalogue_knows_no_offering_and_says_so() -> None:
    assert instances.offerings_known("eu-central-1")
    assert not instances.offerings_known("eusc-de-east-1")
