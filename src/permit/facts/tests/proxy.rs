//! Facts through the PDP: when it is asked, what it is told, and what its answers mean. The PDP and the REST API are
//! two servers here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::*;
use crate::permit::{Cause, ProxyUse, scripted::nobody};

const PROBE: &str = "GET /v2/facts/p1/e1/users?per_page=1";
const PUT: &str = "PUT /v2/facts/p1/e1/users/auth0%7Cjohn%40x.io";

struct Permit {
    pdp: Server,
    api: Server,
}

impl Permit {
    /// A PDP that replies like this, and a REST API that does whatever it is asked.
    async fn start(reply: impl Fn(&Asked) -> Reply + Clone + Send + Sync + 'static) -> Self {
        let api =
            Server::start(|asked| if asked.line() == SCOPE { scope() } else { Reply::Json(201, json!({})) })
                .await;
        Self { pdp: Server::start(reply).await, api }
    }

    async fn answering(status: u16) -> Self {
        Self::start(move |_| Reply::Json(status, json!({}))).await
    }

    fn config(&self, facts_proxy: ProxyUse) -> Config {
        Config { pdp_url: self.pdp.config().pdp_url, facts_proxy, ..self.api.config() }
    }

    fn facts(&self, facts_proxy: ProxyUse) -> Facts {
        Facts::new(&self.config(facts_proxy)).unwrap()
    }

    /// What the REST API was asked beside the scope of the key.
    fn at_api(&self) -> Vec<String> {
        self.api.lines().into_iter().filter(|line| line != SCOPE).collect()
    }
}

fn seen<T>(what: T) -> Written<T> {
    Written { what, visibility: Visibility::Visible }
}

#[tokio::test]
async fn a_pdp_with_the_proxy_is_asked_once_and_then_written_through() {
    let permit = Permit::answering(200).await;
    let facts = permit.facts(ProxyUse::Auto);

    assert_eq!(facts.put_user(&profile()).await.unwrap(), seen(Put::Updated));
    assert_eq!(facts.create_tenant("t", "T").await.unwrap(), Visibility::Visible);
    assert_eq!(facts.assign("a", "viewer", "t").await.unwrap(), seen(Assigned::New));
    assert_eq!(facts.unassign("a", "viewer", "t").await.unwrap(), seen(Unassigned::Removed));

    assert_eq!(
        permit.pdp.lines(),
        [
            PROBE,
            PUT,
            "POST /v2/facts/p1/e1/tenants",
            "POST /v2/facts/p1/e1/role_assignments",
            "DELETE /v2/facts/p1/e1/role_assignments",
        ]
    );
    for asked in &permit.pdp.asked()[1..] {
        assert_eq!(
            (&asked.headers["x-wait-timeout"], &asked.headers["x-timeout-policy"]),
            (&"5".parse().unwrap(), &"fail".parse().unwrap())
        );
    }
    assert!(permit.at_api().is_empty());
}

#[tokio::test]
async fn what_the_proxy_does_not_wait_for_goes_to_the_rest_api() {
    let permit = Permit::answering(200).await;
    let facts = permit.facts(ProxyUse::On);

    facts.add_to_tenant("t", "a").await.unwrap();
    facts.remove_from_tenant("t", "a").await.unwrap();
    facts.delete_user("a").await.unwrap();

    assert!(permit.pdp.asked().is_empty());
    assert_eq!(permit.at_api().len(), 3);
}

#[tokio::test]
async fn a_pdp_without_the_proxy_is_not_asked_again() {
    for status in [404, 501] {
        let permit = Permit::answering(status).await;
        let facts = permit.facts(ProxyUse::Auto);

        for _ in 0..2 {
            assert_eq!(facts.put_user(&profile()).await.unwrap(), unwatched(Put::Created));
        }

        assert_eq!(permit.pdp.lines(), [PROBE], "{status}");
        assert_eq!(permit.at_api(), [PUT, PUT], "{status}");
        assert_eq!(facts.proxy_state().await.unwrap(), ProxyState::Absent);
    }
}

#[tokio::test]
async fn a_pdp_that_does_not_say_is_left_alone_for_a_while_even_by_many_at_once() {
    let permit = Permit::answering(503).await;
    let facts = permit.facts(ProxyUse::Auto);

    let (other, profile) = (facts.clone(), profile());
    let (one, two) = tokio::join!(facts.put_user(&profile), other.put_user(&profile));

    assert_eq!((one.unwrap(), two.unwrap()), (unwatched(Put::Created), unwatched(Put::Created)));
    assert_eq!(permit.pdp.lines(), [PROBE]);
    assert!(facts.proxy_state().await.is_err());
}

#[tokio::test]
async fn written_and_not_yet_visible_is_success_of_its_own_sort() {
    let permit =
        Permit::start(|asked| Reply::Json(if asked.method == "GET" { 200 } else { 424 }, json!({}))).await;
    let facts = permit.facts(ProxyUse::Auto);

    let not_yet = Visibility::NotYet;
    let put = facts.put_user(&profile()).await.unwrap();
    assert_eq!(put, Written { what: Put::CreatedOrUpdated, visibility: not_yet });
    assert_eq!(facts.create_tenant("t", "T").await.unwrap(), not_yet);
    let assigned = facts.assign("a", "viewer", "t").await.unwrap();
    assert_eq!(assigned, Written { what: Assigned::New, visibility: not_yet });
    let unassigned = facts.unassign("a", "viewer", "t").await.unwrap();
    assert_eq!(unassigned, Written { what: Unassigned::Removed, visibility: not_yet });
    assert!(permit.at_api().is_empty());
}

#[tokio::test]
async fn refusals_mean_the_same_through_the_proxy() {
    let conflicting = Permit::answering(409).await;
    let facts = conflicting.facts(ProxyUse::On);
    assert_eq!(facts.assign("a", "viewer", "t").await.unwrap(), unwatched(Assigned::Already));
    assert!(matches!(facts.put_user(&profile()).await, Err(PermitError::Conflict)));

    let absent = Permit::answering(404).await;
    let facts = absent.facts(ProxyUse::On);
    assert_eq!(facts.assign("a", "viewer", "t").await.unwrap(), unwatched(Assigned::NotFound));
    assert_eq!(facts.unassign("a", "viewer", "t").await.unwrap(), unwatched(Unassigned::Absent));

    let broken = Permit::answering(502).await;
    let error = broken.facts(ProxyUse::On).assign("a", "viewer", "t").await.unwrap_err();
    assert_eq!(error.cause(), Cause::BadAnswer);
    assert!(broken.at_api().is_empty(), "it may have been written");
}

#[tokio::test]
async fn a_pdp_that_went_away_does_not_stop_writes() {
    let permit = Permit::answering(200).await;
    let config = Config {
        pdp_url: format!("http://{}", nobody().await).parse().unwrap(),
        ..permit.config(ProxyUse::On)
    };

    let put = Facts::new(&config).unwrap().put_user(&profile()).await.unwrap();

    assert_eq!(put, unwatched(Put::Created));
    assert_eq!(permit.at_api(), [PUT]);
}

#[tokio::test]
async fn a_pdp_that_takes_the_write_and_falls_silent_is_late_and_the_write_is_not_repeated() {
    let hangs = Arc::new(AtomicBool::new(true));
    let permit = Permit::start({
        let hangs = hangs.clone();
        move |_| if hangs.load(Ordering::SeqCst) { Reply::Hang } else { Reply::Json(200, json!({})) }
    })
    .await;
    let short = Duration::from_millis(100);
    let config = Config { api_timeout: short, facts_wait: short, ..permit.config(ProxyUse::On) };
    let facts = Facts::new(&config).unwrap();

    let error = facts.put_user(&profile()).await.unwrap_err();

    assert!(matches!(error, PermitError::TimedOut { timeout } if timeout == short * 2));
    assert_eq!(permit.pdp.asked()[0].headers["x-wait-timeout"], "0.1");
    assert!(permit.at_api().is_empty());
    hangs.store(false, Ordering::SeqCst);
    assert_eq!(facts.put_user(&profile()).await.unwrap(), seen(Put::Updated));
}

#[tokio::test]
async fn switched_off_the_pdp_is_never_asked() {
    let permit = Permit::answering(200).await;
    let facts = permit.facts(ProxyUse::Off);

    facts.put_user(&profile()).await.unwrap();

    assert!(permit.pdp.asked().is_empty());
    assert_eq!(facts.proxy_state().await.unwrap(), ProxyState::Unused);
}
