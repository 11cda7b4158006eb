//! Leases, relay and timers against a real store, a real Redis and a broker that misbehaves.

#[cfg(test)]
mod harness;
#[cfg(test)]
mod jumps;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod relay;
#[cfg(test)]
#[path = "../real_redis/server.rs"]
mod server;
#[cfg(test)]
mod timers;
