//! The database: reachable, and of this version.

use super::Report;
use crate::store::{self, Config, Inspection, StoreError};

const DATABASE: &str = "database";

pub(super) async fn examine(config: &Config, report: &mut Report) {
    let fix = "start the server, which does it, or run `taskgate migrate`";
    match store::inspect(config).await {
        Ok(Inspection::Current) => report.ok(DATABASE, "reachable, and its schema is up to date"),
        Ok(Inspection::Absent) => report.warn(DATABASE, "the file is not there yet", fix),
        Ok(Inspection::Pending(count)) => {
            report.warn(DATABASE, format!("reachable, but {count} migrations are to be applied"), fix);
        }
        Err(StoreError::Migration(_)) => report.fail(
            DATABASE,
            "its schema is not one that this version knows",
            "use the version of taskgate that migrated it, or a newer one",
        ),
        // Its own words may repeat the URL, and that holds a password.
        Err(error) => report.fail(
            DATABASE,
            error.to_string(),
            "look at DATABASE_URL: address, name, user, password, and whether the file may be read",
        ),
    }
}
