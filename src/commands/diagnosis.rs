//! What the first answer of Permit's REST API says about the settings, in the words of `doctor`, which other commands say
//! too when they cannot begin.

use std::fmt;

use reqwest::StatusCode;

use crate::permit::{Flaw, PermitError};

pub(super) const API: &str = "Permit's REST API";
pub(super) const KEY: &str = "Permit key";

/// What is wrong, and how to mend it.
#[derive(Debug)]
pub(super) struct Diagnosis {
    /// Whether it is the key; else nobody knows about the key.
    pub(super) is_key: bool,
    pub(super) what: String,
    pub(super) fix: &'static str,
}

/// Of a failed question for what the key opens.
pub(super) fn of_scope(error: &PermitError) -> Diagnosis {
    let key = |what: &str| Diagnosis {
        is_key: true,
        what: what.to_owned(),
        fix: "copy the key of an environment from Permit (Settings, API Keys) to PERMIT_API_KEY",
    };
    match error {
        PermitError::Rejected { status: StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN } => {
            key("not accepted")
        }
        PermitError::BadAnswer(Flaw::NotAnEnvironmentKey) => {
            key("opens a project or an organization, and no environment")
        }
        error => Diagnosis {
            is_key: false,
            what: error.to_string(),
            fix: "look at PERMIT_API_URL and at the network",
        },
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = if self.is_key { KEY } else { API };
        write!(f, "{subject}: {} - {}", self.what, self.fix)
    }
}

impl std::error::Error for Diagnosis {}
