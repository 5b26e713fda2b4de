//! The database.

use std::{borrow::Cow, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Args, Problems, positive};
use crate::store;

/// The database of a server that was told nothing else.
const DEFAULT: &str = "sqlite://taskgate.db?mode=rwc";

pub(super) fn store(args: &Args, problems: &mut Problems) -> Option<store::Config> {
    let given = &args.database;
    let url = given.database_url.as_ref().map_or(DEFAULT, SecretString::expose_secret);
    if let Err(problem) = check(url) {
        problems.note("DATABASE_URL", &problem);
        return None;
    }
    if given.database_max_connections == 0 {
        problems.note("DATABASE_MAX_CONNECTIONS", "must be at least 1");
    }
    if given.database_min_connections > given.database_max_connections {
        problems.note("DATABASE_MIN_CONNECTIONS", "must not be more than DATABASE_MAX_CONNECTIONS");
    }
    let mut millis = |setting: &str, millis: u64| {
        if i32::try_from(millis).is_err() {
            problems.note(setting, "must be less than 25 days, as PostgreSQL takes no more");
        }
        positive(setting, millis, problems)
    };
    Some(store::Config {
        url: url.to_owned().into(),
        min_connections: given.database_min_connections,
        max_connections: given.database_max_connections,
        acquire_timeout: millis("DATABASE_TIMEOUT_MS", given.database_timeout_ms),
        idle_timeout: millis("DATABASE_IDLE_TIMEOUT_MS", given.database_idle_timeout_ms),
        max_lifetime: millis("DATABASE_MAX_LIFETIME_MS", given.database_max_lifetime_ms),
        statement_timeout: millis("DATABASE_STATEMENT_TIMEOUT_MS", given.database_statement_timeout_ms),
        lock_timeout: millis("DATABASE_LOCK_TIMEOUT_MS", given.database_lock_timeout_ms),
        idle_transaction_timeout: millis(
            "DATABASE_IDLE_TRANSACTION_TIMEOUT_MS",
            given.database_idle_transaction_timeout_ms,
        ),
        deleted_task_retention: Duration::from_millis(given.deleted_task_retention_ms),
    })
}

fn check(text: &str) -> Result<(), Cow<'static, str>> {
    // Names of files need not be what a URL allows.
    if text.starts_with("sqlite:") {
        return Ok(());
    }
    if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Err("starts with neither sqlite: nor postgres://".into());
    }
    if let Some(key) = Url::parse(text).ok().and_then(|url| store::unknown_parameter(&url)) {
        return Err(format!("has `{key}`, which the driver of PostgreSQL does not know: leave it out").into());
    }
    match store::is_protected(text) {
        Some(true) => Ok(()),
        Some(false) => Err(
            "needs sslmode=verify-full (or verify-ca, or require), as its host (or PGHOST) is not loopback"
                .into(),
        ),
        None => Err("is not a URL that the driver of PostgreSQL reads".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_leaves_this_machine_is_encrypted() {
        for fine in [
            "sqlite://any.db",
            "postgres://u:p@127.0.0.1/db",
            "postgres://u@[::1]:5433/db",
            "postgres://u@localhost/db?sslmode=disable",
            "postgres:///db?host=/var/run/postgresql",
            "postgres://%2Fvar%2Frun/db",
            "postgres://u@db.example/db?host=/var/run",
            "postgres://u@db.example/db?hostaddr=127.0.0.1",
            "postgres://u@db.example/db?sslmode=disable&ssl-mode=Require",
            "postgres://u@db.example/db?sslmode=verify-full&sslrootcert=ca.pem",
            "postgresql://u@db.example/db?sslmode=require",
        ] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        for refused in [
            "postgres://u@db.example/db",
            "postgres://u@db.example/db?sslmode=prefer",
            "postgres://u@db.example/db?sslmode=require&sslmode=disable",
            "postgres://u@db.example/db?sslmode=require&ssl-mode=prefer",
            "postgres://u@localhost/db?host=db.example",
            "postgres://u@localhost/db?host=",
            "postgres://u@localhost/db?host=%252Fvar",
            "postgres://u@127.0.0.1/db?hostaddr=10.0.0.1",
            "postgres://u@localhost.db.example/db",
            "postgres://u@10.0.0.1/db?sslmode=allow",
        ] {
            assert!(
                check(refused).is_err_and(|problem| problem.contains("sslmode=verify-full")),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_parameter_that_would_have_no_effect_is_refused() {
        for (refused, key) in [
            ("channel_binding=require", "channel_binding"),
            ("sslmode=require&sslpassword=secret", "sslpassword"),
            ("SSLMODE=require", "SSLMODE"),
            ("options[search_path=x", "options[search_path"),
        ] {
            let told = check(&format!("postgres://u@localhost/db?{refused}")).unwrap_err();
            assert!(told.contains(&format!("`{key}`")) && !told.contains("secret"), "{told}");
        }
        for fine in ["application_name=x&user=u&dbname=d&port=1", "options[search_path]=x", "ssl-mode=prefer"]
        {
            assert_eq!(check(&format!("postgres://u@localhost/db?{fine}")), Ok(()), "{fine}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_database_is_refused() {
        for refused in [
            "mysql://u@localhost/db",
            "taskgate.db",
            "postgres://[/db",
            "postgres://u@localhost:port/db",
            "postgres://u@localhost/db?sslmode=always",
            "postgres://u@localhost/db?hostaddr=localhost",
        ] {
            assert!(check(refused).is_err(), "{refused}");
        }
    }
}
