//! What any code can do wrong.

use std::hint::black_box;

use hookline_sdk::log::{Level, write};

use crate::Behave;

pub(crate) const MIB: usize = 1 << 20;

/// Does not return for the worst behaviours; does nothing for those of answers.
#[expect(clippy::panic, reason = "trapping is its task")]
pub(crate) fn misbehave(behave: Behave) {
    match behave {
        Behave::Loop => spin(),
        Behave::EatMemory => eat(),
        Behave::Trap => panic!("trap, as asked"),
        Behave::DeepRecursion => {
            black_box(descend(1));
        }
        Behave::LogFlood => (0..1_024).for_each(|_| write(Level::Error, &"f".repeat(1_024))),
        Behave::LogLong => write(Level::Error, &"l".repeat(MIB)),
        Behave::LogEscape => write(Level::Error, "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n{\"level\":\"forged\"}"),
        _ => {}
    }
}

fn spin() {
    let mut turns = 0_u64;
    while black_box(turns) != u64::MAX {
        turns = turns.wrapping_add(1);
    }
}

fn eat() {
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![1_u8; MIB]);
        black_box(&eaten);
    }
}

fn descend(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if black_box(depth) == u64::MAX { frame[0] } else { descend(depth + 1) + black_box(frame)[63] }
}
