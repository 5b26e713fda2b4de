use serde_json::json;

use super::*;

/// What Permit holds once our policy was applied to nothing.
fn applied() -> State {
    outcome(&ours(), &State::default(), Reach::Ours)
}

/// The policy without these words, lines or columns.
fn without(change: impl Fn(&str) -> Option<String>) -> Policy {
    let table: Vec<String> =
        DEFAULT.lines().filter(|line| !line.starts_with('#')).filter_map(change).collect();
    policy(&table.join("\n"))
}

fn without_rows(of: &str) -> Policy {
    without(|line| (!line.starts_with(of)).then(|| line.to_owned()))
}

/// Without the columns for owners and assignees.
fn without_relations() -> Policy {
    without(|line| Some(line.split_whitespace().take(4).collect::<Vec<_>>().join(" ")))
}

#[test]
fn an_empty_environment_gets_everything_in_the_order_in_which_it_stands() {
    let changes = lines(&plan(&ours(), &State::default(), Reach::Ours));

    let kinds: Vec<&str> = changes.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    let mut order = kinds.clone();
    order.dedup();
    assert_eq!(order, ["resource", "condition", "role", "rule"], "{changes:#?}");
    assert_eq!(changes[0], "+ resource audit: get");
    assert!(changes.contains(&"+ role viewer: task:check, task:get".to_owned()));
    assert!(changes.contains(&"+ rule task.assignee: task:read-notes".to_owned()));
    assert_eq!(changes.len(), 4 + 3 + 3 + 9);
}

#[test]
fn what_was_taken_away_by_hand_is_named_exactly() {
    let mut state = applied();
    state.roles.get_mut("manager").unwrap().permissions.remove("task:update");
    state.resources.get_mut("task").unwrap().attributes.get_mut("owner").unwrap().kind = "number".into();
    state.sets.get_mut("task_owner").unwrap().conditions = json!({});
    state.rules.retain(|rule| rule.permission != "task:delete");

    let found: Vec<String> = drift(&ours(), &state, Reach::Ours)
        .iter()
        .map(|difference| format!("{} {}", difference.change.drift().word(), difference.change.finding()))
        .collect();

    assert_eq!(
        found,
        [
            "different attribute task.owner is number and not string",
            "different condition set task_owner has other conditions",
            "missing role manager lost task:update",
            "missing rule task.owner lost task:delete",
        ]
    );
}

#[test]
fn what_people_add_is_theirs_until_somebody_asks() {
    let mut state = applied();
    state.roles.get_mut("manager").unwrap().permissions.insert("task:delete".into());
    state.roles.insert("auditor".into(), Role::default());
    state.resources.insert("invoice".into(), ResourceType::default());
    state.resources.get_mut("task").unwrap().actions.insert("archive".into(), Action::default());
    let rule = Rule {
        users: Side::All("viewer".into()),
        permission: "task:update".into(),
        resources: Side::Set("task_owner".into()),
    };
    state.rules.insert(rule);

    assert_eq!(plan(&ours(), &state, Reach::Ours), []);
    assert_eq!(
        lines(&plan(&ours(), &state, Reach::Everything)),
        [
            "- rule viewer on task_owner: task:update",
            "- role manager: task:delete",
            "- role auditor",
            "- action task:archive",
            "- resource invoice",
        ]
    );
}

#[test]
fn what_we_gave_is_taken_back_when_the_policy_drops_it() {
    let smaller = without_rows("task:assign");

    assert_eq!(
        lines(&plan(&smaller, &applied(), Reach::Ours)),
        [
            "- rule task.owner: task:assign",
            "- role admin: task:assign",
            "- role manager: task:assign",
            "- action task:assign",
        ]
    );
    assert_eq!(outcome(&smaller, &applied(), Reach::Ours), outcome(&smaller, &State::default(), Reach::Ours));
    assert_eq!(outcome(&without_relations(), &applied(), Reach::Ours).sets.len(), 0);
}

#[test]
fn nothing_of_ours_goes_on_which_people_have_built() {
    let mut state = applied();
    let auditor = Role { permissions: BTreeSet::from(["task:assign".into()]), ..Role::default() };
    state.roles.insert("auditor".into(), auditor);
    let after = outcome(&without_rows("task:assign"), &state, Reach::Ours);
    assert!(after.resources["task"].actions.contains_key("assign"));
    assert_eq!(after.roles["auditor"], state.roles["auditor"]);
    assert!(!after.roles["manager"].permissions.contains("task:assign"));

    // The role that a person gave something more keeps just that.
    let mut state = applied();
    state.roles.get_mut("viewer").unwrap().permissions.insert("user:get".into());
    let no_viewer = without(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let kept = words.iter().enumerate().filter(|(at, _)| *at != 3).map(|(_, word)| *word);
        Some(kept.collect::<Vec<_>>().join(" "))
    });
    let after = outcome(&no_viewer, &state, Reach::Ours);
    assert_eq!(after.roles["viewer"].permissions, BTreeSet::from(["user:get".to_owned()]));
}

#[test]
fn a_policy_that_was_set_up_by_hand_is_taken_over_where_it_lacks_something() {
    let mut state = applied();
    for role in state.roles.values_mut() {
        role.metadata.clear();
    }
    assert_eq!(plan(&ours(), &state, Reach::Ours), [], "equal is equal, whoever made it");
    state.roles.get_mut("viewer").unwrap().permissions.remove("task:check");

    let after = outcome(&ours(), &state, Reach::Ours);

    let without_check = without_rows("task:check");
    let later = lines(&plan(&without_check, &after, Reach::Ours));
    assert!(later.contains(&"- role viewer: task:check".to_owned()), "we gave it: {later:?}");
    assert!(!later.contains(&"- role admin: task:check".to_owned()), "somebody else did: {later:?}");
}

#[test]
fn a_permission_that_somebody_took_back_and_gives_anew_is_theirs() {
    let smaller = without_rows("task:assign");
    let mut state = applied();
    state.roles.get_mut("manager").unwrap().permissions.remove("task:assign");

    let changes = plan(&smaller, &state, Reach::Ours);
    let forgotten = "~ role manager: no longer counts task:assign as given by taskgate";
    assert!(lines(&changes).contains(&forgotten.to_owned()), "{changes:?}");
    assert!(
        drift(&smaller, &state, Reach::Ours)
            .iter()
            .all(|found| !matches!(found.change, Change::Forget { .. }))
    );

    state.resources.get_mut("task").unwrap().actions.get_mut("assign").unwrap().metadata.clear();
    let mut state = outcome(&smaller, &state, Reach::Ours);
    state.roles.get_mut("manager").unwrap().permissions.insert("task:assign".into());
    assert_eq!(plan(&smaller, &state, Reach::Ours), []);
}

#[test]
fn conditions_that_say_the_same_with_less_nesting_are_the_same() {
    let mut state = applied();
    state.sets.get_mut("everyone").unwrap().conditions = json!({"user.key": {"not-equals": ""}});
    assert_eq!(plan(&ours(), &state, Reach::Ours), []);
}

#[test]
fn a_set_of_something_else_is_replaced_with_its_rules() {
    let mut state = applied();
    state.sets.get_mut("task_owner").unwrap().resource = Some("user".into());

    let changes = lines(&plan(&ours(), &state, Reach::Ours));

    assert_eq!(changes[0], "~ condition set task_owner: another kind of set");
    assert_eq!(changes.len(), 1 + 6);
    assert_eq!(outcome(&ours(), &state, Reach::Ours), applied());
}

#[test]
fn programs_get_the_parts() {
    let mut state = applied();
    state.roles.get_mut("manager").unwrap().permissions.remove("task:update");

    assert_eq!(
        plan(&ours(), &state, Reach::Ours)[0].json(),
        json!({"change": "create", "kind": "role", "name": "manager", "permissions": ["task:update"]})
    );
}
