use async_graphql::parser::parse_query;

use super::*;

fn exceeded(document: &str) -> Option<&'static str> {
    let document = parse_query(document).unwrap();
    match DocumentLimits::default().check(&document) {
        Ok(()) => None,
        Err(DocumentError::Exceeded(exceeded)) => Some(exceeded.what),
        Err(other) => panic!("{other:?}"),
    }
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
    let levels = 28;
    let fragment = |level: u64| format!("fragment f{level} on T {{ ...f{0} ...f{0} }} ", level + 1);
    let chain: String = (0..levels).map(fragment).collect();
    let document = format!("{{ a {{ ...f0 }} }} {chain} fragment f{levels} on T {{ b }}");
    let parsed = parse_query(&document).unwrap();
    let mut counter = Counter::new(&parsed);
    let operation = parsed.operations.iter().next().unwrap().1;

    let size = counter.operation(&operation.node);

    assert!(size.fields >= 1 << levels, "{}", size.fields);
    assert_eq!(counter.visited, 2 + 2 * levels + 1);
}

#[test]
fn fragments_in_a_circle_are_found_wherever_they_are() {
    for document in [
        "{ ...a } fragment a on Q { x ...b } fragment b on Q { y ...a }",
        "{ z } fragment a on Q { x ...b } fragment b on Q { y ...a }",
        "{ ...a } fragment a on Q { ...a ...a }",
    ] {
        let refusal = DocumentLimits::default().check(&parse_query(document).unwrap()).unwrap_err();
        assert!(matches!(refusal, DocumentError::Circle(_)), "{document}: {refusal:?}");
    }
}

#[test]
fn a_fragment_that_nobody_spreads_is_limited_too() {
    for (unused, expected) in [
        ("a ".repeat(1_000), None),
        ("a ".repeat(1_001), Some("fields")),
        ("...{".repeat(32) + "a" + &"}".repeat(32), Some("nesting of selections")),
        ("a @skip(if: true) ".repeat(51), Some("directives")),
    ] {
        assert_eq!(exceeded(&format!("{{ z }} fragment f on Q {{ {unused} }}")), expected, "{unused:.60}");
    }
}

/// The executor walks through spreads before it validates, without remembering where it was.
#[test]
fn fragments_that_double_and_lead_nowhere_are_counted() {
    let fragment = |level: u64| format!("fragment f{level} on T {{ ...f{0} ...f{0} }} ", level + 1);
    let chain: String = (0..28).map(fragment).collect();
    assert_eq!(exceeded(&format!("{{ r {{ ...f0 }} }} {chain}")), Some("selections"));
}

#[test]
fn a_chain_of_fragments_does_not_use_up_the_stack() {
    let fragment = |n: u64| format!("fragment f{n} on T{{...f{}}}", n + 1);
    let chain: String = (0..3_000).map(fragment).collect();
    assert_eq!(exceeded(&format!("{{ ...f0 }} {chain}")), Some("nesting of selections"));
    assert_eq!(exceeded(&format!("{{ a }} {chain}")), Some("nesting of selections"));
}

/// Validation compares the fields of a selection set anew for each inline fragment around them.
#[test]
fn fields_count_once_for_each_selection_set_that_they_merge_into() {
    let nested =
        |fields: usize| format!("{{ r {{ {}{}{}", "...{".repeat(29), "a ".repeat(fields), "}".repeat(31));
    assert_eq!(exceeded(&nested(166)), None);
    assert_eq!(exceeded(&nested(167)), Some("selections"));
}

#[test]
fn what_is_written_is_bounded_over_the_whole_document() {
    let numbered = |times: usize, one: fn(usize) -> String| (0..times).map(one).collect::<String>();
    let operations = |times| numbered(times, |n| format!("query q{n} {{ a }} "));
    let variables = |times| numbered(times, |n| format!("$v{n}: Int "));
    let list = |value: &str, times: usize| format!("{{ a(b: [{}]) }}", value.repeat(times));
    let arguments = |times| numbered(times, |n| format!("a{n}: 1 "));
    let fields = |times: usize| format!("{{ r {{ {} }} }}", format!("a({}) ", arguments(20)).repeat(times));
    for (document, expected) in [
        (operations(50), None),
        (operations(51), Some("operations")),
        (format!("query({}) {{ a }}", variables(500)), None),
        (format!("query({}) {{ a }}", variables(501)), Some("variables")),
        (list("$v ", 501), Some("variables")),
        (format!("query($v: Int {}) {{ a }}", "@d ".repeat(51)), Some("directives")),
        (list("1 ", 4_999), None),
        (list("1 ", 10_000), Some("values in arguments")),
        (list("{c: [] d: 1} ", 4_000), Some("values in arguments")),
        (format!("{{ a({}) }}", arguments(21)), Some("arguments of one field")),
        (format!("{{ a @d({}) }}", arguments(21)), Some("arguments of one field")),
        (fields(50), None),
        (fields(51), Some("arguments")),
    ] {
        assert_eq!(exceeded(&document), expected, "{document:.60}");
    }
}

/// Validation copies a variable wherever it is used.
#[test]
fn variables_hold_a_bounded_number_of_values() {
    let variables = |times: usize| {
        let list: Vec<_> = (0..times).map(|n| serde_json::json!({"n": n})).collect();
        Variables::from_json(serde_json::json!({"list": list}))
    };
    assert_eq!(DocumentLimits::default().check_variables(&variables(2_499)), Ok(()));
    let refusal = DocumentLimits::default().check_variables(&variables(2_500)).unwrap_err();
    let exceeded = LimitExceeded { what: "values in variables", limit: 5_000, actual: 5_001 };
    assert_eq!(refusal, DocumentError::Exceeded(exceeded));
}
