//! Which addresses may be fetched from for a caller: those of the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is no unicast address of the internet at large: <https://www.iana.org/assignments/iana-ipv4-special-registry>,
/// multicast (RFC 5771), and one that is public in form, and a cloud's own service: Azure's
/// (<https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16>).
const REFUSED_4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Of what is assigned for unicast (2000::/3), what is for protocols (Teredo among them), for documentation, or leads to an
/// IPv4 address (6to4): <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const REFUSED_6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether `address` is one of the public internet, of a single host. What only stands for another address is judged as
/// that one where resolvers make it up (NAT64, RFC 6052), and is refused elsewhere (mapped, 6to4, Teredo).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_4(address),
        IpAddr::V6(address) => match address.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                is_public_4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
            }
            _ => {
                let bits = address.to_bits();
                bits >> 125 == 1 && !REFUSED_6.iter().any(|(net, length)| (bits ^ net.to_bits()) >> (128 - length) == 0)
            }
        },
    }
}

fn is_public_4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !REFUSED_4.iter().any(|(net, length)| (bits ^ net.to_bits()) >> (32 - length) == 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The table that Python's test holds against `ipaddress`.
    #[test]
    fn the_table() {
        let table = include_str!("../../../../tests/attachments/addresses.json");
        let table: BTreeMap<IpAddr, bool> = serde_json::from_str(table).unwrap();
        assert!(table.len() > 100 && table.values().any(|public| *public));
        for (address, public) in table {
            assert_eq!(is_public(address), public, "{address}");
        }
    }
}
