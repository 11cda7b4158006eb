//! Exceptions from the ban on private addresses, for development: a host with its port, or a block of addresses.

use std::net::IpAddr;
use std::str::FromStr;

/// One entry of `ORDER_EGRESS_ALLOW_PRIVATE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivateAllowance {
    /// Exactly this host name (lower case) or address, and port.
    HostPort(String, u16),
    /// Every address of a block, at any port.
    Block(Cidr),
}

impl FromStr for PrivateAllowance {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.contains('/') {
            return text.parse().map(Self::Block);
        }
        let (host, port) = text.rsplit_once(':').ok_or(())?;
        let port = port.parse().map_err(|_| ())?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_lowercase();
        if host.is_empty() || port == 0 { Err(()) } else { Ok(Self::HostPort(host, port)) }
    }
}

/// A block of addresses, as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u32,
}

impl Cidr {
    /// Whether `address` lies in the block. A block of one IP version holds no address of the other.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Cidr {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (network, prefix) = text.split_once('/').ok_or(())?;
        let network: IpAddr = network.parse().map_err(|_| ())?;
        let prefix: u32 = prefix.parse().map_err(|_| ())?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        if prefix <= longest { Ok(Self { network, prefix }) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_their_own_addresses_only() {
        let block: Cidr = "10.1.0.0/16".parse().unwrap();
        assert!(block.contains("10.1.255.3".parse().unwrap()));
        assert!(!block.contains("10.2.0.0".parse().unwrap()));
        assert!(!block.contains("::ffff:10.1.0.1".parse().unwrap()));
        let all: Cidr = "::/0".parse().unwrap();
        assert!(all.contains("2001:db8::1".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Cidr>().is_err());
    }

    #[test]
    fn a_host_needs_its_port() {
        assert_eq!("LocalHost:8081".parse(), Ok(PrivateAllowance::HostPort("localhost".to_owned(), 8081)));
        assert_eq!("[::1]:80".parse(), Ok(PrivateAllowance::HostPort("::1".to_owned(), 80)));
        assert_eq!("localhost".parse::<PrivateAllowance>(), Err(()));
        assert_eq!("localhost:0".parse::<PrivateAllowance>(), Err(()));
    }
}
