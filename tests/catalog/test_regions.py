import pytest

from components.catalog.regions import EU_REGIONS, UNVERIFIED_SOVEREIGN, partition, service_principal


@pytest.mark.parametrize("region", EU_REGIONS)
def test_service_principals_are_alike_in_both_partitions(region: str) -> None:
    assert service_principal("pods.eks", region) == "pods.eks.amazonaws.com"


def test_the_sovereign_cloud_has_host_names_of_its_own() -> None:
    assert partition("eusc-de-east-1").dns_suffix == "amazonaws.eu"
    assert {partition(region).name for region in EU_REGIONS} == {"aws", "aws-eusc"}


def test_what_is_unverified_there_is_said_in_sentences() -> None:
    assert UNVERIFIED_SOVEREIGN
    assert all(sentence.endswith(".") for sentence in UNVERIFIED_SOVEREIGN)
