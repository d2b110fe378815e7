//! Amounts of a table of many columns.

use agent_primitives::Usd;

use crate::stats::layout::Decimals;

/// How many decimals amounts need: as the largest of them does, so that many of them fit beside each other.
#[derive(Clone, Copy)]
pub(super) struct Amounts(Decimals);

impl Amounts {
    pub(super) fn of(amounts: impl IntoIterator<Item = Usd>) -> Self {
        let largest = amounts
            .into_iter()
            .max_by_key(|it| it.picos().unsigned_abs());
        Self(Decimals::of(largest))
    }

    /// What is not nothing does not show as nothing.
    pub(super) fn show(self, amount: Usd) -> String {
        const MICRO: u128 = 1_000_000;
        if (1..MICRO).contains(&amount.picos().unsigned_abs()) {
            return "< $0.000001".to_owned();
        }
        let text = self.0.show(amount);
        if amount.is_zero() || text.contains(|it| ('1'..='9').contains(&it)) {
            return text;
        }
        "< $0.0001".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_amount_says_how_many_decimals_there_are() {
        let [large, small, tiny] = ["10234.5", "0.002", "0.000002"].map(|it| it.parse().unwrap());
        let amounts = Amounts::of([small, large]);
        assert_eq!(
            [large, small, tiny].map(|it| amounts.show(it)),
            ["$10234.5000", "$0.0020", "< $0.0001"]
        );
        let amounts = Amounts::of([small, tiny]);
        assert_eq!(amounts.show(tiny), "$0.000002");
        let shown = [Usd::from_picos(1), Usd::ZERO].map(|it| amounts.show(it));
        assert_eq!(shown, ["< $0.000001", "$0.000000"]);
    }
}
