//! What an instance can reach of the host: its limits, its log, its frozen clock, its seed. Nothing else.

use aws_lc_rs::digest;
use wasmtime::{StoreContextMut, Trap};

use super::limiter::Limiter;
use super::plugin_log::LogBuffer;

/// Fuel of one call into the host, besides a unit a byte. Host time is not fuelled otherwise.
const HOST_CALL_FUEL: u64 = 1_000;

/// The store's data, one for each call of a hook.
pub(super) struct State {
    pub(super) limiter: Limiter,
    pub(super) log: LogBuffer,
    /// The decision's time, epoch milliseconds.
    pub(super) now: i64,
    /// How often the clock found the plugin running.
    pub(super) ticks: u64,
    random: Random,
    monotonic_ns: u64,
}

impl State {
    pub(super) fn new(memory_bytes: u64, now: i64, seed: [u8; 32]) -> Self {
        Self {
            limiter: Limiter::new(memory_bytes),
            log: LogBuffer::default(),
            now,
            ticks: 0,
            random: Random { seed, block: 0 },
            monotonic_ns: 0,
        }
    }

    /// From 0, a microsecond more at each read.
    pub(super) fn monotonic(&mut self) -> u64 {
        let now = self.monotonic_ns;
        self.monotonic_ns += 1_000;
        now
    }

    pub(super) fn random_bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 32);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.random.next());
        }
        bytes.truncate(length);
        bytes
    }

    pub(super) fn random_u64(&mut self) -> u64 {
        let block = self.random.next();
        block.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// SHA-256 of seed and counter: the same for the same input, on every host.
struct Random {
    seed: [u8; 32],
    block: u64,
}

impl Random {
    fn next(&mut self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.seed);
        context.update(&self.block.to_be_bytes());
        self.block += 1;
        let mut out = [0; 32];
        out.copy_from_slice(context.finish().as_ref());
        out
    }
}

/// Takes fuel for a call into the host that moves `bytes`.
pub(super) fn charge(store: &mut StoreContextMut<'_, State>, bytes: usize) -> Result<(), wasmtime::Error> {
    let left = store.get_fuel()?;
    let cost = HOST_CALL_FUEL.saturating_add(bytes as u64);
    if left < cost {
        store.set_fuel(0)?;
        return Err(Trap::OutOfFuel.into());
    }
    store.set_fuel(left - cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn randomness_and_time_follow_the_input_alone() {
        let [mut a, mut b] = [0, 1].map(|_| State::new(0, 7, [3; 32]));
        assert_eq!(a.random_bytes(100), b.random_bytes(100));
        assert_eq!(a.random_u64(), b.random_u64());
        assert_ne!(a.random_u64(), b.random_bytes(8).iter().fold(0, |n, x| n << 8 | u64::from(*x)) + 1);
        assert_eq!([a.monotonic(), a.monotonic()], [0, 1_000]);
    }
}
