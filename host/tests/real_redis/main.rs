//! What talks to Redis, against a real one that dies, freezes and is wiped.

#[cfg(test)]
mod brokers;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod server;
