//! What somebody may do, on the tenant as a whole and on one task.
//!
//! With the setting `OBJECT_RULES` a task's owner and assignee hold permissions on it that no role gives them. Permit
//! has no rule that denies, so what the type level allows holds for every task: that is asked first, and a task only
//! where it is denied, all of them in bulk. The check then carries the instance key and, as attributes, the keys of
//! `owner` and `assignee` as *our* rows have them; Permit's attribute rules compare them with the user, and no task is
//! ever copied to Permit. Without the setting the object makes no difference.

use std::{borrow::Cow, sync::Arc};

use entity::task;
use futures_util::future::try_join_all;
use uuid::Uuid;

use super::{
    decisions::{Undecided, Verdict},
    directives::Need,
};
use crate::{
    graphql::execution::{
        context::{Operation, SignedIn},
        error::ApiError,
    },
    permit::{Attributes, Check, key},
};

/// The task that a demand is about.
#[derive(Debug, Clone)]
pub(in crate::graphql) enum Object {
    Row(Arc<task::Model>),
    /// Looked up only if the type level denies.
    Id(Uuid),
}

/// A permission that somebody asks for.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct Demand {
    pub(in crate::graphql) resource: Cow<'static, str>,
    pub(in crate::graphql) action: Cow<'static, str>,
    pub(in crate::graphql) object: Option<Object>,
}

/// What was decided, and on which question: the last one that was asked about the demand.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct Ruling {
    pub(in crate::graphql) check: Check,
    pub(in crate::graphql) verdict: Verdict,
}

impl Demand {
    pub(in crate::graphql) fn new(
        resource: impl Into<Cow<'static, str>>,
        action: impl Into<Cow<'static, str>>,
        object: Option<Object>,
    ) -> Self {
        Self { resource: resource.into(), action: action.into(), object }
    }

    pub(in crate::graphql) fn of(need: &Need, object: Option<Object>) -> Self {
        Self::new(need.resource.clone(), need.action.clone(), object)
    }

    /// The question about the tenant as a whole.
    fn check(&self, caller: &SignedIn) -> Check {
        caller.check(self.resource.clone(), self.action.clone())
    }
}

impl Ruling {
    pub(in crate::graphql) fn allows(&self) -> bool {
        self.verdict.allows()
    }

    /// Whether the answer holds for one task only.
    pub(super) const fn is_on_object(&self) -> bool {
        self.check.key.is_some()
    }
}

impl Operation {
    /// The rulings on `demands`, in order.
    ///
    /// # Errors
    /// One of the questions has no answer, or a row could not be looked up.
    pub(in crate::graphql) async fn decide(&self, demands: &[Demand]) -> Result<Vec<Ruling>, ApiError> {
        let caller = self.signed_in()?;
        let general = demands.iter().map(|demand| demand.check(caller)).collect();
        // Somebody who may not even read tasks in general will be denied the rest too: asking both at once saves a
        // round trip.
        let at_once = self.is_narrowed();
        let places = (0..demands.len()).filter(|place| at_once && demands[*place].object.is_some());
        let (mut places, particular) = on_objects(caller, demands, places).await?;
        let mut rulings = self.ask(general, particular).await?;
        let mut further = rulings.split_off(demands.len());
        self.note_narrowness(demands, &rulings);
        rulings.iter().filter(|ruling| ruling.allows()).for_each(|ruling| self.hold(&ruling.check));
        if self.object_rules && !at_once {
            let denied = (0..demands.len())
                .filter(|place| !rulings[*place].allows() && demands[*place].object.is_some());
            let asked = on_objects(caller, demands, denied).await?;
            places = asked.0;
            further = self.ask(Vec::new(), asked.1).await?;
        }
        for (place, ruling) in places.into_iter().zip(further) {
            if !rulings[place].allows() {
                rulings[place] = ruling;
            }
        }
        Ok(rulings)
    }

    /// Those of `tasks` that the caller may read, in order.
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    pub(in crate::graphql) async fn readable(
        &self,
        tasks: Vec<Arc<task::Model>>,
    ) -> Result<Vec<Arc<task::Model>>, ApiError> {
        if tasks.is_empty() {
            return Ok(tasks);
        }
        let demands: Vec<Demand> =
            tasks.iter().map(|task| Demand::new("task", "get", Some(Object::Row(task.clone())))).collect();
        let rulings = self.decide(&demands).await?;
        Ok(tasks
            .into_iter()
            .zip(rulings)
            .filter_map(|(task, ruling)| ruling.allows().then_some(task))
            .collect())
    }

    async fn ask(&self, mut checks: Vec<Check>, further: Vec<Check>) -> Result<Vec<Ruling>, ApiError> {
        checks.extend(further);
        if checks.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.decisions.ask(&checks).await;
        let verdicts = answers.into_iter().collect::<Result<Vec<_>, Undecided>>();
        let verdicts = verdicts.map_err(ApiError::Undecided)?;
        Ok(checks.into_iter().zip(verdicts).map(|(check, verdict)| Ruling { check, verdict }).collect())
    }

    fn note_narrowness(&self, demands: &[Demand], rulings: &[Ruling]) {
        let denied = demands.iter().zip(rulings).any(|(demand, ruling)| {
            (&*demand.resource, &*demand.action) == ("task", "get") && !ruling.allows()
        });
        if denied && self.object_rules {
            self.narrow();
        }
    }
}

/// The questions about single tasks behind the demands at `places`, and their places. A task that is not there is
/// asked about too, without attributes that could allow anything: neither time nor receipt tell it from a hidden one.
async fn on_objects(
    caller: &SignedIn,
    demands: &[Demand],
    places: impl Iterator<Item = usize>,
) -> Result<(Vec<usize>, Vec<Check>), ApiError> {
    let questions = places.map(|place| async move {
        let demand = &demands[place];
        let (id, task) = match &demand.object {
            Some(Object::Row(task)) => (task.id, Some(task.clone())),
            Some(Object::Id(id)) => (*id, caller.load_task(*id).await?),
            None => return Ok::<_, ApiError>(None),
        };
        let attributes = match task {
            Some(task) => attributes(caller, &task).await?,
            None => Attributes::default(),
        };
        let check = Check { key: Some(id.to_string().into()), attributes, ..demand.check(caller) };
        Ok(Some((place, check)))
    });
    Ok(try_join_all(questions).await?.into_iter().flatten().unzip())
}

/// What Permit's attribute rules may look at. Somebody who was removed is nobody.
async fn attributes(caller: &SignedIn, task: &task::Model) -> Result<Attributes, ApiError> {
    let mut people = [None, None];
    for (person, id) in people.iter_mut().zip([task.owner_id, task.assignee_id]) {
        if let Some(id) = id {
            *person = caller.load_user(id).await?;
        }
    }
    let [owner, assignee] = people.each_ref().map(|user| user.as_ref().map(|user| user.subject.as_str()));
    Ok(attributes_of(owner, assignee))
}

/// The attributes of a task with these people, by their subjects.
pub(in crate::graphql) fn attributes_of(owner: Option<&str>, assignee: Option<&str>) -> Attributes {
    let attribute = |(name, subject): (&'static str, Option<&str>)| {
        subject.map(|subject| (name, key::encode_user(subject).into_owned()))
    };
    [("owner", owner), ("assignee", assignee)].into_iter().filter_map(attribute).collect()
}
