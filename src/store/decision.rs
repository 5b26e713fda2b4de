//! The log of decisions: written in batches, listed to the tenant's auditors, exported by operators, and forgotten in
//! chunks.

use entity::decision::{Column, Entity, Model};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseTransaction, DbBackend, EntityTrait as _,
    IntoActiveModel as _, Order, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
    sea_query::{Expr, ExprTrait as _, OnConflict, Query},
};

use super::{
    Page, PageRequest, Position, SortValue, Store, StoreError, TenantStore, commit,
    page::{Keyset, page},
};

/// Decisions that are written at once.
pub const DECISIONS_AT_ONCE: usize = 500;
/// Most rows of one statement.
const ROWS: usize = 64;

/// The log must not hold a connection for long that a request may need: PostgreSQL gives up on a locked table.
const PATIENCE: &str = "SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = '5s'";

/// Newest first.
pub(super) const ORDER: Keyset<Column> = Keyset { column: Column::At, id: Column::Id, descending: true };

/// Narrows a list of decisions; everything given must hold.
#[derive(Debug, Clone, Default)]
pub struct DecisionQuery {
    pub subject: Option<String>,
    pub resource: Option<String>,
    pub action: Option<String>,
    pub allowed: Option<bool>,
    /// Not before this time.
    pub since: Option<i64>,
}

/// What is exported.
#[derive(Debug, Clone, Default)]
pub struct DecisionExport {
    /// `None`: every tenant's.
    pub tenant: Option<String>,
    /// Not before this time.
    pub since: Option<i64>,
    /// Before this time.
    pub until: i64,
}

/// Pieces whose lengths are powers of two, up to [`ROWS`]. Each length is a statement, which every connection keeps
/// prepared: of batches of any length it would keep a hundred, of some hundred kilobytes each.
fn pieces(mut rest: &[Model]) -> impl Iterator<Item = &[Model]> {
    std::iter::from_fn(move || {
        let length = ROWS.min(1 << rest.len().checked_ilog2()?);
        let (piece, others) = rest.split_at(length);
        rest = others;
        Some(piece)
    })
}

impl Store {
    /// Writes `decisions`, at most [`DECISIONS_AT_ONCE`]. Those that are there already are left alone.
    ///
    /// # Errors
    /// The database failed; nothing was written, unless it is [in doubt](StoreError::InDoubt).
    pub async fn log_decisions(&self, decisions: &[Model]) -> Result<(), StoreError> {
        let tx = self.begin_briefly().await?;
        for piece in pieces(decisions) {
            let rows = piece.iter().cloned().map(Model::into_active_model);
            let known = OnConflict::column(Column::Id).do_nothing().to_owned();
            Entity::insert_many(rows).on_conflict(known).exec_without_returning(&tx).await?;
        }
        commit(tx).await
    }

    /// Forgets the oldest `limit` decisions from before `time`; how many there were.
    ///
    /// # Errors
    /// The database failed; nothing was forgotten, unless it is [in doubt](StoreError::InDoubt).
    pub async fn forget_decisions(&self, time: i64, limit: u64) -> Result<u64, StoreError> {
        let oldest = Query::select()
            .column(Column::Id)
            .from(Entity)
            .and_where(Column::At.lt(time))
            .order_by(Column::At, Order::Asc)
            .limit(limit)
            .to_owned();
        let tx = self.begin_briefly().await?;
        let gone = Entity::delete_many().filter(Column::Id.in_subquery(oldest)).exec(&tx).await?;
        commit(tx).await?;
        Ok(gone.rows_affected)
    }

    /// The next `limit` decisions behind `last`, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn export_decisions(
        &self,
        export: &DecisionExport,
        last: Option<&Model>,
        limit: u64,
    ) -> Result<Vec<Model>, StoreError> {
        let mut rows = Entity::find().filter(Column::At.lt(export.until));
        if let Some(tenant) = &export.tenant {
            rows = rows.filter(Column::TenantId.eq(tenant));
        }
        if let Some(since) = export.since {
            rows = rows.filter(Column::At.gte(since));
        }
        if let Some(last) = last {
            let place = Expr::tuple([Expr::val(last.at), Expr::val(last.id)]);
            rows = rows.filter(Expr::tuple([Column::At.into_expr(), Column::Id.into_expr()]).gt(place));
        }
        Ok(rows.order_by_asc(Column::At).order_by_asc(Column::Id).limit(limit).all(&self.db).await?)
    }

    async fn begin_briefly(&self) -> Result<DatabaseTransaction, StoreError> {
        let tx = self.begin().await?;
        if tx.get_database_backend() == DbBackend::Postgres {
            tx.execute_unprepared(PATIENCE).await?;
        }
        Ok(tx)
    }
}

impl TenantStore {
    /// One page of the tenant's decisions, newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list_decisions(
        &self,
        query: &DecisionQuery,
        request: &PageRequest,
    ) -> Result<Page<Model>, StoreError> {
        page(&self.db, self.logged(query), ORDER, request).await
    }

    pub(super) fn logged(&self, query: &DecisionQuery) -> Select<Entity> {
        query.narrow(Entity::find().filter(Column::TenantId.eq(&*self.tenant)))
    }

    /// Where `decision` stands in the list of decisions.
    pub fn decision_position(decision: &Model) -> Position {
        Position { value: SortValue::Instant(decision.at), id: decision.id }
    }
}

impl DecisionQuery {
    fn narrow(&self, mut rows: Select<Entity>) -> Select<Entity> {
        let texts = [
            (Column::Subject, &self.subject),
            (Column::Resource, &self.resource),
            (Column::Action, &self.action),
        ];
        for (column, text) in texts {
            if let Some(text) = text {
                rows = rows.filter(column.eq(text));
            }
        }
        if let Some(allowed) = self.allowed {
            rows = rows.filter(Column::Allowed.eq(allowed));
        }
        match self.since {
            Some(since) => rows.filter(Column::At.gte(since)),
            None => rows,
        }
    }
}
