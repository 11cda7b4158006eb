//! Name resolution that only yields tested addresses, so what is connected to is what was tested.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{AddressRefused, AddressRules};

/// Finds the addresses of a host name.
pub(super) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The system's resolver.
pub(super) fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Which addresses a client takes.
#[derive(Clone)]
pub(super) enum Taking {
    /// Those that the rules allow; one bad address refuses the name.
    Tested(Arc<AddressRules>),
    /// All: the settings name the host and port.
    All,
}

/// For one HTTP client.
pub(super) struct Resolver {
    pub(super) lookup: Lookup,
    pub(super) taking: Taking,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let taking = self.taking.clone();
        Box::pin(async move {
            let addresses = found.await?;
            if let Taking::Tested(rules) = taking
                && let Some(bad) = addresses.iter().find(|address| !rules.allow(**address))
            {
                return Err(AddressRefused { host: name.as_str().to_owned(), address: *bad }.into());
            }
            // Port 0 is replaced by the request's.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
