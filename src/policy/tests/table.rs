use proptest::prelude::*;

use super::*;

fn mistakes(text: &str) -> Vec<String> {
    Policy::parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_table_is_read_as_it_stands() {
    let policy = policy(
        "# who\n\npermission  admin viewer doc.owner # columns\n\tdoc:get  x - x\ndoc:shred x - -\n\nbin:get - - -",
    );

    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(policy.roles["admin"], set(&["doc:get", "doc:shred"]));
    assert_eq!(policy.roles["viewer"], set(&[]), "a role without a permission is a role");
    let owner = Relation { resource: "doc".into(), attribute: "owner".into() };
    assert_eq!((owner.to_string(), owner.set()), ("doc.owner".into(), "doc_owner".into()));
    assert_eq!(policy.relations[&owner], set(&["doc:get"]));
    assert_eq!(policy.permissions.len(), 3);
}

#[test]
fn a_file_without_a_table_says_how_one_begins() {
    assert_eq!(mistakes(""), ["line 1: the table begins with a line `permission` and the columns"]);
    assert_eq!(
        mistakes("# only this"),
        ["line 1: the table begins with a line `permission` and the columns"]
    );
    assert_eq!(mistakes("\npermission a"), ["line 2: the table has no rows"]);
    assert_eq!(
        mistakes("doc:get x"),
        ["line 1: the first line names the columns and begins with `permission`"]
    );
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let text = "permission admin doc.owner
doc:get x
doc:get yes -
get x -
doc:sh/red x -
bin:get - x
";
    assert_eq!(
        mistakes(text),
        [
            "line 2: doc:get has 1 cells, and the table has 2 columns",
            "line 3: doc:get has a row already",
            "line 3: \"yes\" is neither x nor -",
            "line 4: get is not a permission, resource:action",
            "line 5: doc:sh/red is not a permission, resource:action",
            "line 6: doc.owner says nothing about bin:get, which is not on a doc",
        ]
    );
}

#[test]
fn columns_are_roles_or_attributes_and_there_once() {
    assert_eq!(
        mistakes("permission admin ad/min admin doc.owner.x\n"),
        [
            "line 1: ad/min is neither the key of a role nor resource.attribute",
            "line 1: the column admin is there twice",
            "line 1: doc.owner.x is neither the key of a role nor resource.attribute",
        ]
    );
    assert_eq!(
        mistakes("permission a.b_c a_b.c\na:get x -"),
        ["line 1: a.b_c and a_b.c would both be called a_b_c"]
    );
    assert_eq!(mistakes("permission doc.owner\nbin:get -"), ["line 1: doc.owner: no row is about a doc"]);
}

#[test]
fn rows_and_needs_are_held_against_each_other() {
    let policy = policy("permission admin\ndoc:get x\ndoc:shred x");
    let need = |resource: &str, action: &str| (resource.to_owned(), action.to_owned());

    let coverage =
        policy.coverage(&BTreeSet::from([need("doc", "get"), need("doc", "sign"), need("bin", "get")]));

    assert_eq!(coverage.missing, ["bin:get", "doc:sign"]);
    assert_eq!(coverage.idle, ["doc:shred"]);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[ -~\n]{0,200}") {
        let _ = Policy::parse(&text);
    }

    #[test]
    fn no_table_makes_the_parser_panic(rows in proptest::collection::vec("[ax.:#\\-_ ]{0,20}", 0..8)) {
        let _ = Policy::parse(&format!("permission a a.x\n{}", rows.join("\n")));
    }
}
