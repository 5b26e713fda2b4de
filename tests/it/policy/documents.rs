//! `taskgate schema`: what fields need, and what that means to the documents of a client.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    office::{POLICY, Visit, visit},
    with_cell,
};
use crate::support::World;

async fn schema(words: &[&str]) -> Visit {
    let mut program = Command::new(env!("CARGO_BIN_EXE_taskgate"));
    program.env_clear().arg("schema").args(words);
    program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    visit(program).await
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

async fn documents(folder: &Path, more: &[&str]) -> Visit {
    schema(&[&["--documents", folder.to_str().unwrap()], more].concat()).await
}

/// What the only operation needs, and who can run it, under our policy with this change.
async fn told(document: &str, change: impl Fn(&str) -> String) -> (i32, Value, Value) {
    let folder = folder(&[("only.graphql", document), ("policy.txt", &change(POLICY))]);
    let file = folder.path().join("policy.txt");
    let visit = documents(folder.path(), &["--json", "--file", file.to_str().unwrap()]).await;
    let told: Value = serde_json::from_str(&visit.said).unwrap_or_else(|_| panic!("{visit:?}"));
    let operation = &told["operations"][0];
    let needs = operation["needs"].as_array().unwrap_or_else(|| panic!("{told}")).iter().map(|need| {
        let perhaps = if need["certain"] == true { "" } else { " perhaps" };
        format!("{}{perhaps}", need["permission"].as_str().unwrap())
    });
    let able = operation["able"].as_array().unwrap().iter().map(|holder| match holder["onlyOwnObjects"] {
        Value::Bool(true) => json!({"own": holder["role"]}),
        _ => holder["role"].clone(),
    });
    (visit.code.unwrap(), needs.collect(), able.collect())
}

#[tokio::test]
async fn the_printed_manifest_is_the_served_one() {
    let world = World::start().await;
    let served = world.client.get(format!("{}/permissions.json", world.url)).send().await.unwrap();
    let served = served.text().await.unwrap();

    let printed = schema(&["--permissions"]).await;

    assert_eq!((printed.said.trim_end(), printed.code), (served.as_str(), Some(0)));
    let schema = schema(&[]).await.said;
    assert_eq!(schema, include_str!("../../../schema.graphql"));
}

#[tokio::test]
async fn the_typescript_module_has_a_constant_for_everything_in_the_manifest() {
    let manifest: Value = serde_json::from_str(&schema(&["--permissions"]).await.said).unwrap();
    let module = schema(&["--typescript"]).await.said;

    for permission in manifest["permissions"].as_array().unwrap() {
        assert!(module.contains(&format!("  {permission}")), "{permission} is not in {module}");
    }
    let constant = module.split("export const REQUIREMENTS = ").nth(1).unwrap();
    let constant = constant.split(" as const").next().unwrap();
    let mut told: Value = serde_json::from_str(constant).unwrap();
    for rule in told.as_object_mut().unwrap().values_mut() {
        if let Some(permission) = rule.as_object_mut().unwrap().remove("permission") {
            let (resource, action) = (rule["resource"].as_str().unwrap(), rule["action"].as_str().unwrap());
            assert_eq!(permission, format!("{resource}:{action}"));
        }
        for input in
            rule.get_mut("inputs").and_then(Value::as_object_mut).into_iter().flat_map(|all| all.values_mut())
        {
            input.as_object_mut().unwrap().remove("permission").unwrap();
        }
    }
    assert_eq!(told, manifest["coordinates"]);
}

#[tokio::test]
async fn operations_are_told_with_what_they_need_and_who_can_run_them() {
    let folder = folder(&[
        (
            "a.graphql",
            "query Page($all: Boolean!) {\n  tasks { nodes { ...Row owner @include(if: $all) { id } } }\n}\n",
        ),
        (
            "b/c.gql",
            "fragment Row on Task { id notes }\n\nmutation Invite { createUser(input: {subject: \"a\"}) { userErrors { code } } }",
        ),
        ("schema.graphql", include_str!("../../../schema.graphql")),
        ("empty.gql", "# nothing yet\n"),
        ("node_modules/x.graphql", "nonsense"),
    ]);

    let told = documents(folder.path(), &[]).await;

    told.is(
        0,
        &[
            "a.graphql:1:1: Page needs task:get, task:read-notes, user:get perhaps; admin, manager, viewer with objects of their own",
            "b/c.gql:3:1: Invite needs user:create; admin",
        ],
    );
}

#[tokio::test]
async fn what_no_role_could_ever_run_is_named() {
    let both = "mutation Both($id: ID!) {
        createUser(input: {subject: \"a\"}) { userErrors { code } }
        deleteUser(input: {id: $id}) { userErrors { code } } }";
    let apart = |text: &str| {
        let text = with_cell(text, "user:create", "manager", "x");
        with_cell(&text, "user:create", "admin", "-")
    };
    let (code, needs, able) = told(both, apart).await;
    assert_eq!((code, needs, able), (1, json!(["user:create", "user:delete"]), json!([])));
    assert_eq!(told(both, str::to_owned).await.2, json!(["admin"]));

    let folder = folder(&[("x.graphql", both), ("policy.txt", &apart(POLICY))]);
    let file = folder.path().join("policy.txt");
    let visit = documents(folder.path(), &["--file", file.to_str().unwrap()]).await;
    visit.is(1, &["x.graphql:1:1: Both needs user:create, user:delete; NO ROLE CAN RUN IT"]);
}

#[tokio::test]
async fn what_may_be_skipped_stops_nobody() {
    let nobody_reads_users = |text: &str| {
        ["admin", "manager"]
            .iter()
            .fold(text.to_owned(), |text, role| with_cell(&text, "user:get", role, "-"))
    };
    for (owner, need, code) in [
        ("owner { id }", Some("user:get"), 1),
        ("... { owner { id } }", Some("user:get"), 1),
        ("owner @include(if: $x) { id }", Some("user:get perhaps"), 0),
        ("... @skip(if: $x) { owner { id } }", Some("user:get perhaps"), 0),
        ("owner @include(if: true) @skip(if: false) { id }", Some("user:get"), 1),
        ("owner @skip(if: true) { id }", None, 0),
    ] {
        let variable = if owner.contains("$x") { "($x: Boolean!)" } else { "" };
        let document = format!("query Q{variable} {{ tasks {{ nodes {{ id {owner} }} }} }}");
        let (ended, needs, _) = told(&document, nobody_reads_users).await;
        let expected: Vec<&str> = ["task:get"].into_iter().chain(need).collect();
        assert_eq!((ended, needs), (code, json!(expected)), "{document}");
    }
    let node = "query Q($id: ID!) { node(id: $id) { id ... on Task { owner { id } } } }";
    assert_eq!(told(node, nobody_reads_users).await.1, json!(["user:get perhaps"]));
}

#[tokio::test]
async fn an_input_field_needs_its_permission_when_the_document_gives_it() {
    for (input, need) in [
        ("{title: \"a\"}", None),
        ("{title: \"a\", assigneeId: null}", Some("task:assign perhaps")),
        ("{title: \"a\", assigneeId: $id}", Some("task:assign perhaps")),
        ("{title: \"a\", assigneeId: \"VXNlcjp4\"}", Some("task:assign")),
    ] {
        let variable = if input.contains("$id") { "($id: ID)" } else { "" };
        let document =
            format!("mutation M{variable} {{ createTask(input: {input}) {{ userErrors {{ code }} }} }}");
        let expected: Vec<&str> = need.into_iter().chain(["task:create"]).collect();
        assert_eq!(told(&document, str::to_owned).await.1, json!(expected), "{document}");
    }
}

#[tokio::test]
async fn owners_are_somebody_too() {
    let remove = "mutation R($id: ID!) { deleteTask(input: {id: $id}) { deletedTaskId } }";
    assert_eq!(told(remove, str::to_owned).await.2, json!([{"own": null}, "admin"]));
    let nobody = |text: &str| {
        ["admin", "task.owner"]
            .iter()
            .fold(text.to_owned(), |text, who| with_cell(&text, "task:delete", who, "-"))
    };
    assert_eq!(told(remove, nobody).await.0, 1);
}

#[tokio::test]
async fn a_mutation_on_one_object_needs_to_read_it_and_an_argument_its_permission() {
    let remove = "mutation R($id: ID!) { deleteTask(input: {id: $id}) { deletedTaskId } }";
    let unreading = |text: &str| {
        ["admin", "manager", "viewer", "task.owner", "task.assignee"]
            .iter()
            .fold(text.to_owned(), |text, who| with_cell(&text, "task:get", who, "-"))
    };
    let (code, needs, able) = told(remove, unreading).await;
    assert_eq!((code, needs, able), (1, json!(["task:delete", "task:get"]), json!([])));

    for (whom, need) in [
        ("", json!([])),
        (", asUser: $id", json!(["policy:explain perhaps"])),
        (", asUser: \"VXNlcjp4\"", json!(["policy:explain"])),
    ] {
        let variable = if whom.contains("$id") { "($id: ID)" } else { "" };
        let document =
            format!("query Q{variable} {{ explain(document: \"{{ __typename }}\"{whom}) {{ allowed }} }}");
        assert_eq!(told(&document, str::to_owned).await.1, need, "{document}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_its_place() {
    let folder = folder(&[
        ("a.graphql", "query Fine { apiInfo { name } }"),
        ("b.graphql", "query Broken {\n  tasks(\n}"),
        ("c.graphql", "\nquery Wrong { ...Parts }"),
        ("d.gql", "fragment Parts on Query { apiInfo { nmae } }\nfragment Twice on Task { id }"),
        ("e.gql", "fragment Twice on Task { id }\nfragment Lonely on Task { nope }"),
        ("f.graphql", "{ apiInfo { name } }\nquery Second { apiInfo { name } }"),
        ("g.graphql", "query Circle { tasks { nodes { ...Round } } }\nfragment Round on Task { ...Round }"),
    ]);
    fs::write(folder.path().join("h.graphql"), [0xff, 0xfe]).unwrap();

    let told = documents(folder.path(), &[]).await;

    let places: Vec<&str> = told.said.lines().filter_map(|line| line.split(": error: ").next()).collect();
    assert_eq!(told.code, Some(1));
    assert_eq!(
        places,
        [
            "h.graphql:1:1",
            "b.graphql:3:1",
            "d.gql:1:37",
            "e.gql:1:1",
            "e.gql:2:27",
            "f.graphql:1:1",
            "g.graphql:2:26",
            "a.graphql:1:1: Fine needs nothing; anybody",
        ],
        "{}",
        told.said
    );
}

#[tokio::test]
async fn a_folder_without_documents_is_a_mistake() {
    documents(folder(&[("a.txt", "")]).path(), &[]).await.failed("has no .graphql and no .gql files");
    documents(Path::new("/nowhere"), &[]).await.failed("/nowhere cannot be opened");
    let folder = folder(&[("a.graphql", "{ apiInfo { name } }")]);
    documents(folder.path(), &["--file", "/nowhere.txt"]).await.failed("cannot be opened");
}
