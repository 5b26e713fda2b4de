//! Objects whose fields are resolved where they stand. The library makes each field of each row a future in a box of
//! its own and lets its extensions wait for it; here a field is polled once, and only one that waits for something (a
//! decision, a loader) is put into a box, to wait together with all the others of its list.
//!
//! What comes of a field is the same in both ways: an error, and a value that does not fit into the answer any more,
//! go through the extensions, and a selection that names a response key twice goes to the library.

use std::{
    borrow::Cow,
    future::{poll_fn, ready},
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{self, Poll},
};

use async_graphql::{
    Context, ContextSelectionSet, Name, ObjectType, OutputType, Positioned, ServerError, ServerResult, Value,
    extensions::ResolveInfo,
    indexmap::IndexMap,
    parser::types::{Field, Selection},
    registry::Registry,
    resolver_utils::{resolve_container, resolve_list},
};
use futures_util::FutureExt as _;

use super::answer_size::AnswerSize;

/// An object whose fields are resolved where they stand.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct Eager<T>(pub(in crate::graphql) T);

/// A list of such objects.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct EagerList<T>(pub(in crate::graphql) Vec<T>);

impl<T: ObjectType> OutputType for Eager<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        match Columns::of::<T>(ctx) {
            Some((columns, blank)) => columns.row(ctx, &self.0, blank).await,
            None => resolve_container(ctx, &self.0).await,
        }
    }
}

impl<T: ObjectType> OutputType for EagerList<T> {
    fn type_name() -> Cow<'static, str> {
        Vec::<T>::type_name()
    }

    fn qualified_type_name() -> String {
        Vec::<T>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Vec::<T>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let Some((columns, blank)) = Columns::of::<T>(ctx) else {
            return resolve_list(ctx, field, &self.0, Some(self.0.len())).await;
        };
        let (columns, blank) = (&columns, &blank);
        let rows = self.0.iter().enumerate().map(|(index, row)| async move {
            let ctx = ctx.with_index(index);
            columns.row(&ctx, row, blank.clone()).await
        });
        Ok(Value::List(all(rows).await?))
    }
}

/// An object of the answer: all keys, and no values yet.
type Blank = IndexMap<Name, Value>;

/// The different objects that an answer has so far, without their values. The rows of a list are all alike, and to copy
/// one takes no hashing.
#[derive(Default)]
pub(super) struct Blanks(Mutex<Vec<Blank>>);

impl Blanks {
    /// One with the keys of `fields`; `None`: a key stands there twice.
    fn of(&self, fields: &[&Positioned<Field>]) -> Option<Blank> {
        let keys = || fields.iter().map(|field| &field.node.response_key().node);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(blank) = known.iter().find(|blank| blank.keys().eq(keys())) {
            return Some(blank.clone());
        }
        let blank: Blank = keys().map(|key| (key.clone(), Value::Null)).collect();
        if blank.len() < fields.len() {
            return None;
        }
        known.push(blank.clone());
        Some(blank)
    }
}

/// The fields that are selected of an object, fragments included.
struct Columns<'a> {
    fields: Vec<&'a Positioned<Field>>,
    size: &'a AnswerSize,
}

impl<'a> Columns<'a> {
    /// `None`: the answers of two selections have to be merged, or this is not an operation of ours.
    fn of<T: ObjectType>(ctx: &ContextSelectionSet<'a>) -> Option<(Self, Blank)> {
        let (size, blanks) = (ctx.data_opt::<Arc<AnswerSize>>()?, ctx.data_opt::<Arc<Blanks>>()?);
        let mut columns = Self { fields: Vec::with_capacity(ctx.item.node.items.len()), size };
        if !columns.select(ctx, &T::type_name()) {
            return None;
        }
        let blank = blanks.of(&columns.fields)?;
        Some((columns, blank))
    }

    /// `false`: a fragment is not there.
    fn select(&mut self, ctx: &ContextSelectionSet<'a>, object: &str) -> bool {
        ctx.item.node.items.iter().all(|selection| {
            let (condition, set) = match &selection.node {
                Selection::Field(field) => {
                    self.fields.push(field);
                    return true;
                }
                Selection::InlineFragment(fragment) => {
                    (fragment.node.type_condition.as_ref(), &fragment.node.selection_set)
                }
                Selection::FragmentSpread(spread) => {
                    match ctx.query_env.fragments.get(&spread.node.fragment_name.node) {
                        Some(fragment) => (Some(&fragment.node.type_condition), &fragment.node.selection_set),
                        None => return false,
                    }
                }
            };
            let applies = condition.is_none_or(|condition| {
                let condition = condition.node.on.node.as_str();
                let interfaces = ctx.schema_env.registry.implements.get(object);
                condition == object || interfaces.is_some_and(|interfaces| interfaces.contains(condition))
            });
            !applies || self.select(&ctx.with_selection_set(set), object)
        })
    }

    async fn row<T: ObjectType>(
        &self,
        ctx: &ContextSelectionSet<'_>,
        row: &T,
        blank: Blank,
    ) -> ServerResult<Value> {
        let cells = self.fields.iter().map(|field| async move {
            let ctx = ctx.with_field(field);
            self.cell(&ctx, row).await
        });
        let values = all(cells).await?;
        let mut answer = blank;
        answer.values_mut().zip(values).for_each(|(answer, value)| *answer = value);
        Ok(Value::Object(answer))
    }

    async fn cell<T: ObjectType>(&self, ctx: &Context<'_>, row: &T) -> ServerResult<Value> {
        if ctx.item.node.name.node == "__typename" {
            return Ok(Value::String(row.introspection_type_name().into_owned()));
        }
        match row.resolve_field(ctx).await {
            Ok(Some(value)) if self.size.takes(&value, &ctx.item.node) => Ok(value),
            // In a box: it is rare, and every field would be as large.
            resolved => through_extensions::<T>(ctx, resolved).boxed().await,
        }
    }
}

/// What the extensions make of a field.
async fn through_extensions<T: ObjectType>(
    ctx: &Context<'_>,
    resolved: ServerResult<Option<Value>>,
) -> ServerResult<Value> {
    let (object, field) = (T::type_name(), &ctx.item.node);
    let name = field.name.node.as_str();
    let meta = ctx.schema_env.registry.types.get(&*object).and_then(|meta| meta.field_by_name(name));
    let (Some(meta), Some(path_node)) = (meta, &ctx.path_node) else {
        return Err(ServerError::new(format!("Cannot query field \"{name}\" on type \"{object}\"."), None));
    };
    let info = ResolveInfo {
        path_node,
        parent_type: &object,
        return_type: &meta.ty,
        name,
        alias: field.alias.as_ref().map(|alias| alias.node.as_str()),
        is_for_introspection: false,
        field,
    };
    let resolved = ctx.query_env.extensions.resolve(info, &mut ready(resolved)).await;
    resolved.map(Option::unwrap_or_default)
}

/// What comes of all futures, in order. All of them are polled before any is waited for.
async fn all<F: Future<Output = ServerResult<Value>>>(
    futures: impl Iterator<Item = F>,
) -> ServerResult<Vec<Value>> {
    let mut values = Vec::with_capacity(futures.size_hint().0);
    let mut waiting = Vec::new();
    let mut futures = Some(futures);
    poll_fn(move |task| {
        let polled = match futures.take() {
            Some(futures) => begin(futures, task, &mut values, &mut waiting),
            None => go_on(task, &mut values, &mut waiting),
        };
        match polled {
            Ok(()) if waiting.is_empty() => Poll::Ready(Ok(mem::take(&mut values))),
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    })
    .await
}

/// A future that waits, and the place of what will come of it.
type Waiting<F> = (usize, Pin<Box<F>>);

/// Polls each of `futures` once. One box is enough for those that are ready.
fn begin<F: Future<Output = ServerResult<Value>>>(
    futures: impl Iterator<Item = F>,
    task: &mut task::Context<'_>,
    values: &mut Vec<Value>,
    waiting: &mut Vec<Waiting<F>>,
) -> ServerResult<()> {
    let mut free: Option<Pin<Box<F>>> = None;
    for (place, future) in futures.enumerate() {
        let mut future = match free.take() {
            Some(mut used) => {
                used.set(future);
                used
            }
            None => Box::pin(future),
        };
        match future.as_mut().poll(task) {
            Poll::Ready(value) => {
                values.push(value?);
                free = Some(future);
            }
            Poll::Pending => {
                values.push(Value::Null);
                waiting.push((place, future));
            }
        }
    }
    Ok(())
}

/// Polls those that wait, in their order.
fn go_on<F: Future<Output = ServerResult<Value>>>(
    task: &mut task::Context<'_>,
    values: &mut [Value],
    waiting: &mut Vec<Waiting<F>>,
) -> ServerResult<()> {
    let mut failed = None;
    waiting.retain_mut(|(place, future)| {
        let Poll::Ready(value) = future.as_mut().poll(task) else { return true };
        match value {
            Ok(value) => values[*place] = value,
            Err(error) => failed = failed.take().or(Some(error)),
        }
        false
    });
    failed.map_or(Ok(()), Err)
}
