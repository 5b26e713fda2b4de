//! The schema as clients get it: file, served text and introspection say the same.

use serde_json::Value;

use crate::support::World;

const FILE: &str = include_str!("../../schema.graphql");

#[tokio::test]
async fn the_checked_in_schema_is_the_served_one() {
    let world = World::start().await;
    let served =
        world.client.get(format!("{}/schema.graphql", world.url)).send().await.unwrap().text().await.unwrap();
    assert_eq!(served, taskgate::graphql::sdl());
    assert!(served == FILE, "run `cargo run -- schema > schema.graphql`");
}

#[tokio::test]
async fn introspection_tells_every_type_and_describes_every_field_and_its_rule() {
    let world = World::start().await;
    let document = "{ __schema { types { kind name description
        fields { name description args { name } } inputFields { name description }
        enumValues { name description } } } }";
    let types = world.nobody().asks(document).await.data()["__schema"]["types"].clone();
    let ours = types.as_array().unwrap().iter().filter(|ty| !ty["name"].as_str().unwrap().starts_with("__"));
    for ty in ours.filter(|ty| ty["kind"] != "SCALAR") {
        let name = ty["name"].as_str().unwrap();
        assert!(FILE.contains(&format!(" {name} ")), "{name} is not in schema.graphql");
        if !["Query", "Mutation"].contains(&name) {
            assert!(ty["description"].is_string(), "{name} has no description");
        }
        for member in ["fields", "inputFields", "enumValues"] {
            for part in ty[member].as_array().into_iter().flatten() {
                let text = part["description"].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{name}.{} has no description", part["name"]);
            }
        }
    }
}

#[tokio::test]
async fn every_rule_is_told_in_the_description_of_its_field() {
    let world = World::start().await;
    let url = format!("{}/permissions.json", world.url);
    let manifest: Value = world.client.get(url).send().await.unwrap().json().await.unwrap();
    for (coordinate, rule) in manifest["coordinates"].as_object().unwrap() {
        let (ty, field) = coordinate.split_once('.').unwrap();
        let document = format!("{{ __type(name: \"{ty}\") {{ fields {{ name description }} }} }}");
        let fields = world.nobody().asks(&document).await.data()["__type"]["fields"].clone();
        let fields = fields.as_array().unwrap().clone();
        let described = fields.iter().find(|candidate| candidate["name"] == field).unwrap();
        let text = described["description"].as_str().unwrap();
        let expected = match rule["access"].as_str().unwrap() {
            "REQUIRES" => format!(
                "Requires `{}:{}`.",
                rule["resource"].as_str().unwrap(),
                rule["action"].as_str().unwrap()
            ),
            "SIGNED_IN" => "Requires a signed-in caller.".to_owned(),
            _ => continue,
        };
        assert!(text.ends_with(&expected), "{coordinate}: {text}");
    }
}

#[tokio::test]
async fn nothing_of_the_schema_is_told_when_introspection_is_off() {
    let world = World::with(|config| config.graphql.introspection = false).await;
    let hidden = world.nobody().asks("{ __schema { types { name } } apiInfo { name } }").await;
    assert!(hidden.body["data"]["__schema"].is_null(), "{}", hidden.body);
    let misspelt = world.nobody().asks("{ taks { totalCount } }").await;
    assert!(!misspelt.body.to_string().contains("Did you mean"), "{}", misspelt.body);
}
