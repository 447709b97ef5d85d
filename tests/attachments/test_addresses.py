"""Which addresses are public: the table that Rust's test asks too (`upstream/global.rs`), and Python's `ipaddress`.

`addresses.json` has for each address whether it may be fetched from. Where that is not what Python says (`is_global`,
and no multicast), `STRICTER` has the reason: nothing may be fetched from that Python does not call so.
"""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest

TABLE: dict[str, bool] = json.loads((Path(__file__).parent / "addresses.json").read_text())

STRICTER = {
    "168.63.129.16/32": "a service of Azure's",
    "192.0.0.0/24": "of IETF protocols; older Pythons know parts of it alone",
    "192.88.99.0/24": "relays of 6to4, which is no more (RFC 7526)",
    "100.64.0.0/10": "shared: neither private nor global",
    "192.31.196.0/24": "AS112 (RFC 7535)",
    "192.52.193.0/24": "AMT (RFC 7450)",
    "192.175.48.0/24": "AS112 (RFC 7534)",
    "2620:4f:8000::/48": "AS112 (RFC 7534)",
    "2001::/23": "of IETF protocols, Teredo among them",
    "2002::/16": "6to4: another address",
    "3fff::/20": "documentation (RFC 9637)",
    "::/3": "no global unicast: mapped, NAT64 for local use, loopback",
    "4000::/2": "not assigned",
    "8000::/1": "not assigned, local, multicast",
}


def python_says(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast


@pytest.mark.parametrize(("text", "public"), TABLE.items(), ids=TABLE)
def test_the_table_is_pythons_or_stricter(text: str, public: bool) -> None:
    address = ip_address(text)
    if public != python_says(address):
        assert not public, "Python does not call it global"
        assert any(address in ip_network(net) for net in STRICTER), text


def test_both_ends_of_every_special_network_are_in_the_table() -> None:
    constants = [*IPv4Address._constants._private_networks, *IPv6Address._constants._private_networks]  # type: ignore[attr-defined]
    assert len(constants) > 20
    for net in constants:
        for address in (net.network_address, net.broadcast_address):
            assert str(address) in TABLE, address
            assert not TABLE[str(address)], address
