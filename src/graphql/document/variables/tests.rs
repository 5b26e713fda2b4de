use async_graphql::{
    EmptyMutation, EmptySubscription, Enum, ID, InputObject, InputType as _, MaybeUndefined, Object,
    OutputType as _, Schema,
};
use futures_util::FutureExt as _;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value as Json, json};

use super::*;

#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    Red,
    Green,
}

#[derive(InputObject, Debug)]
struct Inner {
    done: bool,
    ratio: MaybeUndefined<f64>,
}

#[derive(InputObject, Debug)]
struct Patch {
    id: ID,
    count: MaybeUndefined<i32>,
    ratio: MaybeUndefined<f64>,
    done: MaybeUndefined<bool>,
    colour: MaybeUndefined<Colour>,
    tags: MaybeUndefined<Vec<Option<String>>>,
    inner: MaybeUndefined<Inner>,
    #[graphql(default = 7)]
    level: i32,
}

struct Echo;

#[Object]
impl Echo {
    async fn echo(&self, patch: Patch, count: Option<i32>) -> String {
        format!("{patch:?} {count:?}")
    }
}

type EchoSchema = Schema<Echo, EmptyMutation, EmptySubscription>;

fn schema() -> EchoSchema {
    Schema::new(Echo, EmptyMutation, EmptySubscription)
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    Patch::create_type_info(&mut registry);
    registry
}

fn request(document: &str, variables: Json) -> Request {
    Request::new(document).variables(Variables::from_json(variables))
}

/// The answer's data, or nothing when there are errors.
fn answer(schema: &EchoSchema, request: Request) -> Option<async_graphql::Value> {
    let response = schema.execute(request).now_or_never().expect("no waiting");
    response.is_ok().then_some(response.data)
}

fn anything() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Json::from),
        select(vec![i64::MIN, i64::from(i32::MIN) - 1, -1, 0, i64::from(i32::MAX), i64::from(i32::MAX) + 1])
            .prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-1e9..1e9_f64).prop_map(Json::from),
        "secret[a-z]{0,3}".prop_map(Json::from),
        select(vec!["RED", "GREEN", "secret"]).prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        let keys = select(vec!["id", "count", "done", "ratio", "secret"]).prop_map(str::to_owned);
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Json::from),
            vec((keys, inner), 0..3).prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

/// Entries that are mostly right, some left out, some anything.
fn patch() -> impl Strategy<Value = Json> {
    let right = [
        ("id", vec![json!("secret"), json!(5)]),
        ("count", vec![json!(1), json!(null)]),
        ("ratio", vec![json!(0.5), json!(3)]),
        ("done", vec![json!(true)]),
        ("colour", vec![json!("RED"), json!("GREEN")]),
        ("tags", vec![json!(["secret", null]), json!("secret"), json!([])]),
        ("inner", vec![json!({"done": false}), json!({"done": true, "ratio": 1.5})]),
        ("level", vec![json!(1)]),
    ];
    let entries: Vec<_> = right
        .into_iter()
        .map(|(key, values)| {
            let value = prop_oneof![12 => select(values), 1 => anything()];
            option::weighted(0.9, value).prop_map(move |value| value.map(|value| (key.to_owned(), value)))
        })
        .collect();
    let whole = entries.prop_map(|entries| entries.into_iter().flatten().collect::<Map<_, _>>().into());
    prop_oneof![20 => whole, 1 => anything()]
}

proptest! {
    #[test]
    fn exactly_what_the_executor_cannot_read_is_refused_and_nothing_of_it_is_repeated(patch in patch()) {
        let (schema, registry) = (schema(), registry());
        let document = "query($patch: Patch!) { echo(patch: $patch) }";
        let mut sent = request(document, json!({"patch": patch}));

        let found = coerce(&registry, &mut sent);

        let told: Vec<&str> = found.errors.iter().map(|error| error.message.as_str()).collect();
        prop_assert_eq!(told.is_empty(), answer(&schema, sent).is_some(), "{:?}", told);
        prop_assert!(!told.concat().contains("secret"), "{:?}", told);
    }

    #[test]
    fn what_was_not_sent_is_as_if_it_had_not_been_written(sent in vec(any::<bool>(), 6)) {
        let (schema, registry) = (schema(), registry());
        let parts = [
            ("count", "Int", "count", json!(1), "1"),
            ("colour", "Colour", "colour", json!("RED"), "RED"),
            ("tags", "[String]", "tags", json!(["x"]), "[\"x\"]"),
            ("ratio", "Float", "inner", json!(0.5), "0.5"),
            ("tag", "String", "tags", json!("y"), "\"y\""),
            ("outer", "Int", "", json!(2), "2"),
        ];
        let mut variables = Map::new();
        let mut written = Vec::new();
        for ((name, _, _, value, text), sent) in parts.iter().zip(&sent) {
            if *sent {
                variables.insert((*name).to_owned(), value.clone());
            }
            written.push(sent.then_some(*text));
        }
        let entry = |name: &str, at: usize| written[at].map_or(String::new(), |text| format!("{name}: {text}"));
        let with_variables = "query Chosen($count: Int, $colour: Colour, $tags: [String], $ratio: Float, \
            $tag: String, $outer: Int) { a: echo(patch: {id: 1, count: $count, colour: $colour, tags: $tags, \
            inner: {done: true, ratio: $ratio}}, count: $outer) ...more } query Other($outer: Int, $tag: String) \
            { ...more } fragment more on Echo { b: echo(patch: {id: 2, tags: [\"x\", $tag]}, count: $outer) }";
        let literal = format!(
            "{{ a: echo(patch: {{id: 1, {}, {}, {}, inner: {{done: true, {}}}}}, {}) \
                b: echo(patch: {{id: 2, tags: [\"x\", {}]}}, {}) }}",
            entry("count", 0), entry("colour", 1), entry("tags", 2), entry("ratio", 3), entry("count", 5),
            written[4].unwrap_or("null"), entry("count", 5),
        );
        let mut request = request(with_variables, variables.into());
        request.operation_name = Some("Chosen".to_owned());

        let found = coerce(&registry, &mut request);
        leave_out(&mut request, &found.omitted);

        let expected = answer(&schema, Request::new(literal));
        prop_assert!(expected.is_some());
        prop_assert_eq!(answer(&schema, request), expected);
    }
}

#[test]
fn when_everything_was_sent_there_is_nothing_to_do() {
    let registry = registry();
    for (document, variables) in [
        ("{ __typename }", json!({})),
        ("query($a: Int, $b: Int = 1) { __typename }", json!({"a": null, "c": 1})),
        ("query($a: Unheard!) { __typename }", json!({"a": {"b": 1}})),
        ("query A { __typename } query B($a: Int!) { __typename }", json!({})),
        ("$$$", json!({})),
    ] {
        let mut request = request(document, variables);
        assert!(coerce(&registry, &mut request).is_empty(), "{document}");
    }
}

#[test]
fn a_document_that_declares_thousands_is_told_of_a_few() {
    let definitions: Vec<String> = (0..5_000).map(|n| format!("$v{n}: Int!")).collect();
    let mut request = request(&format!("query({}) {{ __typename }}", definitions.join(" ")), json!({}));
    assert_eq!(coerce(&registry(), &mut request).errors.len(), MAX_TOLD);
}

#[test]
fn a_variable_stands_only_where_a_value_of_its_type_may_stand() {
    let mut registry = registry();
    Echo::create_type_info(&mut registry);
    registry.query_type = "Echo".to_owned();
    let refused = |definition: &str, part: &str| {
        let mut request =
            request(&format!("query({definition}) {{ ...p }} fragment p on Echo {{ {part} }}"), json!({}));
        let errors = coerce(&registry, &mut request).errors;
        errors.iter().any(|error| error.message.contains("stand"))
    };
    let patch = |entry: &str| format!("... on Echo {{ echo(patch: {{id: 1, {entry}}}) }}");
    for (definition, part, is_refused) in [
        ("$v: Int!", patch("count: $v"), false),
        ("$v: Int", patch("count: $v"), false),
        ("$v: String", patch("count: $v"), true),
        ("$v: [Int]", patch("count: $v"), true),
        ("$v: [String]!", patch("tags: $v"), false),
        ("$v: [String!]!", patch("tags: $v"), false),
        ("$v: String", patch("tags: $v"), true),
        ("$v: String", patch("tags: [$v]"), false),
        ("$v: Boolean", patch("inner: {done: $v}"), true),
        ("$v: Boolean = true", patch("inner: {done: $v}"), false),
        ("$v: Int", patch("level: $v"), false),
        ("$v: Patch", "echo(patch: $v)".to_owned(), true),
        ("$v: Patch!", "echo(patch: $v)".to_owned(), false),
        ("$v: Boolean", "a: __typename @skip(if: $v)".to_owned(), true),
        ("$v: Boolean!", "a: __typename @skip(if: $v)".to_owned(), false),
        ("$v: Int", patch("nothing: $v"), true),
        ("$v: Int", "nothing(patch: $v)".to_owned(), false),
    ] {
        assert_eq!(refused(definition, &part), is_refused, "{definition} in {part}");
    }
}
