//! The one guard. It stands on every object that has rules, reads the rule of the field that is about to be
//! resolved, and asks before anything is loaded.

use std::sync::Arc;

use async_graphql::{Context, Guard, Result, Value};
use entity::task;
use futures_util::FutureExt as _;

use super::{
    arguments::{argument, input_field},
    directives::{Access, Need, Scope},
    object_rules::{Demand, Object, Ruling},
    rules::{InputRule, ObjectArgument, Rule, Rules},
};
use crate::{
    graphql::{
        execution::{
            context::{ContextExt as _, Operation},
            error::ApiError,
        },
        schema::id::{GlobalId, NodeKind, not_an_id},
    },
    permit::Check,
    store::{Relations, Standing},
};

/// Enforces the rules of the type `object`, named as in the schema (a merged root under its merged name).
pub(in crate::graphql) const fn permitted(object: &'static str) -> Permitted<'static> {
    Permitted { object, task: None }
}

/// See [`permitted`].
pub(in crate::graphql) struct Permitted<'a> {
    object: &'static str,
    /// The task that the object stands for.
    task: Option<&'a Arc<task::Model>>,
}

impl Guard for Permitted<'_> {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        let rules = ctx.rules()?;
        let field = ctx.field().name();
        let rule = rules.get(self.object, field);
        match rule.map(|rule| (rule, &rule.access)) {
            // In a box, or the future of every guarded field would be as large, and a subscription keeps its own.
            Some((rule, Access::Requires(need))) => self.ask(ctx, rules, rule, need).boxed().await?,
            Some((_, Access::SignedIn)) => ctx.signed_in().map(drop)?,
            None if rules.is_root(self.object) => {
                return Err(ApiError::Internal("a root field without a rule").into());
            }
            Some((_, Access::Public)) | None => {}
        }
        Ok(())
    }
}

/// The object that a root field with an OBJECT rule is about.
struct Named {
    id: GlobalId,
    text: String,
}

/// What a field asks for, with the answers.
struct Decided<'a> {
    need: Ruling,
    /// Parts of the input that were supplied and need a permission of their own.
    inputs: Vec<(&'a InputRule, Value, Ruling)>,
    /// Of a mutation: whether the caller may read what it is about.
    get: Option<Ruling>,
}

impl Permitted<'static> {
    /// Guards a field of this task.
    pub(in crate::graphql) const fn on(self, task: &Arc<task::Model>) -> Permitted<'_> {
        Permitted { object: self.object, task: Some(task) }
    }
}

impl Permitted<'_> {
    async fn ask(&self, ctx: &Context<'_>, rules: &Rules, rule: &Rule, need: &Need) -> Result<(), ApiError> {
        let operation = ctx.operation()?;
        let caller = operation.signed_in()?;
        let named = self.named_object(ctx, rules, rule, need)?;
        if self.is_mutation() {
            // A write is never decided by what an earlier field was told, nor by a row that it read.
            operation.forget().await;
            if let Some(named) = &named {
                caller.forget_task(named.id.uuid).await;
            }
        }
        let decided = self.decide(ctx, operation, named.as_ref(), rule, need).await?;
        match named {
            Some(named) if self.is_mutation() => change(operation, &named, &decided).await,
            Some(_) if !decided.need.allows() => Err(ApiError::Hidden),
            _ => {
                let narrows = narrows(operation, need, &decided.need).await?;
                let denied = if narrows { decided.denied_input(None) } else { decided.first_denied(None) };
                match denied {
                    Some(ruling) => Err(operation.denial(ruling, self.key(ruling)).await),
                    None => Ok(()),
                }
            }
        }
    }

    async fn decide<'a>(
        &self,
        ctx: &Context<'_>,
        operation: &Operation,
        named: Option<&Named>,
        rule: &'a Rule,
        need: &Need,
    ) -> Result<Decided<'a>, ApiError> {
        let row = self.task.filter(|_| need.scope == Scope::Object).cloned().map(Object::Row);
        let object = named.map(|named| Object::Id(named.id.uuid)).or(row);
        let supplied = supplied_inputs(ctx, rule)?;
        let mut demands = vec![Demand::of(need, object.clone())];
        for (input, _) in &supplied {
            let object = object.clone().filter(|_| input.need.scope == Scope::Object);
            demands.push(Demand::of(&input.need, object));
        }
        if self.is_mutation() {
            // Whether a refusal may tell that the object is there, and what the payload may show.
            demands.push(Demand::new(need.resource.clone(), "get", object));
        }
        let mut rulings = operation.decide(&demands).await?;
        let get = self.is_mutation().then(|| rulings.pop()).flatten();
        let mut rulings = rulings.into_iter();
        let need = rulings.next().ok_or(ApiError::Internal("a demand without a ruling"))?;
        let inputs = supplied.into_iter().zip(rulings);
        let inputs = inputs.map(|((input, value), ruling)| (input, value, ruling)).collect();
        Ok(Decided { need, inputs, get })
    }

    /// Global id of the task that was asked about, if one was.
    fn key(&self, ruling: &Ruling) -> Option<String> {
        let task = self.task.filter(|_| ruling.is_on_object())?;
        Some(GlobalId { kind: NodeKind::Task, uuid: task.id }.encode())
    }

    fn is_mutation(&self) -> bool {
        self.object == "Mutation"
    }

    /// Reads the id before anybody is asked: a wrong shape is told alike to those who may and those who may not.
    fn named_object(
        &self,
        ctx: &Context<'_>,
        rules: &Rules,
        rule: &Rule,
        need: &Need,
    ) -> Result<Option<Named>, ApiError> {
        if need.scope != Scope::Object || !rules.is_root(self.object) {
            return Ok(None);
        }
        let text = match rule.object {
            Some(ObjectArgument::Id) => argument(ctx, "id")?,
            Some(ObjectArgument::InputId) => input_field(ctx, "input", "id")?,
            None => None,
        };
        let Some(Value::String(text)) = text else {
            return Err(ApiError::bad_input("id", not_an_id(NodeKind::Task)));
        };
        match GlobalId::decode(&text) {
            Some(id) if id.kind.noun() == need.resource => Ok(Some(Named { id, text })),
            _ => Err(ApiError::bad_input("id", format!("This is not the id of a {}.", need.resource))),
        }
    }
}

/// What the field being resolved, of the type `object`, needs in the tenant as a whole: its own permission first, then
/// those of the supplied parts of its input.
///
/// # Errors
/// Nobody is signed in, or an argument cannot be read.
pub(in crate::graphql) fn needs(ctx: &Context<'_>, object: &str) -> Result<Vec<Check>, ApiError> {
    let caller = ctx.signed_in()?;
    let Some(rule) = ctx.rules()?.get(object, ctx.field().name()) else {
        return Err(ApiError::Internal("a root field without a rule"));
    };
    let own = match &rule.access {
        Access::Requires(need) => Some(need),
        Access::Public | Access::SignedIn => None,
    };
    let inputs = supplied_inputs(ctx, rule)?.into_iter().map(|(input, _)| &input.need);
    Ok(own
        .into_iter()
        .chain(inputs)
        .map(|need| caller.check(need.resource.clone(), need.action.clone()))
        .collect())
}

impl Decided<'_> {
    /// The first ruling that stands in the way. What `task` has already is not asked for.
    fn first_denied(&self, task: Option<&task::Model>) -> Option<&Ruling> {
        if self.need.allows() { self.denied_input(task) } else { Some(&self.need) }
    }

    fn denied_input(&self, task: Option<&task::Model>) -> Option<&Ruling> {
        let changes = |input: &InputRule, value: &Value| {
            !task.is_some_and(|task| is_unchanged(&input.field, value, task))
        };
        let (.., ruling) =
            self.inputs.iter().find(|(input, value, ruling)| !ruling.allows() && changes(input, value))?;
        Some(ruling)
    }

    /// Whether a change of who owns the task, or is to do it, could change the answer.
    fn relies_on_relations(&self) -> bool {
        let inputs = self.inputs.iter().map(|(_, _, ruling)| ruling);
        let mut rulings = std::iter::once(&self.need).chain(&self.get).chain(inputs);
        rulings.any(|ruling| ruling.is_on_object() || !ruling.allows())
    }
}

/// The end of the guard of a mutation on one object.
async fn change(operation: &Operation, named: &Named, decided: &Decided<'_>) -> Result<(), ApiError> {
    let visible = decided.get.as_ref().is_some_and(Ruling::allows);
    let relies = decided.relies_on_relations();
    operation.rely(named.id.uuid, None);
    if visible && !relies {
        return Ok(());
    }
    let task = operation.signed_in()?.load_task(named.id.uuid).await?;
    let Some(task) = task.filter(|_| visible) else {
        return Err(ApiError::NotFound { kind: named.id.kind, id: named.text.clone() });
    };
    if let Some(ruling) = decided.first_denied(Some(&task)) {
        return Err(operation.denial(ruling, Some(named.text.clone())).await);
    }
    operation.rely(task.id, Some(Relations::of(&task)));
    Ok(())
}

/// Whether a denied `task:get` narrows a list to the tasks that the caller owns or is to do, instead of refusing it.
/// Somebody without an account here has none, and is better told to log in.
async fn narrows(operation: &Operation, need: &Need, ruling: &Ruling) -> Result<bool, ApiError> {
    let is_list =
        (need.resource.as_str(), need.action.as_str(), need.scope) == ("task", "get", Scope::Tenant);
    if !operation.object_rules || !is_list || ruling.allows() {
        return Ok(false);
    }
    Ok(operation.signed_in()?.standing().await? != Standing::Unknown)
}

/// Whether `task` has this value already, as somebody has who sends a whole form back.
fn is_unchanged(field: &str, value: &Value, task: &task::Model) -> bool {
    let now = match field {
        "assigneeId" => task.assignee_id.map(|uuid| GlobalId { kind: NodeKind::User, uuid }.encode()),
        _ => return false,
    };
    match (value, now) {
        (Value::Null, None) => true,
        (Value::String(sent), Some(now)) => *sent == now,
        _ => false,
    }
}

/// The parts of the input that are supplied and need a permission.
fn supplied_inputs<'a>(ctx: &Context<'_>, rule: &'a Rule) -> Result<Vec<(&'a InputRule, Value)>, ApiError> {
    let mut supplied = Vec::new();
    for input in &rule.inputs {
        let value = input_field(ctx, &input.argument, &input.field)?;
        if input.asks(value.as_ref()) {
            supplied.extend(value.map(|value| (input, value)));
        }
    }
    Ok(supplied)
}
