use async_graphql::parser::parse_query;

use super::*;

fn exceeded(document: &str) -> Option<&'static str> {
    let document = parse_query(document).unwrap();
    DocumentLimits::default().check(&document).err().map(|exceeded| exceeded.what)
}

/// `getIntrospectionQuery` of graphql-js with every option on.
const INTROSPECTION: &str = r"
query IntrospectionQuery { __schema {
  description queryType { name kind } mutationType { name kind } subscriptionType { name kind }
  types { ...FullType }
  directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } } } }
fragment FullType on __Type {
  kind name description specifiedByURL isOneOf
  fields(includeDeprecated: true) {
    name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef } }
fragment InputValue on __InputValue {
  name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType {
  kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
} } } } } } } } } }";

#[test]
fn the_introspection_query_of_every_client_passes() {
    assert_eq!(exceeded(INTROSPECTION), None);
    assert_eq!(DocumentLimits::default().check_text(INTROSPECTION), Ok(()));
}

#[test]
fn each_limit_holds_at_its_number_and_not_before() {
    let nested = |depth: usize| format!("{}a{}", "{a".repeat(depth - 1) + "{", "}".repeat(depth));
    let repeated = |field: &str, times: usize| format!("{{ r {{ {} }} }}", field.repeat(times));
    let aliases = |times: usize| {
        let fields: Vec<String> = (0..times).map(|n| format!("a{n}: b")).collect();
        format!("{{ r {{ {} }} }}", fields.join(" "))
    };
    for (document, expected) in [
        (nested(16), None),
        (nested(17), Some("depth")),
        (repeated("a ", 999), None),
        (repeated("a ", 1_000), Some("fields")),
        (aliases(50), None),
        (aliases(51), Some("aliases")),
        (format!("{{ {} }}", "a ".repeat(20)), None),
        (format!("{{ {} }}", "a ".repeat(21)), Some("root fields")),
        (repeated("a @skip(if: false) ", 50), None),
        (repeated("a @skip(if: false) ", 51), Some("directives")),
    ] {
        assert_eq!(exceeded(&document), expected, "{document:.60}");
    }
}

#[test]
fn what_hides_in_fragments_is_counted_where_it_is_spread() {
    let spreads = "...f ".repeat(21);
    let document = format!("{{ {spreads} }} fragment f on Query {{ a }}");
    assert_eq!(exceeded(&document), Some("root fields"));
}

#[test]
fn doubling_fragments_are_looked_at_once_each() {
    let levels = 60;
    let fragment = |level: u64| format!("fragment f{level} on T {{ ...f{0} ...f{0} }} ", level + 1);
    let chain: String = (0..levels).map(fragment).collect();
    let document = format!("{{ a {{ ...f0 }} }} {chain} fragment f{levels} on T {{ b }}");
    let parsed = parse_query(&document).unwrap();
    let mut counter = Counter { document: &parsed, fragments: HashMap::new(), visited: 0 };
    let operation = parsed.operations.iter().next().unwrap().1;

    let size = counter.operation(&operation.node);

    assert!(size.fields > 1 << 59, "{}", size.fields);
    assert_eq!(counter.visited, 2 + 2 * levels + 1);
}

#[test]
fn fragments_in_a_circle_end() {
    assert_eq!(exceeded("{ ...a } fragment a on Q { x ...b } fragment b on Q { y ...a }"), None);
}

#[test]
fn brackets_in_strings_and_comments_do_not_nest() {
    let many = "{".repeat(500);
    for document in [
        format!("{{ a(b: \"{many}\") }}"),
        format!("{{ a(b: \"\\\"{many}\") }}"),
        format!("{{ a(b: \"\"\"{many} \\\"\"\" {many}\"\"\") }}"),
        format!("# {many}\n{{ a }}"),
    ] {
        assert_eq!(DocumentLimits::default().check_text(&document), Ok(()), "{document:.40}");
    }
}

#[test]
fn a_megabyte_of_brackets_never_reaches_the_parser() {
    for opening in ["{a", "{a(b:[", "{a(b:{c:", "query($a:[", "{a(b:\"\"){", "{...{"] {
        let document = opening.repeat(1024 * 1024 / opening.len());
        let refusal = DocumentLimits::default().check_text(&document).unwrap_err();
        assert_eq!(refusal.limit, 64, "{opening}");
    }
}

#[test]
fn the_parser_survives_what_is_let_through() {
    for opening in ["{a", "{a(b:[", "{...{"] {
        let brackets = opening.bytes().filter(|byte| b"{[(".contains(byte)).count();
        let document = opening.repeat(64 / brackets);
        assert_eq!(DocumentLimits::default().check_text(&document), Ok(()));
        assert!(parse_query(document).is_err());
    }
}
