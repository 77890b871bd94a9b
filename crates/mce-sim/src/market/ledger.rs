//! Who owns what: positions and cash of every account, moved by fills and by nothing else.

use crate::matching::{Fill, Lots, Owner};
use mce_market::Side;

/// One account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub owner: Owner,
    /// What it owns; below 0 is short. Everyone starts with nothing.
    pub position: Lots,
    /// What it received less what it paid, ticks × lots.
    pub cash: i128,
}

/// All accounts, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    accounts: Vec<(i64, i128)>,
}

impl Ledger {
    /// Opens the account of the next number.
    pub(super) fn open(&mut self) {
        self.accounts.push((0, 0));
    }

    /// An account's position; nothing for one that was never opened.
    pub(super) fn position(&self, owner: Owner) -> Lots {
        let account = self.accounts.get(usize::from(owner.0));
        Lots(account.map_or(0, |(position, _)| *position))
    }

    pub(super) fn accounts(&self) -> impl Iterator<Item = Account> + '_ {
        (0..)
            .zip(&self.accounts)
            .map(|(owner, (position, cash))| Account {
                owner: Owner(owner),
                position: Lots(*position),
                cash: *cash,
            })
    }

    /// Moves size from seller to buyer and cash the other way.
    pub(super) fn settle(&mut self, fill: &Fill) {
        let (buyer, seller) = match fill.aggressor {
            Side::Buy => (fill.taker.owner, fill.maker.owner),
            Side::Sell => (fill.maker.owner, fill.taker.owner),
        };
        let cash = i128::from(fill.price.0) * i128::from(fill.lots.0);
        for (owner, lots, cash) in [(buyer, fill.lots.0, -cash), (seller, -fill.lots.0, cash)] {
            let account = &mut self.accounts[usize::from(owner.0)];
            account.0 += lots;
            account.1 += cash;
        }
    }
}
