use serde_json::json;

use super::*;
use crate::graphql::types;

fn cost_of(document: &str, variables: serde_json::Value, object_rules: bool) -> Cost {
    let registry = types();
    let rules = Rules::read(&registry).unwrap();
    let mut request = Request::new(document).variables(Variables::from_json(variables));
    of(&registry, &rules, object_rules, &mut request).0
}

fn points(document: &str) -> (u64, u64) {
    let cost = cost_of(document, json!({}), false);
    (cost.points, cost.checks)
}

#[test]
fn an_operation_costs_what_it_may_return_and_ask() {
    for (document, expected) in [
        ("{ __typename }", (1, 0)),
        ("{ apiInfo { name } }", (2, 0)),
        ("{ viewer { subject } }", (2, 0)),
        // The connection, its page, one question for all of it, and one if it is refused.
        ("{ tasks { nodes { id } } }", (1 + 1 + 20 + 2, 2)),
        ("{ tasks(first: 50) { nodes { id } } }", (1 + 1 + 50 + 2, 2)),
        // A page of a front end; its notes count as a quarter of a point each.
        ("{ tasks(first: 20) { nodes { id title notes completedAt version } } }", (1 + 1 + 20 + 3 + 5, 3)),
        ("{ tasks(last: 7) { edges { node { id } } } }", (1 + 1 + 7 + 7 + 2, 2)),
        ("{ tasks(first: 1000000) { nodes { id } } }", (1 + 1 + 100 + 2 + 1, 2)),
        // A page of pages, and a hundred hundreds of leaves.
        ("{ tasks(first: 100) { nodes { history(first: 100) { nodes { id } } } } }", (10_205 + 100, 3)),
        // Who owns it is asked once, and each row has an owner.
        (
            "{ tasks(first: 10) { nodes { notes owner { roles { role } } } } }",
            (1 + 1 + 10 + 10 + 50 + 4 + 3, 4),
        ),
        ("{ viewer { permissions } }", (16, 14)),
        ("mutation { login { ready } }", (1 + 10 + 1, 0)),
        ("{ permissionRequirements(document: \"{ __typename }\") { coordinate } }", (1 + 5 + 25, 0)),
    ] {
        assert_eq!(points(document), expected, "{document}");
    }
}

#[test]
fn an_object_is_asked_about_only_with_object_rules() {
    let document = "{ tasks(first: 50) { nodes { viewerPermissions { canUpdate { allowed } } } } }";
    assert_eq!(cost_of(document, json!({}), false).checks, 3);
    assert_eq!(cost_of(document, json!({}), true).checks, 3 + 52 + 50);
    let change = "mutation { deleteTask(input: {id: \"x\"}) { deletedTaskId } }";
    assert_eq!(cost_of(change, json!({}), false).checks, 3, "may it be read, and deleted");
    assert_eq!(cost_of(change, json!({}), true).checks, 5);
}

#[test]
fn whatever_is_supplied_and_needs_a_permission_is_counted() {
    let checks = |document: &str| points(document).1;
    let create = |more: &str| format!("createTask(input: {{title: \"a\"{more}}}) {{ task {{ id }} }}");
    // To create, to read, to assign, and to be told who may.
    assert_eq!(checks(&format!("mutation {{ {} }}", create(""))), 3);
    let assigned = create(", assigneeId: \"x\"");
    assert_eq!(checks(&format!("mutation {{ {assigned} }}")), 4);
    assert_eq!(checks(&format!("mutation {{ a: {assigned} b: {assigned} }}")), 7, "each is decided afresh");
    assert_eq!(checks("{ tasks(filter: {ownerId: \"x\"}) { nodes { id } } }"), 3);
    let explain = |more: &str| {
        format!("{{ explain(document: \"{{ a }}\"{more}) {{ fields {{ result {{ allowed }} }} }} }}")
    };
    assert_eq!(checks(&explain("")), 14);
    assert_eq!(checks(&explain(", asUser: \"x\"")), 15);
}

#[test]
fn variables_count_as_they_will_be_used() {
    let page = "query($n: Int = 100) { tasks(first: $n) { nodes { id } } }";
    assert_eq!(cost_of(page, json!({}), false).points, 105);
    assert_eq!(cost_of(page, json!({"n": 2}), false).points, 6);
    let checks = "query($c: [PermissionCheckInput!]!) { permissions(checks: $c) { allowed } }";
    let pair = json!({"resource": "task", "action": "get"});
    assert_eq!(cost_of(checks, json!({"c": vec![pair; 200]}), false).checks, 202);
    let ids = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    assert_eq!(cost_of(ids, json!({"ids": vec!["x"; 40]}), false).points, 44);
    let skipped = "query($no: Boolean!) { tasks @skip(if: $no) { nodes { id } } apiInfo { name } }";
    assert_eq!(cost_of(skipped, json!({"no": true}), false).points, 2);
}

#[test]
fn every_alias_and_every_spread_is_paid() {
    let twice =
        "{ a: tasks { ...rows } b: tasks { ...rows } } fragment rows on TaskConnection { nodes { id } }";
    assert_eq!(points(twice), (1 + 21 + 21 + 2, 2));
}

#[test]
fn leaves_are_paid_for_each_row_however_they_are_repeated() {
    let page = |leaves: &str| points(&format!("{{ tasks(first: 100) {{ nodes {{ {leaves} }} }} }}")).0;
    let aliases: Vec<String> = (0..50).map(|n| format!("a{n}: notes")).collect();
    assert_eq!(page("notes"), 105 + 25);
    assert_eq!(page(&aliases.join(" ")), 105 + 50 * 25);
    assert_eq!(page(&"notes ".repeat(50)), 105 + 50 * 25);
    assert_eq!(page(&"id ".repeat(50)), 104 + 50);
    assert_eq!(page(&"__typename ".repeat(50)), 104 + 50);
    let long: Vec<String> = (0..50).map(|n| format!("{}{n:02}: __typename", "a".repeat(190))).collect();
    assert_eq!(page(&long.join(" ")), 104 + 50 * 7, "192 bytes before each");
    let (flat, _) =
        points(&format!("{{ __schema {{ types {{ fields {{ {} }} }} }} }}", "description ".repeat(900)));
    assert!(flat > 800, "{flat}");
}

/// graphql-js, and so GraphiQL and Apollo Sandbox, ask for nine levels of `ofType`, others for fewer.
fn introspection(levels: usize) -> String {
    let of_type = "ofType { kind name ".repeat(levels) + &"}".repeat(levels);
    format!(
        "{{ __schema {{ description queryType {{ name }} mutationType {{ name }} subscriptionType {{ name }}
        types {{ ...T }} directives {{ name description isRepeatable locations args(includeDeprecated: true) {{ ...V }} }} }} }}
        fragment T on __Type {{ kind name description specifiedByURL isOneOf
        fields(includeDeprecated: true) {{ name description args(includeDeprecated: true) {{ ...V }} type {{ ...R }}
        isDeprecated deprecationReason }} inputFields(includeDeprecated: true) {{ ...V }} interfaces {{ ...R }}
        enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
        possibleTypes {{ ...R }} }}
        fragment V on __InputValue {{ name description type {{ ...R }} defaultValue isDeprecated deprecationReason }}
        fragment R on __Type {{ kind name {of_type} }}"
    )
}

#[test]
fn an_introspection_query_is_cheap_and_one_that_goes_round_in_circles_is_not() {
    for levels in [3, 7, 9, 12] {
        let (points, checks) = points(&introspection(levels));
        assert!((200..2_500).contains(&points), "{levels}: {points}");
        assert_eq!(checks, 0);
    }
    let circles = "fields { type { ".repeat(6) + "name" + &" } }".repeat(6);
    let (points, _) = points(&format!("{{ __schema {{ types {{ {circles} }} }} }}"));
    assert!(points > 1_000_000, "{points}");
}
