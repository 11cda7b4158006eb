//! Which addresses plugins may reach: the public internet, and what development settings add.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::{Cidr, PrivateAllowance};

/// The host name leads to an address that is not public.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} leads to {address}, which is not a public address")]
pub struct AddressRefused {
    /// The name, or the address as written.
    pub host: String,
    /// One offending address.
    pub address: IpAddr,
}

/// Whether `address` belongs to the public internet. Forms that carry an IPv4 address inside an IPv6 one are judged by
/// what they carry.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Blocks of the IPv4 special-purpose registry, with their prefix lengths.
const SPECIAL_V4: [(Ipv4Addr, u32); 17] = [
    // This network.
    (Ipv4Addr::UNSPECIFIED, 8),
    // Private.
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Carrier-grade NAT.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    // Loopback.
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link local, where clouds keep their metadata.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    // A public address on which one cloud answers its machines.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    // Private.
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    // IETF protocols.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation.
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    // Old relays of 6to4.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    // Private.
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Benchmarks.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // Documentation.
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(233, 252, 0, 0), 24),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved and broadcast.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let within = |(network, prefix): (Ipv4Addr, u32)| (network.to_bits() ^ address.to_bits()).leading_zeros() >= prefix;
    !SPECIAL_V4.into_iter().any(within)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let carried_at = |at: usize| {
        let bits = u32::from(segments[at]) << 16 | u32::from(segments[at + 1]);
        is_public_v4(Ipv4Addr::from_bits(bits))
    };
    match segments {
        // NAT64, 64:ff9b::/96.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => carried_at(6),
        // 6to4, 2002::/16: the IPv4 address of the gateway.
        [0x2002, ..] => carried_at(1),
        // Teredo and other IETF protocols, 2001::/23; documentation, 2001:db8::/32 and 3fff::/20.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Global unicast is 2000::/3. All else is loopback, local, multicast or not assigned; an IPv4-mapped address
        // has been made an IPv4 one before.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

/// What plugins may reach.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressRules {
    hosts: Vec<(String, u16)>,
    blocks: Vec<Cidr>,
}

impl AddressRules {
    pub(super) fn new(allowances: &[PrivateAllowance]) -> Self {
        let mut rules = Self::default();
        for allowance in allowances {
            match allowance {
                PrivateAllowance::HostPort(host, port) => rules.hosts.push((host.clone(), *port)),
                PrivateAllowance::Block(block) => rules.blocks.push(*block),
            }
        }
        rules
    }

    /// Whether the settings name exactly this host and port, whatever its addresses.
    pub(super) fn names(&self, host: &str, port: u16) -> bool {
        self.hosts.iter().any(|(own, own_port)| own == host && *own_port == port)
    }

    /// Whether `address` may be connected to.
    pub(super) fn allow(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.blocks.iter().any(|block| block.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_reached() {
        let rules = AddressRules::default();
        for public in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "2606:4700::1111",
            "2002:101:101::1",
            "64:ff9b::101:101",
            "::ffff:1.1.1.1",
        ] {
            assert!(rules.allow(public.parse().unwrap()), "{public}");
        }
        let private = [
            "0.0.0.0",
            "10.0.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a00:1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "5f00::1",
        ];
        for address in private {
            assert!(!rules.allow(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn development_settings_add_blocks_and_hosts() {
        let allowances = ["10.1.0.0/16", "localhost:8081"].map(|text| text.parse().unwrap());
        let rules = AddressRules::new(&allowances);
        assert!(rules.allow("10.1.2.3".parse().unwrap()));
        assert!(rules.allow("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!rules.allow("10.2.0.1".parse().unwrap()));
        assert!(rules.names("localhost", 8081) && !rules.names("localhost", 8082));
    }
}
