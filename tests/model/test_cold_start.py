"""What a start is made of, and what is refused because no start is that fast."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from components.catalog.instances import all_types, find
from components.model.cold_start import cold_start, network_gbit
from components.settings.errors import SettingsError
from components.settings.load import CONFIG_KEY, ROOT, load_settings

GIB = 2**30
MACHINE = find("g6e.2xlarge")


def test_a_node_that_waits_spares_its_start_and_the_image() -> None:
    cold = cold_start(16 * GIB, MACHINE, node_waits=False)
    warm = cold_start(16 * GIB, MACHINE, node_waits=True)
    assert [phase.name for phase in cold.phases[:2]] == ["node joins", "image pull"]
    assert warm.phases == cold.phases[2:]
    assert cold.low - warm.low == pytest.approx(65)


def test_a_restored_compile_cache_is_faster() -> None:
    first, again = (cold_start(16 * GIB, MACHINE, node_waits=True, compiled=known) for known in (False, True))
    assert first.low - again.low == pytest.approx(26)


def test_weights_take_what_the_network_gives() -> None:
    machine = replace(MACHINE, network="100 Gigabit")
    phase = cold_start(90 * 10**9, machine, node_waits=True).phases[0]
    assert phase.low == pytest.approx(90 / (100 / 8 * 0.9))


def test_every_part_says_whose_measurement_it_is_and_is_a_range() -> None:
    for phase in cold_start(16 * GIB, MACHINE, node_waits=False).phases:
        assert phase.source
        assert 0 < phase.low <= phase.high, phase.name


@pytest.mark.parametrize(
    ("words", "gbit"), [("Up to 12.5 Gigabit", 12.5), ("4x 100 Gigabit", 400), ("3200 Gigabit", 3200), ("High", 5)]
)
def test_networks_are_read_as_aws_words_them(words: str, gbit: float) -> None:
    assert network_gbit(replace(MACHINE, network=words)) == gbit


def test_every_machine_of_the_catalogue_has_a_network_that_is_read() -> None:
    assert all(network_gbit(machine) > 5 or "5 Gigabit" in machine.network for machine in all_types().values())


def test_a_start_that_nobody_reaches_is_refused_with_its_longest_part() -> None:
    document = yaml.safe_load((ROOT / "stacks" / "Pulumi.serving-dev.yaml").read_text(encoding="utf-8"))
    settings = document["config"][CONFIG_KEY]
    settings["models"]["assistant"]["cold_start_seconds"] = 60
    with pytest.raises(SettingsError, match=r"cold_start_seconds: '60' but a start takes \d+ s") as refused:
        load_settings(settings, "stack", Path(ROOT))
    assert "of it: compile; allow more" in str(refused.value)
    settings["models"]["assistant"]["cold_start_seconds"] = 900
    assert load_settings(settings, "stack", Path(ROOT))
