//! How a cart can be paid: by the methods for which all of its lines have the same merchant account.

use super::catalogue::Snapshot;
use super::problem::Problem;
use crate::domain::catalogue::Business;
use crate::domain::ids::{BusinessCode, MerchantAccount};

/// A method with the account that takes the money.
type Way = (String, MerchantAccount);

/// The methods that all lines share, in the order of the first line's rules.
pub(super) fn shared(snapshot: &Snapshot, lines: &[&Business]) -> Result<Vec<String>, Problem> {
    let mut groups: Vec<(Vec<Way>, Vec<&BusinessCode>)> = vec![];
    for line in lines {
        let ways = offered(snapshot, line);
        if ways.is_empty() {
            let detail = format!("business line {} can be paid by no method now", line.code);
            return Err(Problem::conflict("no-payment-method", detail).with("business", &line.code));
        }
        let fits = |group: &(Vec<Way>, Vec<&BusinessCode>)| group.0.iter().any(|way| ways.contains(way));
        match groups.iter_mut().find(|group| fits(group)) {
            Some((common, codes)) => {
                common.retain(|way| ways.contains(way));
                codes.push(&line.code);
            }
            None => groups.push((ways, vec![&line.code])),
        }
    }
    if let [(ways, _)] = groups.as_slice() {
        return Ok(ways.iter().map(|(method, _)| method.clone()).collect());
    }
    let detail = "these business lines share no payment method and account; order each group by itself";
    let groups: Vec<_> = groups.into_iter().map(|(_, codes)| codes).collect();
    Err(Problem::refused("cannot-pay-together", detail).with("groups", groups))
}

/// What a line's rules name and an account takes.
fn offered(snapshot: &Snapshot, line: &Business) -> Vec<Way> {
    let way = |method: &String| Some((method.clone(), snapshot.account(method, &line.code)?));
    line.rules.methods.iter().filter_map(way).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;
    use crate::app::problem::Kind;
    use crate::domain::catalogue::{Grant, LineRules};

    fn code(text: &str) -> BusinessCode {
        BusinessCode::new(text).unwrap()
    }

    fn line(name: &str, methods: &[&str]) -> Business {
        Business {
            code: code(name),
            name: name.to_owned(),
            kinds: vec![],
            rules: LineRules { methods: methods.iter().map(ToString::to_string).collect(), ..LineRules::default() },
            settings: json!({}),
            grant: Grant::default(),
            active: None,
            enabled: true,
        }
    }

    fn snapshot(accounts: &[(&str, &str, &str)]) -> Snapshot {
        let account = |(method, business, account): &(&str, &str, &str)| {
            (((*method).to_owned(), code(business)), MerchantAccount::new(account).unwrap())
        };
        let accounts: HashMap<_, _> = accounts.iter().map(account).collect();
        Snapshot::new(1, vec![], ["balance".to_owned()].into(), accounts)
    }

    #[test]
    fn lines_of_one_account_are_paid_together() {
        let snapshot = snapshot(&[("alipay", "goods", "main"), ("alipay", "hotel", "main")]);
        let (goods, hotel) = (line("goods", &["wechat", "alipay", "balance"]), line("hotel", &["balance", "alipay"]));
        assert_eq!(shared(&snapshot, &[&goods]).unwrap(), ["alipay", "balance"], "wechat has no account");
        assert_eq!(shared(&snapshot, &[&goods, &hotel]).unwrap(), ["alipay", "balance"]);
        assert_eq!(shared(&snapshot, &[&hotel, &goods]).unwrap(), ["balance", "alipay"]);
    }

    #[test]
    fn lines_of_other_accounts_are_told_apart() {
        let accounts = [("alipay", "goods", "main"), ("alipay", "hotel", "travel"), ("alipay", "flight", "travel")];
        let [goods, hotel, flight] = ["goods", "hotel", "flight"].map(|name| line(name, &["alipay"]));
        let problem = shared(&snapshot(&accounts), &[&goods, &hotel, &flight]).unwrap_err();
        assert_eq!((problem.kind, problem.code), (Kind::Refused, "cannot-pay-together"));
        assert_eq!(problem.extra["groups"], json!([["goods"], ["hotel", "flight"]]));
    }

    #[test]
    fn a_line_without_any_account_is_named() {
        let (goods, hotel) = (line("goods", &["balance"]), line("hotel", &["alipay"]));
        let problem = shared(&snapshot(&[]), &[&goods, &hotel]).unwrap_err();
        assert_eq!((problem.kind, problem.code), (Kind::Conflict, "no-payment-method"));
        assert_eq!(problem.extra["business"], "hotel");
    }
}
