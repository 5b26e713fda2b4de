use super::*;

fn able(needs: &[(&str, bool)]) -> Vec<String> {
    let policy = policy(
        "permission  admin  clerk  doc.owner
         doc:get     x      x      x
         doc:put     x      -      x
         doc:shred   -      -      -
         bin:empty   -      x      -",
    );
    let needed: Vec<Needed> = needs
        .iter()
        .map(|(permission, on_object)| {
            let (resource, action) = permission.split_once(':').unwrap();
            Needed { resource: resource.into(), action: action.into(), on_object: *on_object }
        })
        .collect();
    policy.able(&needed).iter().map(ToString::to_string).collect()
}

#[test]
fn one_role_has_to_hold_everything() {
    assert_eq!(able(&[("doc:get", false)]), ["admin", "clerk"]);
    assert_eq!(able(&[("doc:get", false), ("doc:put", false)]), ["admin"]);
    assert_eq!(able(&[("bin:empty", false), ("doc:put", false)]), Vec::<String>::new());
    assert_eq!(able(&[("doc:shred", true)]), Vec::<String>::new());
    assert_eq!(able(&[("no:such", false)]), Vec::<String>::new());
}

#[test]
fn whoever_stands_in_an_object_may_need_no_role_for_it() {
    assert_eq!(able(&[("doc:put", true)]), ["anybody with objects of their own", "admin"]);
    assert_eq!(able(&[("doc:put", true), ("bin:empty", false)]), ["clerk with objects of their own"]);
}

#[test]
fn what_needs_nothing_anybody_can() {
    assert_eq!(able(&[]), ["anybody"]);
}
