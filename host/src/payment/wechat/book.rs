//! The provider's book of a day: its trade bill, a text whose hash its (verified) announcement names.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde::Deserialize;

use super::WeChat;
use crate::egress::Method;
use crate::payment::{BookEntry, BookKind, NoBook, decimal};

/// The largest bill, bytes: about 200,000 payments.
const BILL_MAX: usize = 64 << 20;

#[derive(Deserialize)]
struct Announced {
    hash_type: String,
    hash_value: String,
    download_url: String,
}

impl WeChat {
    /// The payments and refunds of a day in Beijing.
    pub(super) async fn day(&self, day: &str) -> Result<Vec<BookEntry>, NoBook> {
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if !plain(day) {
            return Err(NoBook::Later(format!("{day} is no day")));
        }
        let path = format!("/v3/bill/tradebill?bill_date={day}&bill_type=ALL");
        let answer = self.ask("book", Method::Get, &path, None).await.map_err(NoBook::Later)?;
        if answer.status != 200 {
            let declined = answer.declined();
            // So it answers for a day without any payment or refund.
            let none = declined.code == "NO_STATEMENT_EXIST";
            return if none { Ok(Vec::new()) } else { Err(NoBook::Later(declined.to_string())) };
        }
        let announced: Announced = answer.read().map_err(NoBook::Later)?;
        let text = self.download(&announced).await.map_err(NoBook::Later)?;
        parse(&text, &self.account.mchid).map_err(|problem| NoBook::Later(format!("the bill is unreadable: {problem}")))
    }

    async fn download(&self, announced: &Announced) -> Result<String, String> {
        if announced.hash_type != "SHA1" {
            return Err(format!("unknown hash {}", announced.hash_type));
        }
        // Signed requests go to the provider's own address only, whatever an answer says.
        let path = announced.download_url.strip_prefix(self.gateway.base_url()).filter(|path| path.starts_with('/'));
        let path = path.ok_or("the bill is not at the provider's address")?;
        let make = || {
            let mut exchange = self.signed(Method::Get, path, "");
            exchange.answer_max = BILL_MAX;
            exchange
        };
        let reply = self.gateway.call("bill", make).await.map_err(|unanswered| unanswered.to_string())?;
        if reply.status != 200 {
            return Err(format!("the bill has status {}", reply.status));
        }
        // Downloads carry no signature: what makes them believed is the hash in the signed announcement.
        let hash = hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &reply.body));
        let wanted = announced.hash_value.to_ascii_lowercase();
        verify_slices_are_equal(hash.as_bytes(), wanted.as_bytes()).map_err(|_| "the bill's hash does not fit")?;
        String::from_utf8(reply.body).map_err(|_| "the bill is not UTF-8".to_owned())
    }
}

/// Reads a bill of all trades: a line of titles, a line for each trade with every value behind a backtick, a line of
/// titles of the sums, and the sums.
fn parse(text: &str, mchid: &str) -> Result<Vec<BookEntry>, String> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().filter(|line| !line.trim().is_empty());
    let titles: Vec<&str> = lines.next().ok_or("it is empty")?.split(',').map(str::trim).collect();
    let column = |title: &str| titles.iter().position(|own| *own == title).ok_or(format!("it has no column {title}"));
    let columns = Columns {
        mchid: column("商户号")?,
        trade_no: column("微信订单号")?,
        payment_no: column("商户订单号")?,
        state: column("交易状态")?,
        currency: column("货币种类")?,
        paid: column("订单金额")?,
        refund_trade_no: column("微信退款单号")?,
        refund_no: column("商户退款单号")?,
        refunded: column("申请退款金额")?,
    };
    let mut entries = Vec::new();
    let mut ended = false;
    for line in lines {
        // The titles of the sums are the first line after the trades without backticks.
        if !line.starts_with('`') {
            ended = true;
            break;
        }
        let values: Vec<&str> = line[1..].split(",`").map(str::trim).collect();
        if values.len() != titles.len() {
            return Err(format!("a line has {} values under {} titles", values.len(), titles.len()));
        }
        if values[columns.mchid] != mchid {
            return Err("it is another merchant's".into());
        }
        if let Some(entry) = columns.entry(&values)? {
            entries.push(entry);
        }
    }
    if ended { Ok(entries) } else { Err("it breaks off before its sums".into()) }
}

struct Columns {
    mchid: usize,
    trade_no: usize,
    payment_no: usize,
    state: usize,
    currency: usize,
    paid: usize,
    refund_trade_no: usize,
    refund_no: usize,
    refunded: usize,
}

impl Columns {
    fn entry(&self, values: &[&str]) -> Result<Option<BookEntry>, String> {
        let (kind, reference, trade_no, sum) = match values[self.state] {
            "SUCCESS" => (BookKind::Payment, self.payment_no, self.trade_no, self.paid),
            "REFUND" => (BookKind::Refund, self.refund_no, self.refund_trade_no, self.refunded),
            // Undone at the till: no money stayed.
            "REVOKED" => return Ok(None),
            other => return Err(format!("unknown state {other}")),
        };
        let currency = values[self.currency];
        let amount = (currency == "CNY").then(|| decimal::minor(values[sum], 2)).flatten();
        let amount = amount.ok_or_else(|| format!("{} {currency} is no amount", values[sum]))?;
        let (reference, trade_no) = (values[reference].to_owned(), values[trade_no].to_owned());
        Ok(Some(BookEntry { kind, reference, trade_no, amount, currency: currency.to_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLES: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
    const SUMS: &str = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n`2,`12.30,`1.05,`0.00,`0.07,`12.30,`1.05\r\n";

    fn line(state: &str, refund_no: &str, paid: &str, refunded: &str) -> String {
        format!(
            "`2026-11-20 10:00:00,`wx1,`1900000001,`0,`,`4200001,`P7,`o1,`NATIVE,`{state},`OTHERS,`CNY,`12.30,`0.00,`{},`{refund_no},`1.05,`0.00,`ORIGINAL,`SUCCESS,`Order, with a comma,`,`0.07000,`0.60%,`{paid},`{refunded},`\r\n",
            if refund_no == "0" { "0" } else { "5030001" }
        )
    }

    #[test]
    fn payments_and_refunds_are_read_to_the_minor_unit() {
        let paid = line("SUCCESS", "0", "12.30", "0.00");
        let back = line("REFUND", "R8", "0.00", "1.05");
        let bill = format!("\u{feff}{TITLES}\r\n{paid}{back}{SUMS}");
        let entry = |kind, reference: &str, trade_no: &str, amount| BookEntry {
            kind,
            reference: reference.into(),
            trade_no: trade_no.into(),
            amount,
            currency: "CNY".into(),
        };
        let wanted =
            vec![entry(BookKind::Payment, "P7", "4200001", 1230), entry(BookKind::Refund, "R8", "5030001", 105)];
        assert_eq!(parse(&bill, "1900000001"), Ok(wanted));
    }

    #[test]
    fn a_bill_that_is_not_whole_or_not_ours_is_refused() {
        let paid = line("SUCCESS", "0", "12.30", "0.00");
        for (why, bill) in [
            ("empty", String::new()),
            ("no sums", format!("{TITLES}\r\n{paid}")),
            ("a column is missing", format!("{}\r\n{paid}{SUMS}", TITLES.replace("订单金额,申请", "申请"))),
            ("a value is missing", format!("{TITLES}\r\n{}{SUMS}", paid.replace("`wx1,", ""))),
            ("an amount is no amount", format!("{TITLES}\r\n{}{SUMS}", line("SUCCESS", "0", "12.3a", "0.00"))),
            ("a state is unknown", format!("{TITLES}\r\n{}{SUMS}", line("HUNTED", "0", "12.30", "0.00"))),
        ] {
            assert!(parse(&bill, "1900000001").is_err(), "{why}");
        }
        assert!(parse(&format!("{TITLES}\r\n{paid}{SUMS}"), "1900000002").is_err());
    }
}
