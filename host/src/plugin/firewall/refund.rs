//! What a refund quote must keep. The exact rest of a line is the use case's to check: it has the stored shares.

use super::super::outcome::{BadOutput, Refusal};
use super::super::weigh::Weight;
use super::text::{pairs, short, whole};
use super::{AMOUNT_MAX, sum, within};
use crate::domain::hook::{RefundInput, RefundQuote};

const EXTRA_BYTES: u64 = 8 * 1024;
const REASON_BYTES: usize = 4 * 1024;

/// What of the input its answer is held against.
pub(in super::super) struct RefundFrame {
    /// Line and everything that was due for it.
    lines: Vec<(u32, i64)>,
}

impl RefundFrame {
    pub(in super::super) fn of(input: &RefundInput) -> Self {
        let due = |line| input.order.items.iter().find(|item| item.line == line).map_or(0, |item| item.due);
        Self { lines: input.items.iter().map(|asked| (asked.line, due(asked.line))).collect() }
    }

    pub(in super::super) fn check(&self, quote: RefundQuote) -> Result<RefundQuote, Refusal> {
        whole(Weight::of(&quote))?;
        short("a reason", &quote.reason, REASON_BYTES)?;
        pairs("extra", &quote.extra, EXTRA_BYTES)?;
        let mut open = self.lines.clone();
        for item in &quote.items {
            let at = open.iter().position(|(line, _)| *line == item.line);
            let (_, due) = open.swap_remove(at.ok_or(BadOutput::UnknownLine { line: item.line })?);
            within("a refund", item.amount, 0, AMOUNT_MAX)?;
            within("a fee", item.fee, 0, AMOUNT_MAX)?;
            within("refund and fee of a line", sum("a refund", item.amount, item.fee)?, 0, due)?;
        }
        if open.is_empty() { Ok(quote) } else { Err(BadOutput::Empty("a line that was asked for").into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hook::Refundable;
    use crate::plugin::sample;

    fn check(items: &[(u32, i64, i64)]) -> Result<RefundQuote, Refusal> {
        let items = items.iter().map(|&(line, amount, fee)| Refundable { line, amount, fee }).collect();
        RefundFrame::of(&sample::refund(2, "{}")).check(RefundQuote { items, reason: String::new(), extra: vec![] })
    }

    #[test]
    fn a_refund_and_its_fee_stay_within_the_line() {
        assert!(check(&[(0, 900, 100), (1, 0, 0)]).is_ok());
        for bad in [
            vec![(0, 1, 0)],
            vec![(0, 1, 0), (0, 1, 0)],
            vec![(0, 1, 0), (1, 1, 0), (2, 1, 0)],
            vec![(0, 901, 100), (1, 0, 0)],
            vec![(0, -1, 0), (1, 0, 0)],
            vec![(0, 0, -1), (1, 0, 0)],
            vec![(0, i64::MAX, 1), (1, 0, 0)],
        ] {
            assert!(check(&bad).is_err(), "{bad:?}");
        }
    }
}
