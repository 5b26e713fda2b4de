//! Holes, made in the schema as it is.

use async_graphql::registry::{MetaDirectiveInvocation, MetaField, MetaType, Registry};

use super::{CoverageError, Rules};
use crate::graphql::{
    authorization::directives::{Scope, requires, signed_in},
    types,
};

/// The holes of the schema after `change` was made to one of its fields.
fn holes_after(object: &str, field: &str, change: impl FnOnce(&mut MetaField)) -> Vec<CoverageError> {
    let mut registry = types();
    change(field_of(&mut registry, object, field));
    Rules::read(&registry).expect_err("there is a hole")
}

fn field_of<'a>(registry: &'a mut Registry, object: &str, field: &str) -> &'a mut MetaField {
    match registry.types.get_mut(object) {
        Some(MetaType::Object { fields, .. }) => fields.get_mut(field).expect("the field exists"),
        _ => panic!("no object {object}"),
    }
}

fn needs_deletion() -> MetaDirectiveInvocation {
    requires::apply("task", "delete", Scope::Tenant)
}

#[test]
fn the_schema_has_no_hole() {
    assert!(Rules::read(&types()).is_ok());
}

#[test]
fn a_root_field_that_declares_nothing_stops_the_start() {
    for (object, field) in [("Query", "tasks"), ("Mutation", "deleteTask"), ("Subscription", "taskChanged")] {
        let holes = holes_after(object, field, |field| field.directive_invocations.clear());
        assert_eq!(holes, [CoverageError::NoRule(format!("{object}.{field}"))]);
    }
}

#[test]
fn two_declarations_on_one_field_are_none() {
    let holes = holes_after("Task", "notes", |field| field.directive_invocations.push(signed_in::apply()));
    assert_eq!(holes, [CoverageError::NoRule("Task.notes".into())]);
}

#[test]
fn a_guarded_field_of_an_interface_stops_the_start() {
    let holes = holes_after("Task", "id", |field| {
        field.directive_invocations.push(needs_deletion());
        field.ty = "ID".into();
    });
    let bypass = CoverageError::InterfaceBypass { interface: "Node".into(), field: "id".into() };
    assert_eq!(holes, [bypass]);
}

#[test]
fn a_rule_on_a_type_without_the_guard_stops_the_start() {
    let holes = holes_after("User", "email", |field| field.directive_invocations.push(needs_deletion()));
    assert_eq!(holes, [CoverageError::Unguarded("User.email".into())]);
}

#[test]
fn a_field_that_may_be_refused_and_is_not_nullable_stops_the_start() {
    let holes = holes_after("Task", "title", |field| field.directive_invocations.push(needs_deletion()));
    assert_eq!(holes, [CoverageError::NotNullable("Task.title".into())]);
}

#[test]
fn a_rule_on_an_argument_that_nobody_asks_for_stops_the_start() {
    for (object, field) in [("Query", "tasks"), ("Viewer", "can")] {
        let holes = holes_after(object, field, |field| {
            let argument = field.args.values_mut().next().expect("it has arguments");
            argument.directive_invocations.push(needs_deletion());
        });
        let at = if field == "tasks" { "Query.tasks(first:)" } else { "Viewer.can(resource:)" };
        assert_eq!(holes, [CoverageError::NobodyAsks(at.into())]);
    }
}

#[test]
fn an_object_rule_without_an_object_stops_the_start() {
    let holes = holes_after("Query", "task", |field| {
        field.args.clear();
    });
    assert_eq!(holes, [CoverageError::NoObject("Query.task".into())]);
}
