//! How many requests the PDP gets, counted by the sandbox itself.

use serde_json::json;

use crate::support::World;

async fn pdp_calls(world: &World) -> u64 {
    world.count(&world.sandbox.pdp.url(), "POST /allowed").await
}

#[tokio::test]
async fn five_guarded_root_fields_are_one_call() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let before = pdp_calls(&world).await;

    let answer = admin
        .asks(
            "{ a: tasks { totalCount } b: users { totalCount } c: tasks { totalCount }
                 d: users { totalCount } e: tasks { totalCount } }",
        )
        .await;

    assert_eq!(answer.codes(), [""; 0]);
    assert_eq!(answer.remote_calls(), 1);
    assert_eq!(pdp_calls(&world).await - before, 1);
}

#[tokio::test]
async fn fifty_rows_with_their_people_and_two_permissions_each_are_one_call() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    for n in 0..50 {
        manager.creates_task(&format!("Task {n}")).await;
    }
    let before = pdp_calls(&world).await;

    let answer = manager
        .asks(
            "{ tasks(first: 50) { nodes { id notes owner { name roles { role } }
                 viewerPermissions { canUpdate { allowed } canDelete { allowed } } } } }",
        )
        .await;

    assert_eq!(answer.body["data"]["tasks"]["nodes"].as_array().unwrap().len(), 50);
    assert_eq!(answer.codes(), [""; 0]);
    assert_eq!(answer.remote_calls(), 1);
    assert_eq!(pdp_calls(&world).await - before, 1);
}

#[tokio::test]
async fn every_permission_that_fields_of_a_page_need_is_foreseen() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    admin.creates_task("Task").await;
    let fields = [
        "nodes { notes }",
        "nodes { owner { name } }",
        "nodes { assignee { name } }",
        "nodes { history { nodes { kind } } }",
        "edges { node { ... on Node { id } ... on Task { notes } } }",
        "nodes { viewerPermissions { canUpdate { allowed } } }",
        "nodes { viewerPermissions { canCheck { allowed } } }",
        "nodes { viewerPermissions { canAssign { allowed } } }",
        "nodes { viewerPermissions { canDelete { allowed } } }",
        "viewerCanCreate { allowed }",
    ];
    for field in fields {
        let answer = admin.asks(&format!("{{ tasks {{ {field} }} }}")).await;
        assert_eq!(answer.codes(), [""; 0], "{field}");
        assert_eq!(answer.remote_calls(), 1, "{field}");
    }
    let skipped = "query($no: Boolean = false) { tasks { nodes { id notes @include(if: $no) } } }";
    assert_eq!(admin.asks(skipped).await.body["extensions"]["authz"]["distinctChecks"], 1);
}

#[tokio::test]
async fn what_a_mutation_answers_with_is_asked_after_it_was_done() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;

    let create =
        "createTask(input: {title: \"t\"}) { task { notes viewerPermissions { canUpdate { allowed } } } }";
    let answer = manager.asks(&format!("mutation {{ {create} }}")).await;

    assert_eq!(answer.codes(), [""; 0]);
    assert_eq!(answer.remote_calls(), 2);
}

#[tokio::test]
async fn three_mutations_are_three_fresh_calls() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let before = pdp_calls(&world).await;

    let create = "createTask(input: {title: \"t\"}) { userErrors { code } }";
    let answer = manager.asks(&format!("mutation {{ a: {create} b: {create} c: {create} }}")).await;

    assert_eq!(answer.codes(), [""; 0]);
    assert_eq!(pdp_calls(&world).await - before, 3);
}

#[tokio::test]
async fn what_a_mutation_grants_holds_for_the_next_field_of_the_same_operation() {
    let world = World::start().await;
    let newcomer = world.persona("newcomer").await;
    let url = format!("{}/sandbox/users/newcomer", world.sandbox.issuer.url());
    world
        .client
        .put(url)
        .json(&json!({"roles": ["manager"]}))
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    drop(newcomer);
    let promoted = world.persona("newcomer").await;

    let create = "createTask(input: {title: \"t\"}) { task { title } }";
    let answer = promoted.asks(&format!("mutation {{ a: {create} login {{ ready }} b: {create} }}")).await;

    assert_eq!(answer.body["data"]["a"], json!(null));
    assert_eq!(answer.body["data"]["b"]["task"]["title"], "t");
}

#[tokio::test]
async fn many_refusals_of_one_field_are_one_error_with_a_count() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    for n in 0..7 {
        manager.creates_task(&format!("Task {n}")).await;
    }

    let answer = world.signed_in("viewer").await.asks("{ tasks { nodes { id notes } } }").await;

    let refusal = answer.refusal();
    assert_eq!(refusal["code"], "FORBIDDEN");
    assert_eq!(refusal["count"], 7);
    assert_eq!(answer.body["errors"][0]["path"], json!(["tasks", "nodes", 0, "notes"]));
    assert_eq!(answer.body["data"]["tasks"]["nodes"][6]["notes"], json!(null));
}

#[tokio::test]
async fn two_users_interleaved_never_share_an_answer() {
    let world = World::start().await;
    let (manager, viewer) = (world.signed_in("manager").await, world.signed_in("viewer").await);
    let document = "{ viewer { subject can(resource: \"task\", action: \"create\") { allowed } } }";
    let ask = |persona| async move {
        let persona: &crate::support::Persona<'_> = persona;
        let data = persona.asks(document).await.data();
        (data["viewer"]["subject"].clone(), data["viewer"]["can"]["allowed"].clone())
    };

    for _ in 0..100 {
        let rounds = (0..10).map(|_| async { tokio::join!(ask(&manager), ask(&viewer)) });
        for (first, second) in futures_util::future::join_all(rounds).await {
            assert_eq!(first, (json!("auth0|sandbox-manager"), json!(true)));
            assert_eq!(second, (json!("auth0|sandbox-viewer"), json!(false)));
        }
    }
}

#[tokio::test]
async fn fields_that_share_a_check_do_not_cut_a_batch_short() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    for n in 0..3 {
        admin.creates_task(&format!("Task {n}")).await;
    }
    let id = admin.creates_task("Task").await;
    let lists = "a: tasks { totalCount } b: tasks(filter: {completed: true}) { totalCount }
        c: tasks(filter: {completed: false}) { totalCount }";
    let most = [
        (format!("{{ {lists} d: users {{ totalCount }} v: viewer {{ can(resource: \"task\", action: \"delete\") {{ allowed }} }} }}"), 1),
        (format!("{{ d: users {{ totalCount }} {lists} }}"), 1),
        (format!("{{ {lists} b1: users {{ totalCount }} c1: task(id: \"{id}\") {{ id }} viewer {{ permissions }} }}"), 1),
        ("{ tasks(first: 3) { nodes { notes } viewerCanCreate { allowed } } }".to_owned(), 1),
        ("{ tasks { nodes { notes owner { id } viewerPermissions { canUpdate { allowed } canDelete { allowed } } }
            viewerCanCreate { allowed } } }".to_owned(), 1),
    ];
    for (document, calls) in most {
        let answer = admin.asks(&document).await;
        assert_eq!(answer.codes(), [""; 0], "{document}");
        assert_eq!(answer.remote_calls(), calls, "{document}");
    }
}

/// `fields` root fields that each ask for 200 permissions; every field asks for others when they are `different`.
fn permissions(fields: usize, directive: &str, different: bool) -> String {
    let field = |n: usize| {
        let n = if different { n } else { 0 };
        let checks: Vec<String> =
            (0..200).map(|action| format!("{{resource: \"task\", action: \"a{n}-{action}\"}}")).collect();
        format!("permissions(checks: [{}]) {directive} {{ allowed }}", checks.join(" "))
    };
    let fields: Vec<String> = (0..fields).map(|n| format!("f{n}: {}", field(n))).collect();
    format!("{{ {} }}", fields.join(" "))
}

#[tokio::test]
async fn more_checks_than_an_operation_may_ask_are_refused_before_anybody_is_asked() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let before = pdp_calls(&world).await;

    let counted = manager.asks(&permissions(11, "", true)).await;
    assert_eq!(counted.status, 400);
    assert!(counted.body.get("data").is_none());
    let uncounted = manager.asks(&permissions(11, "@include(if: true)", true)).await;
    assert_eq!(uncounted.status, 200);
    assert_eq!(uncounted.codes(), ["TOO_MANY_CHECKS"; 11]);
    for answer in [&counted, &uncounted] {
        let told = &answer.body["errors"][0]["extensions"];
        assert_eq!(told["code"], "TOO_MANY_CHECKS");
        assert_eq!((&told["limit"], &told["actual"]), (&json!(2_000), &json!(2_200)));
        assert_eq!(told["what"], "distinct permission checks");
    }
    assert_eq!(pdp_calls(&world).await, before);

    let equal = manager.asks(&permissions(11, "", false)).await;
    assert_eq!(equal.codes(), [""; 0], "equal checks are one");
    let variables = json!({"checks": vec![json!({"resource": "task", "action": "get"}); 200]});
    let document = "query($checks: [PermissionCheckInput!]!) { permissions(checks: $checks) { allowed } }";
    assert_eq!(manager.asks_with(document, variables).await.codes(), [""; 0]);
}

#[tokio::test]
async fn a_field_that_is_skipped_asks_nothing() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    manager.creates_task("t").await;
    let document =
        "query($no: Boolean!) { tasks { nodes { id notes @include(if: $no) owner @skip(if: true) { id }
        ... @include(if: $no) { viewerPermissions { canDelete { allowed } } } } } }";
    for (asked, distinct) in [(false, 1), (true, 3)] {
        let answer = manager.asks_with(document, json!({"no": asked})).await;
        assert_eq!(answer.codes(), [""; 0]);
        assert_eq!(answer.body["extensions"]["authz"]["distinctChecks"], distinct);
    }
}
