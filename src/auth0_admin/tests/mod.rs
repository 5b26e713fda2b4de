//! The client against a scripted tenant: removals, and the token they are made with.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use futures_util::future::join_all;
use serde_json::json;

use super::*;

mod outages;
mod scripted;

use scripted::{Reply, TOKEN, Tenant, token};

/// A token with another name each time, and removals that are told by the token's number.
async fn numbering(script: impl Fn(usize) -> Reply + Clone + Send + Sync + 'static) -> Tenant {
    let given = Arc::new(AtomicUsize::new(0));
    Tenant::start(move |asked| match asked.authorization.strip_prefix("Bearer t") {
        None => token(&format!("t{}", given.fetch_add(1, SeqCst) + 1)),
        Some(number) => script(number.parse().unwrap()),
    })
    .await
}

#[tokio::test]
async fn an_account_is_removed_with_a_token_for_the_management_api() {
    let tenant = Tenant::answering(Reply::Status(204)).await;

    tenant.admin().delete_user("auth0|a b/c").await.unwrap();

    let [fetch, removal] = tenant.asked().try_into().unwrap();
    assert_eq!(fetch.line, TOKEN);
    let audience = format!("{}api/v2/", tenant.config().issuer).replace(':', "%3A").replace('/', "%2F");
    let form = "grant_type=client_credentials&client_id=client-1&client_secret=hush&audience=";
    assert_eq!(fetch.body, format!("{form}{audience}"));
    assert_eq!(removal.line, "DELETE /api/v2/users/auth0%7Ca%20b%2Fc");
    assert_eq!((removal.authorization.as_str(), removal.body.as_str()), ("Bearer t1", ""));
}

#[tokio::test]
async fn behind_a_custom_domain_the_audience_is_the_tenants_own() {
    let tenant = Tenant::answering(Reply::Status(204)).await;
    let config = Config { audience: "own.example/api/v2/".into(), ..tenant.config() };

    Admin::new(&config).unwrap().delete_user("auth0|a").await.unwrap();

    assert!(tenant.asked()[0].body.ends_with("&audience=own.example%2Fapi%2Fv2%2F"));
}

#[tokio::test]
async fn removing_nobody_is_success() {
    for status in [204, 404] {
        let tenant = Tenant::answering(Reply::Status(status)).await;
        tenant.admin().delete_user("auth0|nobody").await.unwrap();
    }
}

#[tokio::test]
async fn an_id_that_walks_up_the_path_is_never_sent() {
    let tenant = Tenant::answering(Reply::Status(204)).await;

    for subject in ["", ".", ".."] {
        tenant.admin().delete_user(subject).await.unwrap();
    }

    assert!(tenant.lines().is_empty());
}

#[tokio::test]
async fn many_removals_at_once_share_one_token() {
    let tenant = Tenant::answering(Reply::Status(204)).await;
    let admin = tenant.admin();

    let removals = join_all((0..50).map(|n| {
        let admin = admin.clone();
        async move { admin.delete_user(&format!("auth0|{n}")).await }
    }));

    assert!(removals.await.iter().all(Result::is_ok));
    assert_eq!((tenant.count(TOKEN), tenant.count("DELETE")), (1, 50));
}

#[tokio::test]
async fn a_token_is_kept_until_a_minute_before_its_end() {
    let lifetimes = [(Some(61), 1), (Some(60), 2), (Some(0), 2), (Some(u64::MAX), 1), (None, 2)];
    for (expires_in, fetches) in lifetimes {
        let tenant = Tenant::start(move |asked| match (asked.line == TOKEN, expires_in) {
            (false, _) => Reply::Status(204),
            (true, None) => Reply::Json(json!({"access_token": "t1"})),
            (true, Some(seconds)) => Reply::Json(json!({"access_token": "t1", "expires_in": seconds})),
        })
        .await;
        let admin = tenant.admin();

        admin.delete_user("auth0|a").await.unwrap();
        admin.delete_user("auth0|b").await.unwrap();

        assert_eq!(tenant.count(TOKEN), fetches, "{expires_in:?}");
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_for_everybody() {
    let tenant = numbering(|number| Reply::Status(if number == 1 { 401 } else { 204 })).await;
    let admin = tenant.admin();

    let removals = join_all((0..20).map(|_| admin.delete_user("auth0|a")));

    assert!(removals.await.iter().all(Result::is_ok));
    assert_eq!((tenant.count(TOKEN), tenant.count("DELETE")), (2, 40));
    admin.delete_user("auth0|a").await.unwrap();
    assert_eq!(tenant.count(TOKEN), 2, "the new one is kept");
}

#[tokio::test]
async fn an_api_that_refuses_every_token_is_asked_twice_and_no_more() {
    let tenant = numbering(|_| Reply::Status(401)).await;

    let error = tenant.admin().delete_user("auth0|a").await.unwrap_err();

    assert!(matches!(error, AdminError::Unauthorized(Denied::Token)));
    assert_eq!((tenant.count(TOKEN), tenant.count("DELETE")), (2, 2));
}

#[tokio::test]
async fn whoever_waits_for_a_token_learns_of_the_same_failure() {
    let tenant = Tenant::start(|_| Reply::Status(503)).await;
    let admin = tenant.admin();

    let errors = join_all((0..20).map(|_| admin.delete_user("auth0|a"))).await;

    assert!(errors.into_iter().all(|result| result.unwrap_err().cause() == "BAD_ANSWER"));
    assert_eq!(tenant.count(TOKEN), 1);
    admin.delete_user("auth0|a").await.unwrap_err();
    assert_eq!(tenant.count(TOKEN), 2, "and the next caller tries again");
}

#[tokio::test]
async fn a_caller_who_gives_up_takes_nobody_along() {
    let tenant = Tenant::answering(Reply::Status(204)).await;
    let admin = tenant.admin();
    let mut impatient = Box::pin(admin.delete_user("auth0|a"));
    let patient = admin.delete_user("auth0|b");

    // Polled once: the fetch is under way, and belongs to somebody who leaves.
    assert!(futures_util::poll!(&mut impatient).is_pending());
    drop(impatient);

    patient.await.unwrap();
    assert_eq!(tenant.count("DELETE"), 1);
}
