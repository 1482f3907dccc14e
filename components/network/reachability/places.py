"""Finding a place by what people write: a name, an address, or a role that is the same in every zone."""

from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Final

from components.network.reachability.model import Network, Place

LINK_LOCAL: Final = IPv4Network("169.254.0.0/16")


class UnknownPlaceError(LookupError):
    """Nothing of this name or address is planned; the message names what is."""


def place_at(network: Network, text: str | Place) -> Place:
    """The place of a name or an address; whatever public address is not S3's is the internet.

    Raises:
        UnknownPlaceError: no place has the name or the address.
    """
    if isinstance(text, Place):
        return text
    if text in network.places:
        return network.places[text]
    try:
        address = IPv4Address(text)
    except AddressValueError:
        raise UnknownPlaceError(
            f"{text!r} is no place of this network; there are {', '.join(roles(network))}"
        ) from None
    return _by_address(network, address)


def places_of(network: Network, text: str) -> list[Place]:
    """Every place that is meant: all of a role, or one by name or address.

    Raises:
        UnknownPlaceError: likewise.
    """
    return [place for place in network.places.values() if place.role == text] or [place_at(network, text)]


def roles(network: Network) -> list[str]:
    """Every role, in the order of the plan."""
    return list(dict.fromkeys(place.role for place in network.places.values()))


def _by_address(network: Network, address: IPv4Address) -> Place:
    for place in network.places.values():
        if place.address == address:
            return place
    if address == network.ranges[0][2]:
        return _moved(network.places["resolver"], address)
    for place in network.places.values():
        if any(address in cidr for cidr in place.ranges):
            return _moved(place, address)
    if address in LINK_LOCAL or any(address in cidr for cidr in network.ranges):
        raise UnknownPlaceError(f"{str(address)!r}: nothing that is planned has this address")
    return _moved(network.places["internet"], address)


def _moved(place: Place, address: IPv4Address) -> Place:
    return replace(place, address=address)
