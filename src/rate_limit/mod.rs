//! How much callers may ask for: a token bucket for each subject, and two for each address. A bucket holds a number of
//! points and is filled up again at a steady rate; what an operation costs is taken out of it, or nothing, if there is
//! not enough in it.
//!
//! The second bucket of an address pays for the verification of tokens: who floods an address with bad ones takes
//! nothing from those there who send none, or one that was verified before.
//!
//! Buckets are this node's own: behind `n` nodes a caller has up to `n` times as much. Their number is bounded. One that
//! has not been used for as long as it takes to fill is full, and forgotten; when there are too many, those of callers
//! who ask often are kept.
//!
//! Metrics: `rate_limited_total` by bucket.

mod buckets;

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use buckets::Buckets;

/// The size of a bucket and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Points in a full bucket; 0: no limit.
    pub points: u32,
    /// Points that come back each second, at least 1.
    pub points_per_second: u32,
}

/// What callers may spend.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// `SUBJECT_POINTS`, `SUBJECT_POINTS_PER_SECOND`: of somebody who signed in.
    pub subject: Rate,
    /// `ADDRESS_POINTS`, `ADDRESS_POINTS_PER_SECOND`: of an address, for whoever did not sign in, and once more for tokens
    /// that have to be verified.
    pub address: Rate,
}

/// Whose bucket is charged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Payer {
    /// The `sub` of a verified token, in all tenants alike.
    Subject(String),
    /// An IPv4 address, or the /64 of an IPv6 address: a single customer has at least that many.
    Address(IpAddr),
    /// The same, for a token that has to be verified.
    Verification(IpAddr),
}

/// What is left in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// Points in a full bucket.
    pub limit: u32,
    pub remaining: u32,
    /// Points that come back each second.
    pub points_per_second: u32,
}

/// There is not enough in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// `subject`, `address` or `verification`.
    pub bucket: &'static str,
    /// When there will be enough in it.
    pub retry_after: Duration,
}

/// All buckets of this node.
pub struct RateLimits {
    subjects: Option<Buckets<String>>,
    addresses: Option<Buckets<IpAddr>>,
    verifications: Option<Buckets<IpAddr>>,
}

impl RateLimits {
    /// Every bucket is full.
    pub fn new(config: Config) -> Self {
        // A monitor sees them before anybody is refused.
        for bucket in ["subject", "address", "verification"] {
            metrics::counter!("rate_limited_total", "bucket" => bucket).increment(0);
        }
        let [addresses, verifications] = [config.address; 2].map(Buckets::new);
        Self { subjects: Buckets::new(config.subject), addresses, verifications }
    }

    /// Takes `points` out of a bucket; tells what is left, or `None` if there is no limit.
    ///
    /// # Errors
    /// There are not so many in it, and none was taken.
    pub fn charge(&self, payer: &Payer, points: u32) -> Result<Option<Balance>, Exceeded> {
        let (bucket, charged) = match payer {
            Payer::Subject(subject) => {
                ("subject", self.subjects.as_ref().map(|all| all.charge(subject.as_str(), points)))
            }
            Payer::Address(address) => {
                ("address", self.addresses.as_ref().map(|all| all.charge(&network(*address), points)))
            }
            Payer::Verification(address) => (
                "verification",
                self.verifications.as_ref().map(|all| all.charge(&network(*address), points)),
            ),
        };
        charged.transpose().map_err(|retry_after| {
            metrics::counter!("rate_limited_total", "bucket" => bucket).increment(1);
            Exceeded { bucket, retry_after }
        })
    }
}

/// The bucket of a payer, for whoever charges it again and again.
#[derive(Clone)]
pub struct Purse {
    limits: Arc<RateLimits>,
    payer: Payer,
}

impl Purse {
    pub const fn new(limits: Arc<RateLimits>, payer: Payer) -> Self {
        Self { limits, payer }
    }

    /// Whose it is.
    pub const fn payer(&self) -> &Payer {
        &self.payer
    }

    /// As [`RateLimits::charge`].
    ///
    /// # Errors
    /// There are not so many in it, and none was taken.
    pub fn pay(&self, points: u32) -> Result<Option<Balance>, Exceeded> {
        self.limits.charge(&self.payer, points)
    }
}

/// Nobody is named.
impl fmt::Debug for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Purse").finish_non_exhaustive()
    }
}

impl Balance {
    /// How long it takes until the bucket is full.
    pub fn time_to_full(&self) -> Duration {
        Duration::from_secs_f64(
            f64::from(self.limit.saturating_sub(self.remaining)) / f64::from(self.points_per_second.max(1)),
        )
    }
}

/// What is counted as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(points: u32) -> RateLimits {
        let rate = Rate { points, points_per_second: 1 };
        RateLimits::new(Config { subject: rate, address: rate })
    }

    fn address(text: &str) -> Payer {
        Payer::Address(text.parse().unwrap())
    }

    #[test]
    fn a_bucket_gives_what_is_in_it_and_says_when_there_is_more() {
        let limits = limits(10);
        let ada = Payer::Subject("ada".to_owned());
        let balance = limits.charge(&ada, 7).unwrap().unwrap();
        assert_eq!(balance, Balance { limit: 10, remaining: 3, points_per_second: 1 });
        assert_eq!(balance.time_to_full(), Duration::from_secs(7));

        let exceeded = limits.charge(&ada, 5).unwrap_err();

        assert_eq!(exceeded.bucket, "subject");
        assert!((1_900..=2_000).contains(&exceeded.retry_after.as_millis()), "{exceeded:?}");
        assert_eq!(limits.charge(&ada, 3).unwrap().unwrap().remaining, 0, "nothing was taken");
    }

    #[test]
    fn everybody_has_a_bucket_of_their_own() {
        let limits = limits(1);
        for payer in [
            Payer::Subject("ada".to_owned()),
            Payer::Subject("192.0.2.1".to_owned()),
            address("192.0.2.1"),
            address("192.0.2.2"),
            address("2001:db8:0:1::1"),
            address("2001:db8:0:2::1"),
        ] {
            assert!(limits.charge(&payer, 1).is_ok(), "{payer:?}");
            assert!(limits.charge(&payer, 1).is_err(), "{payer:?}");
        }
    }

    #[test]
    fn neighbours_in_ipv6_and_the_two_spellings_of_ipv4_are_one_address() {
        let limits = limits(1);
        limits.charge(&address("2001:db8:0:1::1"), 1).unwrap();
        assert!(limits.charge(&address("2001:db8:0:1:ffff::2"), 1).is_err());
        limits.charge(&address("::ffff:192.0.2.1"), 1).unwrap();
        assert!(limits.charge(&address("192.0.2.1"), 1).is_err());
    }

    #[test]
    fn no_points_are_no_limit() {
        let limits = limits(0);
        assert_eq!(limits.charge(&address("192.0.2.1"), u32::MAX), Ok(None));
        assert_eq!(limits.charge(&Payer::Subject("ada".to_owned()), u32::MAX), Ok(None));
    }

    #[test]
    fn what_is_more_than_a_full_bucket_never_fits() {
        let exceeded = limits(10).charge(&address("192.0.2.1"), 11).unwrap_err();
        assert_eq!(exceeded.retry_after, Duration::from_secs(11));
    }
}
