//! Money is conserved: sums on three levels, shares, payments, refunds, settlements and wallets add up.

use std::collections::BTreeMap;

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::legal;
use super::snapshot::{Item, PayOrder, Payment, Refund, ShopOrder, Snapshot};

const PENDING: i64 = 0;
const SUCCEEDED: i64 = 1;
const REFUND_FAILED: i64 = 2;
const COINS: i64 = 2;

pub(super) fn check(snapshot: &Snapshot, findings: &mut Findings) {
    let mut items: BTreeMap<i64, Vec<&Item>> = BTreeMap::new();
    for item in &snapshot.items {
        items.entry(item.shop_no).or_default().push(item);
    }
    let mut shops: BTreeMap<i64, Vec<&ShopOrder>> = BTreeMap::new();
    for shop in &snapshot.shop_orders {
        shops.entry(shop.pay_no).or_default().push(shop);
        shop_sums(shop, items.get(&shop.no).map(Vec::as_slice).unwrap_or_default(), findings);
    }
    for order in &snapshot.pay_orders {
        let shops = shops.get(&order.no).map(Vec::as_slice).unwrap_or_default();
        if order.is_merged() {
            let none = shops.is_empty();
            findings.check(Invariant::MoneyConserved, none, || format!("{} was merged and kept shop orders", order.no));
        } else {
            pay_sums(order, shops, &items, findings);
        }
        captured(order, snapshot, findings);
    }
    let shops: BTreeMap<i64, &ShopOrder> = snapshot.shop_orders.iter().map(|shop| (shop.no, shop)).collect();
    refunds(snapshot, &shops, &items, findings);
    settlements(snapshot, &shops, &items, findings);
    wallets(snapshot, findings);
}

fn num(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_default()
}

fn shop_sums(shop: &ShopOrder, items: &[&Item], findings: &mut Findings) {
    let about = Invariant::MoneyConserved;
    let sum = |of: &dyn Fn(&Item) -> i64| items.iter().map(|item| of(item)).sum::<i64>();
    for item in items {
        let discount = num(&item.facts, "discount");
        findings.equal(about, &item.price, &(item.quantity * item.original - discount), || format!("L3 {}", item.no));
        let share = &item.share;
        findings.check(about, lowered(item) >= 0, || format!("due of {}", item.no));
        parts(item.no, share, findings);
    }
    // What the seller took off is the only thing that a line's share does not name.
    let reprice = num(&shop.amounts, "reprice");
    findings.equal(about, &sum(&lowered), &reprice, || format!("re-price of {}", shop.no));
    let price = sum(&|item| item.price) - num(&shop.amounts, "discount") - reprice;
    findings.equal(about, &num(&shop.amounts, "price"), &price, || format!("L2 {}", shop.no));
    findings.equal(about, &num(&shop.amounts, "tax"), &sum(&|item| item.tax), || format!("tax of {}", shop.no));
    let discounts = sum(&|item| num(&item.share, "shop_discount"));
    findings.equal(about, &discounts, &num(&shop.amounts, "discount"), || format!("shop discount of {}", shop.no));
    let freight = &shop.amounts["freight_share"];
    findings.equal(about, &num(freight, "due"), &num(&shop.amounts, "freight"), || format!("freight of {}", shop.no));
    parts(shop.no, freight, findings);
}

/// What of an item's due is explained by none of its shares.
fn lowered(item: &Item) -> i64 {
    let share = |name| num(&item.share, name);
    item.price - share("shop_discount") - share("platform_discount") + item.tax - share("due")
}

/// `due = cash + coins + third party`, all of them at least zero.
fn parts(no: i64, share: &Value, findings: &mut Findings) {
    let parts = [num(share, "cash"), num(share, "coins_value"), num(share, "third_party")];
    let holds = parts.iter().sum::<i64>() == num(share, "due") && parts.iter().all(|part| *part >= 0);
    let holds = holds && (0..=parts[0]).contains(&num(share, "balance"));
    findings.check(Invariant::MoneyConserved, holds, || format!("shares of {no}: {share}"));
}

fn pay_sums(order: &PayOrder, shops: &[&ShopOrder], items: &BTreeMap<i64, Vec<&Item>>, findings: &mut Findings) {
    let about = Invariant::MoneyConserved;
    let own = |name: &str| num(&order.amounts, name);
    let of_shops = |name: &str| shops.iter().map(|shop| num(&shop.amounts, name)).sum::<i64>();
    let price = of_shops("price") - own("platform_discount");
    findings.equal(about, &own("price"), &price, || format!("L1 {}", order.no));
    findings.equal(about, &own("freight"), &of_shops("freight"), || format!("freight of {}", order.no));
    findings.equal(about, &own("tax"), &of_shops("tax"), || format!("tax of {}", order.no));
    let to_pay = price + own("freight") + own("tax") - own("coins_value") - own("third_party");
    findings.equal(about, &own("to_pay"), &to_pay, || format!("to pay of {}", order.no));
    let shares: Vec<&Value> = shops
        .iter()
        .flat_map(|shop| {
            let items = items.get(&shop.no).into_iter().flatten().map(|item| &item.share);
            items.chain([&shop.amounts["freight_share"]])
        })
        .collect();
    let wanted = [
        ("cash", "to_pay"),
        ("coins", "coins"),
        ("coins_value", "coins_value"),
        ("third_party", "third_party"),
        ("platform_discount", "platform_discount"),
    ];
    for (share, total) in wanted {
        let sum: i64 = shares.iter().map(|line| num(line, share)).sum();
        findings.equal(about, &sum, &own(total), || format!("shares of {total} of {}", order.no));
    }
}

/// A paid order has a payment of exactly what was to pay; what came above it goes back.
fn captured(order: &PayOrder, snapshot: &Snapshot, findings: &mut Findings) {
    if order.status != legal::PAID {
        return;
    }
    let to_pay = num(&order.amounts, "to_pay");
    let paid_by = snapshot.payments.iter().find(|payment| Some(payment.no) == order.paid_by);
    let above: i64 = snapshot
        .refunds
        .iter()
        .filter(|r| r.payment_no.is_some() && r.payment_no == order.paid_by)
        .filter(|r| r.shop_no.is_none() && r.status != REFUND_FAILED)
        .map(|r| r.amount)
        .sum();
    let fits = |p: &Payment| p.pay_no == order.no && p.status == SUCCEEDED && p.amount + p.balance - above == to_pay;
    let is_paid = paid_by.is_some_and(fits);
    findings
        .check(Invariant::MoneyConserved, is_paid, || format!("{} is paid without a payment of {to_pay}", order.no));
}

fn refunds(
    snapshot: &Snapshot,
    shops: &BTreeMap<i64, &ShopOrder>,
    items: &BTreeMap<i64, Vec<&Item>>,
    findings: &mut Findings,
) {
    let about = Invariant::MoneyConserved;
    let money = |refund: &&Refund| refund.way != COINS;
    for payment in &snapshot.payments {
        let of = |refund: &&Refund| refund.payment_no == Some(payment.no) && refund.status != REFUND_FAILED;
        let back: i64 = snapshot.refunds.iter().filter(of).filter(money).map(|refund| refund.amount).sum();
        let taken = if payment.status == SUCCEEDED { payment.amount + payment.balance } else { 0 };
        findings.check(about, back <= taken, || format!("payment {} took {taken} and gave {back} back", payment.no));
    }
    // Money that came for an order that could not take it any more goes back whole.
    for order in snapshot.pay_orders.iter().filter(|order| order.status == legal::CANCELLED) {
        let mine = |payment: &&Payment| payment.pay_no == order.no && payment.status == SUCCEEDED;
        let taken: i64 = snapshot.payments.iter().filter(mine).map(|payment| payment.amount + payment.balance).sum();
        let of = |refund: &&Refund| refund.pay_no == order.no && refund.status != REFUND_FAILED;
        let back: i64 = snapshot.refunds.iter().filter(of).filter(money).map(|refund| refund.amount).sum();
        findings.equal(about, &back, &taken, || format!("money back for {}, which was never paid", order.no));
    }
    let mut back: BTreeMap<i64, i64> = BTreeMap::new();
    let mut by_item: BTreeMap<i64, i64> = BTreeMap::new();
    for refund in snapshot.refunds.iter().filter(money).filter(|refund| refund.status == SUCCEEDED) {
        let Some(shop_no) = refund.shop_no else { continue };
        *back.entry(shop_no).or_default() += refund.amount;
        let lines = refund.lines.as_array().map(Vec::as_slice).unwrap_or_default();
        let sum: i64 = lines.iter().map(|line| num(line, "amount")).sum();
        findings.equal(about, &sum, &refund.amount, || format!("lines of refund {}", refund.no));
        for line in lines {
            if let Some(item) = line["item_no"].as_str().and_then(|no| no.parse().ok()) {
                *by_item.entry(item).or_default() += num(line, "amount");
            }
        }
    }
    for (no, shop) in shops {
        let back = back.get(no).copied().unwrap_or_default();
        let items = items.get(no).map(Vec::as_slice).unwrap_or_default();
        let cash = items.iter().map(|item| num(&item.share, "cash")).sum::<i64>()
            + num(&shop.amounts["freight_share"], "cash");
        findings.check(about, back <= cash, || format!("{no} in state {} gave {back} of {cash} back", shop.status));
        let lines = items.iter().map(|item| (item.no, &item.share, &item.refunded));
        for (line, share, gone) in
            lines.chain([(*no, &shop.amounts["freight_share"], &shop.amounts["freight_refunded"])])
        {
            kept(line, share, gone, shop.status == legal::CLOSED, findings);
        }
        for item in items {
            let back = by_item.get(&item.no).copied().unwrap_or_default();
            let noted = num(&item.refunded, "cash");
            findings.equal(about, &noted, &back, || format!("refunded of {}", item.no));
        }
    }
}

/// What went back of a line and what was kept of it is at most the line, and of a closed order all of it.
fn kept(no: i64, share: &Value, gone: &Value, is_closed: bool, findings: &mut Findings) {
    for (part, retained) in [("cash", "retained"), ("coins", "retained_coins")] {
        let (whole, back, kept) = (num(share, part), num(gone, part), num(gone, retained));
        let fits = back >= 0 && kept >= 0 && if is_closed { back + kept == whole } else { back + kept <= whole };
        findings
            .check(Invariant::MoneyConserved, fits, || format!("{part} of {no}: {back} back, {kept} kept of {whole}"));
    }
}

fn settlements(
    snapshot: &Snapshot,
    shops: &BTreeMap<i64, &ShopOrder>,
    items: &BTreeMap<i64, Vec<&Item>>,
    findings: &mut Findings,
) {
    let about = Invariant::MoneyConserved;
    for row in &snapshot.settlements {
        let (no, gross, net) = (row.int(0), row.int(1), row.int(4));
        findings.equal(about, &net, &(gross - row.int(2) - row.int(3)), || format!("net of {no}"));
        let Some(shop) = shops.get(&no) else {
            findings.check(about, false, || format!("{no} is settled and is no order"));
            continue;
        };
        // What the platform and third parties gave is earned by the units that stay.
        let earned = |share: &Value, gone: &Value, units: i64| {
            let part = |whole: i64, stay: i64, of: i64| whole * stay / of.max(1);
            let coins = num(share, "coins");
            num(share, "cash") - num(gone, "cash")
                + if coins > 0 { part(num(share, "coins_value"), coins - num(gone, "coins"), coins) } else { 0 }
                + part(
                    num(share, "third_party") + num(share, "platform_discount"),
                    units - num(gone, "quantity"),
                    units,
                )
        };
        let items = items.get(&no).map(Vec::as_slice).unwrap_or_default();
        let goods: i64 = items.iter().map(|item| earned(&item.share, &item.refunded, item.quantity)).sum();
        let whole = goods + earned(&shop.amounts["freight_share"], &shop.amounts["freight_refunded"], 1);
        findings.equal(about, &gross, &whole, || format!("gross of {no}"));
    }
}

fn wallets(snapshot: &Snapshot, findings: &mut Findings) {
    let about = Invariant::MoneyConserved;
    let mut accounts: BTreeMap<(String, String), i64> = BTreeMap::new();
    for row in &snapshot.postings {
        let (from, to, unit, amount) = (row.text(0), row.text(1), row.text(2), row.int(3));
        findings.check(about, amount > 0 && from != to, || format!("a posting of {amount} from {from} to {to}"));
        *accounts.entry((from, unit.clone())).or_default() -= amount;
        *accounts.entry((to, unit)).or_default() += amount;
    }
    let mut by_unit: BTreeMap<&str, i64> = BTreeMap::new();
    for ((_, unit), sum) in &accounts {
        *by_unit.entry(unit).or_default() += sum;
    }
    for (unit, sum) in by_unit {
        findings.equal(about, &sum, &0, || format!("all postings of {unit}"));
    }
    for row in &snapshot.wallets {
        let (buyer, unit) = (row.text(0), row.text(1));
        for (name, balance) in [("available", row.int(2)), ("held", row.int(3))] {
            let posted = accounts.remove(&(format!("{name}:{buyer}"), unit.clone())).unwrap_or_default();
            findings.equal(about, &balance, &posted, || format!("{name} {unit} of {buyer}"));
            findings.check(about, balance >= 0, || format!("{name} {unit} of {buyer} is {balance}"));
        }
    }
    held(snapshot, findings);
    for ((account, unit), sum) in accounts.iter().filter(|((account, _), _)| !account.starts_with("house:")) {
        findings.equal(about, sum, &0, || format!("{account} has {unit} and no wallet"));
    }
}

/// Money is held for open payments only, and for each of them exactly its part.
fn held(snapshot: &Snapshot, findings: &mut Findings) {
    let open: i64 = snapshot.payments.iter().filter(|p| p.status == PENDING).map(|p| p.balance).sum();
    let held: i64 = snapshot.wallets.iter().filter(|row| row.text(1) != "COINS").map(|row| row.int(3)).sum();
    findings.equal(Invariant::MoneyConserved, &held, &open, || "money held for open payments".to_owned());
    let hidden = |order: &PayOrder| snapshot.shops_of(order.no).any(ShopOrder::is_hidden);
    let waiting = snapshot.pay_orders.iter().filter(|order| order.status == legal::CREATED && !hidden(order));
    let coins: i64 = waiting.map(|order| num(&order.amounts, "coins")).sum();
    let held: i64 = snapshot.wallets.iter().filter(|row| row.text(1) == "COINS").map(|row| row.int(3)).sum();
    findings.equal(Invariant::MoneyConserved, &held, &coins, || "coins held for unpaid orders".to_owned());
}
