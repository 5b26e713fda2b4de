use proptest::{collection::btree_set, prelude::*, sample::select};
use serde_json::json;

use super::{
    super::{desired::EVERYONE, effect, mark},
    *,
};

const RESOURCES: [&str; 3] = ["doc", "bin", "user"];
const ACTIONS: [&str; 3] = ["get", "put", "shred"];
const ROLES: [&str; 3] = ["admin", "clerk", "guest"];
const ATTRIBUTES: [&str; 2] = ["owner", "friend"];

fn permissions() -> impl Strategy<Value = BTreeSet<String>> {
    let one = (select(&RESOURCES[..]), select(&ACTIONS[..])).prop_map(|(r, a)| format!("{r}:{a}"));
    btree_set(one, 0..6)
}

/// A table of some rows and columns, written and read.
fn policies() -> impl Strategy<Value = Policy> {
    let rows = btree_set((select(&RESOURCES[..]), select(&ACTIONS[..])), 1..7);
    let roles = btree_set(select(&ROLES[..]), 0..4);
    let relations = btree_set((select(&RESOURCES[..]), select(&ATTRIBUTES[..])), 0..4);
    (rows, roles, relations, proptest::collection::vec(any::<bool>(), 64)).prop_map(
        |(rows, roles, relations, cells)| {
            let relations: Vec<_> = relations
                .into_iter()
                .filter(|(on, _)| rows.iter().any(|(resource, _)| resource == on))
                .collect();
            let columns = roles.iter().map(ToString::to_string);
            let columns = columns
                .chain(relations.iter().map(|(resource, attribute)| format!("{resource}.{attribute}")));
            let mut text = format!("permission {}\n", columns.collect::<Vec<_>>().join(" "));
            let mut cells = cells.into_iter().cycle();
            for (resource, action) in &rows {
                text.push_str(resource);
                text.push(':');
                text.push_str(action);
                for _ in &roles {
                    text += if cells.next().unwrap() { " x" } else { " -" };
                }
                for (on, _) in &relations {
                    text += if cells.next().unwrap() && on == resource { " x" } else { " -" };
                }
                text += "\n";
            }
            policy(&text)
        },
    )
}

fn role() -> impl Strategy<Value = Role> {
    (permissions(), permissions(), btree_set(select(&ROLES[..]), 0..2), any::<bool>()).prop_map(
        |(permissions, given, extends, ours)| {
            let metadata =
                if ours { mark::ours() } else { json!({"colour": "red"}).as_object().unwrap().clone() };
            let extends = extends.into_iter().map(str::to_owned).collect();
            let mut role = Role { permissions, extends, metadata };
            mark::remember(&mut role, &given);
            role
        },
    )
}

fn resource() -> impl Strategy<Value = ResourceType> {
    let actions = proptest::collection::btree_map(select(&ACTIONS[..]), any::<bool>(), 0..4);
    let attributes = proptest::collection::btree_map(select(&ATTRIBUTES[..]), any::<(bool, bool)>(), 0..3);
    (actions, attributes, any::<bool>()).prop_map(|(actions, attributes, ours)| {
        let metadata = |ours: bool| if ours { mark::ours() } else { Metadata::default() };
        let attribute = |(text, ours): (bool, bool)| Attribute {
            kind: if text { "string" } else { "number" }.to_owned(),
            description: ours.then(|| mark::described("x")),
        };
        ResourceType {
            actions: actions
                .into_iter()
                .map(|(key, ours)| (key.to_owned(), Action { metadata: metadata(ours) }))
                .collect(),
            attributes: attributes
                .into_iter()
                .map(|(key, flags)| (key.to_owned(), attribute(flags)))
                .collect(),
            metadata: metadata(ours),
        }
    })
}

fn set() -> impl Strategy<Value = ConditionSet> {
    let conditions = prop_oneof![
        Just(json!({"user.key": {"not-equals": ""}})),
        select(&ATTRIBUTES[..]).prop_map(
            |name| json!({"allOf": [{format!("resource.{name}"): {"equals": {"ref": "user.key"}}}]})
        ),
        Just(json!({})),
    ];
    (proptest::option::of(select(&RESOURCES[..])), conditions, any::<bool>()).prop_map(
        |(resource, conditions, ours)| ConditionSet {
            resource: resource.map(str::to_owned),
            conditions,
            description: ours.then(|| mark::described("x")),
        },
    )
}

fn side(of: &'static [&'static str]) -> impl Strategy<Value = Side> {
    let sets = select(vec![EVERYONE, "doc_owner", "doc_friend", "bin_owner", "own"]);
    prop_oneof![
        4 => sets.prop_map(|key| Side::Set(key.to_owned())),
        1 => select(of).prop_map(|key| Side::All(key.to_owned())),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let permission = (select(&RESOURCES[..]), select(&ACTIONS[..])).prop_map(|(r, a)| format!("{r}:{a}"));
    (side(&ROLES), permission, side(&RESOURCES)).prop_map(|(users, permission, resources)| Rule {
        users,
        permission,
        resources,
    })
}

/// What Permit may hold: whatever refers to something refers to something that is there.
fn states() -> impl Strategy<Value = State> {
    let sets = select(vec![EVERYONE, "doc_owner", "doc_friend", "bin_owner", "own"]);
    (
        proptest::collection::btree_map(select(&RESOURCES[..]).prop_map(str::to_owned), resource(), 0..4),
        proptest::collection::btree_map(select(&ROLES[..]).prop_map(str::to_owned), role(), 0..4),
        proptest::collection::btree_map(sets.prop_map(str::to_owned), set(), 0..5),
        btree_set(rule(), 0..6),
    )
        .prop_map(|(resources, roles, sets, rules)| sound(State { resources, roles, sets, rules }))
}

fn sound(mut state: State) -> State {
    let there = state.resources.clone();
    let exists = |permission: &String| {
        let (resource, action) = permission.split_once(':').unwrap();
        there.get(resource).is_some_and(|resource| resource.actions.contains_key(action))
    };
    let names: BTreeSet<String> = state.roles.keys().cloned().collect();
    for (key, role) in &mut state.roles {
        role.permissions.retain(exists);
        role.extends.retain(|other| names.contains(other) && other != key);
    }
    state.sets.retain(|_, set| set.resource.as_ref().is_none_or(|key| there.contains_key(key)));
    let State { roles, sets, rules, .. } = &mut state;
    rules.retain(|rule| {
        let users = match &rule.users {
            Side::Set(key) => sets.get(key).is_some_and(|set| set.resource.is_none()),
            Side::All(key) => roles.contains_key(key),
        };
        let resources = match &rule.resources {
            Side::Set(key) => sets.get(key).is_some_and(|set| set.resource.is_some()),
            Side::All(key) => there.contains_key(key),
        };
        users && resources && exists(&rule.permission)
    });
    state
}

/// Carries out the first part of a change that takes two writes.
fn begin(state: &mut State, change: &Change) {
    match change {
        Change::Grant { role, permissions } => {
            mark::remember(state.roles.get_mut(role).unwrap(), permissions);
        }
        Change::Revoke { role, permissions } => {
            state.roles.get_mut(role).unwrap().permissions.retain(|held| !permissions.contains(held));
        }
        Change::ReplaceSet { key, .. } => effect::carry_out(state, &Change::DeleteSet { key: key.clone() }),
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_plan_that_is_carried_out_leaves_nothing_to_plan(policy in policies(), state in states()) {
        let after = outcome(&policy, &state, Reach::Ours);
        prop_assert_eq!(plan(&policy, &after, Reach::Ours), vec![]);
        prop_assert_eq!(sound(after.clone()), after, "whatever refers to something refers to something");
    }

    #[test]
    fn with_everything_in_reach_permit_says_what_the_policy_says(policy in policies(), state in states()) {
        let after = outcome(&policy, &state, Reach::Everything);
        prop_assert_eq!(differences(&policy, &after), vec![]);
        let desired = policy.desired();
        prop_assert_eq!(&after.rules, &desired.rules);
        prop_assert_eq!(after.resources.keys().collect::<Vec<_>>(), desired.resources.keys().collect::<Vec<_>>());
        for (key, role) in &desired.roles {
            prop_assert_eq!(&after.roles[key].permissions, &role.permissions);
        }
    }

    #[test]
    fn a_plan_that_is_interrupted_ends_like_one_that_is_not(
        policy in policies(), state in states(), at in any::<proptest::sample::Index>(), halfway: bool,
    ) {
        let changes = plan(&policy, &state, Reach::Ours);
        let mut halted = state.clone();
        let stop = at.index(changes.len() + 1);
        for change in &changes[..stop] {
            effect::carry_out(&mut halted, change);
        }
        if let Some(change) = changes.get(stop).filter(|_| halfway) {
            begin(&mut halted, change);
        }
        prop_assert_eq!(outcome(&policy, &halted, Reach::Ours), outcome(&policy, &state, Reach::Ours));
    }

    #[test]
    fn what_people_made_stays(policy in policies(), state in states()) {
        let after = outcome(&policy, &state, Reach::Ours);
        for (key, role) in &state.roles {
            let given = mark::granted(role);
            let theirs = role.permissions.iter().filter(|permission| !given.contains(*permission));
            for permission in theirs {
                prop_assert!(after.roles[key].permissions.contains(permission), "{key} lost {permission}");
            }
            prop_assert!(mark::is_ours(&role.metadata) || after.roles.contains_key(key), "{key} is gone");
            if let Some(colour) = role.metadata.get("colour") {
                prop_assert_eq!(after.roles[key].metadata.get("colour"), Some(colour));
            }
        }
        for (key, resource) in &state.resources {
            prop_assert!(mark::is_ours(&resource.metadata) || after.resources.contains_key(key), "{key} is gone");
        }
    }

    #[test]
    fn the_same_is_planned_every_time(policy in policies(), state in states()) {
        prop_assert_eq!(
            plan(&policy, &state, Reach::Everything),
            plan(&policy.clone(), &state.clone(), Reach::Everything)
        );
    }
}
