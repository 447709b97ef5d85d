//! Which addresses are the Internet's: what is left of IANA's registries of special purposes
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry>, <https://www.iana.org/assignments/iana-ipv6-special-registry>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether `address` is one of a host on the Internet, reached as it stands: nothing private, local, shared, reserved or
/// multicast, and no IPv6 address that a translator or a tunnel turns into an IPv4 address.
pub(crate) fn is_global_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => of_ipv4(address),
        IpAddr::V6(address) => of_ipv6(address),
    }
}

fn of_ipv4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    !matches!(
        (first, second, third),
        // This network, private use, loopback, multicast and reserved (with the limited broadcast).
        (0 | 10 | 127 | 224..=255, _, _)
        // Shared between a provider and its customers (RFC 6598), link-local, private use.
        | (100, 64..=127, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _)
        // Protocol assignments, documentation, AS112, AMT, the old 6to4 relays, benchmarks.
        | (192, 0, 0 | 2) | (192, 31, 196) | (192, 52, 193) | (192, 88, 99) | (192, 175, 48)
        | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113)
    )
}

fn of_ipv6(address: Ipv6Addr) -> bool {
    let [first, second, third, ..] = address.segments();
    // Only 2000::/3 is assigned: that leaves out loopback, mapped and translated IPv4 (64:ff9b::/96 and 64:ff9b:1::/48),
    // unique local, link-local, site-local and multicast.
    let assigned = first & 0xe000 == 0x2000;
    let special = match (first, second) {
        // Protocol assignments (Teredo, benchmarks, ORCHID and others), documentation.
        (0x2001, 0..=0x1ff | 0xdb8) => true,
        // 6to4, AS112, documentation (RFC 9637).
        (0x2002, _) => true,
        (0x2620, 0x4f) => third == 0x8000,
        (0x3fff, 0..=0xfff) => true,
        _ => false,
    };
    assigned && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_internet_from_what_is_nearer() {
        for global in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_global_unicast(global.parse().unwrap()), "{global}");
        }
        for near in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2620:4f:8000::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_global_unicast(near.parse().unwrap()), "{near}");
        }
    }
}
