use serde_json::json;

use super::{
    super::replay::{Holders, Log, Replay},
    *,
};

/// Decides one logged decision again, under our policy and a state that differs.
fn replayed(permission: &str, key: Option<&str>, allowed: bool, change: impl FnOnce(&mut State)) -> Replay {
    let (resource, action) = permission.split_once(':').unwrap();
    let line = json!({"tenant": "t", "subject": "ann", "resource": resource, "action": action, "key": key,
        "allowed": allowed});
    let mut log = Log::default();
    log.add(&line.to_string()).unwrap();
    let today = outcome(&ours(), &State::default(), Reach::Ours);
    let mut proposed = today.clone();
    change(&mut proposed);
    let roles = BTreeSet::from(["viewer".to_owned()]);
    let holders = Holders::from([("t".into(), [("ann".into(), roles)].into())]);
    log.replay(&ours(), &holders, &today, &proposed)
}

fn flips(replay: &Replay) -> bool {
    assert_eq!(replay.total, 1);
    assert_eq!(replay.unchanged + replay.flips.len() as u64 + replay.undecidable.len() as u64, 1);
    !replay.flips.is_empty()
}

#[test]
fn a_role_has_what_it_extends() {
    let gains = |state: &mut State| {
        state.roles.get_mut("viewer").unwrap().extends.insert("manager".into());
        // A circle is no more than what is in it.
        state.roles.get_mut("manager").unwrap().extends.insert("viewer".into());
    };
    assert!(flips(&replayed("task:create", None, false, gains)));
    assert!(!flips(&replayed("task:create", None, false, |_| {})));
    assert_eq!(replayed("user:delete", None, false, gains).unchanged, 1);
}

#[test]
fn a_decision_on_an_object_is_settled_only_when_no_rule_has_its_say() {
    let undecidable = |replay: Replay| replay.undecidable.len() == 1;
    assert!(undecidable(replayed("task:update", Some("1"), true, |_| {})));
    assert!(undecidable(replayed("task:update", Some("1"), false, |_| {})));
    assert!(undecidable(replayed("task:get", Some("1"), true, |_| {})), "nobody knows what the object said");
    assert!(flips(&replayed("task:get", Some("1"), false, |_| {})), "the role is enough");
    assert!(flips(&replayed("task:update", Some("1"), true, |state| state.rules.clear())));
    assert_eq!(replayed("user:delete", Some("1"), false, |_| {}).unchanged, 1);
}

#[test]
fn a_rule_of_people_may_allow_what_no_role_does() {
    let of_people = |state: &mut State| {
        let (users, resources) = (Side::Set("adults".into()), Side::All("task".into()));
        state.rules.insert(Rule { users, permission: "task:create".into(), resources });
    };
    assert_eq!(replayed("task:create", None, true, of_people).undecidable.len(), 1);
}

#[test]
fn somebody_without_roles_is_denied() {
    let mut log = Log::default();
    log.add(r#"{"tenant":"t","subject":"x","resource":"task","action":"get","allowed":true,"more":[1]}"#)
        .unwrap();
    let today = outcome(&ours(), &State::default(), Reach::Ours);
    let replay = log.replay(&ours(), &Holders::new(), &today, &today);
    assert!(flips(&replay) && replay.flips[0].already);
}
