//! What callers may spend, and whose word counts about who they are.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Args, Problems};
use crate::rate_limit::{Config, Rate};

pub(super) fn rate_limit(args: &Args, problems: &mut Problems) -> Config {
    let given = &args.server;
    let mut rate = |setting: &str, points: u32, points_per_second: u32| {
        if points > 0 && points_per_second == 0 {
            problems.note(&format!("{setting}_PER_SECOND"), "must be at least 1");
        }
        if points > 0 && points < given.max_operation_cost {
            problems.note(setting, "must be 0, or at least MAX_OPERATION_COST, which could never be paid");
        }
        if points > 0 && given.max_operation_cost == 0 {
            problems
                .note(setting, "needs a MAX_OPERATION_COST, or operations are let in that can never be paid");
        }
        Rate { points, points_per_second }
    };
    Config {
        subject: rate("SUBJECT_POINTS", given.subject_points, given.subject_points_per_second),
        address: rate("ADDRESS_POINTS", given.address_points, given.address_points_per_second),
    }
}

/// Networks, or single addresses.
pub(super) fn trusted_proxies(given: &[String], problems: &mut Problems) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for text in given.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        match text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)) {
            Some(network) => networks.push(network),
            None => problems.note("TRUSTED_PROXIES", "has something that is no network, such as 10.0.0.0/8"),
        }
    }
    networks
}
