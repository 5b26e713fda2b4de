//! What an operation costs its sender, as clients are told it in `extensions.cost`. A subscription pays again with each of
//! its events.

use async_graphql::{Name, Response, Value, value};

use crate::{
    graphql::document::cost::Cost,
    rate_limit::{Balance, Exceeded, Purse},
};

/// What an operation cost, and what its sender has left.
#[derive(Debug, Clone)]
pub struct Bill {
    cost: Cost,
    /// `None`: there is no limit, or it was not paid.
    pub(in crate::graphql) balance: Option<Balance>,
    purse: Purse,
}

impl Bill {
    /// What an operation costs, paid.
    ///
    /// # Errors
    /// There is not enough in the purse.
    pub fn paid(cost: Cost, purse: Purse) -> Result<Self, Exceeded> {
        let points = u32::try_from(cost.points).unwrap_or(u32::MAX);
        let balance = purse.pay(points)?;
        Ok(Self { cost, balance, purse })
    }

    /// The same, not paid.
    pub(in crate::graphql) fn unpaid(&self) -> Self {
        Self { balance: None, ..self.clone() }
    }

    /// The same, paid once more.
    pub(in crate::graphql) fn again(&self) -> Result<Self, Exceeded> {
        Self::paid(self.cost, self.purse.clone())
    }

    /// Tells it in an answer, unless that has a bill of its own.
    pub(super) fn add_to(&self, response: &mut Response) {
        response.extensions.entry("cost".to_owned()).or_insert_with(|| self.told());
    }

    fn told(&self) -> Value {
        let mut told = value!({"points": self.cost.points, "checks": self.cost.checks});
        if let (Value::Object(members), Some(left)) = (&mut told, self.balance) {
            members.extend([
                (Name::new("limit"), left.limit.into()),
                (Name::new("remaining"), left.remaining.into()),
                (Name::new("restoreRate"), left.points_per_second.into()),
            ]);
        }
        told
    }
}
