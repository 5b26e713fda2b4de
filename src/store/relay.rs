//! Brings what is committed on any node to the feed of this one, over a connection of its own that listens for
//! [notices](super::notice).
//!
//! Task events take this way on their own node too, so that everybody hears them in the order of the commits, and once.
//! When the connection was lost, they are looked up: from a stretch before the newest one on, as commits overtake each
//! other, without those that were told already. What else was told meanwhile is lost, so everybody's permissions are
//! asked again ([`Signal::Gap`]). A connection that died without a word is noticed because this node stops hearing its
//! own echo, which it sends over that same connection: one of the pool would have to be waited for.

use std::{sync::Arc, time::Duration};

use entity::task_event::{Column, Entity, Model};
use sea_orm::{
    ColumnTrait as _, DbBackend, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    Select,
    sqlx::{
        self,
        postgres::{PgListener, PgPoolOptions},
    },
};
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    Signal, Store, StoreError,
    delivered::Delivered,
    notice::{CHANNEL, Notice},
    now,
};

/// Pause between two echoes.
const ECHO: Duration = Duration::from_secs(5);
/// Silence after which a connection counts as lost, whatever was asked over it.
const SILENCE: Duration = Duration::from_secs(15);
/// Pause between two attempts to listen again.
const PAUSE: Duration = Duration::from_millis(250);
/// Longest wait for the connection, and for the database to let it listen.
const PATIENCE: Duration = Duration::from_secs(5);
/// Events that are looked up with one statement.
const PAGE: u64 = 500;

/// Names the connection to whoever looks at `pg_stat_activity`.
const NAME: &str = "taskgate-listener";

/// What hears other nodes; ends with this.
#[derive(Debug)]
pub struct Relay(Option<JoinHandle<()>>);

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }
}

impl Store {
    /// Feeds this node with whatever is committed on any node from now on. SQLite has one node, which feeds itself.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn relay(&self) -> Result<Relay, StoreError> {
        if self.db.get_database_backend() != DbBackend::Postgres {
            connected(true);
            return Ok(Relay(None));
        }
        let mut hearing = Hearing { store: self.clone(), delivered: Delivered::default() };
        let listener = hearing.listen().await?;
        hearing.begin().await?;
        Ok(Relay(Some(tokio::spawn(hearing.run(listener)))))
    }
}

struct Hearing {
    store: Store,
    delivered: Delivered,
}

impl Hearing {
    async fn run(mut self, mut listener: PgListener) {
        loop {
            connected(true);
            let lost = self.hear(&mut listener).await;
            connected(false);
            tracing::warn!(cause = lost.err().map(tracing::field::display), "other nodes are not heard");
            drop(listener);
            listener = loop {
                match self.listen_again().await {
                    Ok(listener) => break listener,
                    Err(error) => tracing::debug!(%error, "other nodes are not heard yet"),
                }
                sleep(PAUSE).await;
            };
            tracing::info!("other nodes are heard again");
        }
    }

    async fn listen(&self) -> Result<PgListener, StoreError> {
        let options = self.store.db.get_postgres_connection_pool().connect_options();
        let options = (*options).clone().application_name(NAME);
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(options);
        let listening = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            // A listener that connects again by itself does not tell that something was missed before it is too late.
            listener.eager_reconnect(false);
            listener.listen(CHANNEL).await?;
            Ok::<_, sqlx::Error>(listener)
        };
        within(PATIENCE, listening).await
    }

    /// What there is at the beginning was told to whoever was there.
    async fn begin(&mut self) -> Result<(), StoreError> {
        let newest = Entity::find().select_only().column(Column::Seq).order_by_desc(Column::Seq).limit(1);
        if let Some(newest) = within(SILENCE, newest.into_tuple().one(&self.store.db)).await? {
            self.delivered.note(newest, Instant::now());
            let told = numbers(self.delivered.horizon()).into_tuple::<i64>();
            for seq in within(SILENCE, told.all(&self.store.db)).await? {
                self.delivered.note(seq, Instant::now());
            }
        }
        Ok(())
    }

    async fn listen_again(&mut self) -> Result<PgListener, StoreError> {
        let listener = self.listen().await?;
        metrics::counter!("feed_catch_ups_total").increment(1);
        self.catch_up().await?;
        self.store.feed.publish(Signal::Gap);
        Ok(listener)
    }

    /// Hears until the connection is lost.
    async fn hear(&mut self, listener: &mut PgListener) -> Result<(), StoreError> {
        let mut echoes = interval(ECHO);
        echoes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // When the first echo was sent since something was heard and taken.
        let mut unheard: Option<Instant> = None;
        loop {
            tokio::select! {
                // Nothing is lost when it is given up: what was read of a notice stays in the connection.
                received = listener.try_recv() => {
                    let Some(notification) = received? else { return Ok(()) };
                    self.take(notification.payload()).await?;
                    unheard = None;
                }
                _ = echoes.tick() => {
                    if unheard.is_some_and(|sent| sent.elapsed() > SILENCE) {
                        return Ok(());
                    }
                    match self.call(listener).await {
                        Ok(()) => unheard = unheard.or_else(|| Some(Instant::now())),
                        Err(lost @ StoreError::Unavailable(_)) => return Err(lost),
                        // Who refuses an echo has answered.
                        Err(error) => tracing::debug!(%error, "no echo can be sent"),
                    }
                }
            }
        }
    }

    /// Has this node told of itself. What is heard meanwhile waits in the listener.
    async fn call(&self, listener: &mut PgListener) -> Result<(), StoreError> {
        let echo = Notice::Echo { node: self.store.feed.node(), sent_at: now() }.text()?;
        let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(echo);
        within(SILENCE, notify.execute(listener)).await?;
        Ok(())
    }

    async fn take(&mut self, payload: &str) -> Result<(), StoreError> {
        let ours = self.store.feed.node();
        match serde_json::from_str(payload) {
            Ok(Notice::Task { event }) => self.tell(*event),
            Ok(Notice::LongTask { .. }) => self.catch_up().await?,
            Ok(Notice::Permissions { node, person }) if node != ours => {
                self.store.feed.publish(Signal::Permissions(person));
            }
            Ok(Notice::Echo { node, sent_at }) if node == ours => {
                let lag = u64::try_from(now() - sent_at).unwrap_or_default();
                metrics::gauge!("feed_lag_seconds").set(Duration::from_micros(lag).as_secs_f64());
            }
            Ok(Notice::Permissions { .. } | Notice::Echo { .. }) => {}
            Err(error) => {
                tracing::warn!(%error, "a node of another version said something; it may have been anything");
                self.catch_up().await?;
                self.store.feed.publish(Signal::Gap);
            }
        }
        Ok(())
    }

    fn tell(&mut self, event: Model) {
        if self.delivered.note(event.seq, Instant::now()) {
            self.store.feed.publish(Signal::Task(Arc::new(event)));
        }
    }

    /// Tells what was committed and not told.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let mut behind = self.delivered.horizon();
        loop {
            let seqs = numbers(behind).limit(PAGE).into_tuple::<i64>();
            let seqs = within(SILENCE, seqs.all(&self.store.db)).await?;
            let missed = seqs.iter().copied().filter(|seq| !self.delivered.has(*seq));
            let missed = Entity::find().filter(Column::Seq.is_in(missed)).order_by_asc(Column::Seq);
            for event in within(SILENCE, missed.all(&self.store.db)).await? {
                self.tell(event);
            }
            match seqs.last() {
                Some(last) if seqs.len() as u64 == PAGE => behind = *last,
                _ => return Ok(()),
            }
        }
    }
}

/// What `work` comes to, unless it takes longer than `length`: a network that says nothing must not be waited for.
async fn within<T, E>(length: Duration, work: impl Future<Output = Result<T, E>>) -> Result<T, StoreError>
where
    StoreError: From<E>,
{
    // In a box: a server is started by the future that holds its first listener.
    match timeout(length, Box::pin(work)).await {
        Ok(done) => Ok(done?),
        Err(elapsed) => Err(sqlx::Error::Io(elapsed.into()).into()),
    }
}

/// The numbers of events behind `seq`, in their order.
fn numbers(seq: i64) -> Select<Entity> {
    Entity::find().select_only().column(Column::Seq).filter(Column::Seq.gt(seq)).order_by_asc(Column::Seq)
}

/// For monitors: 0 while this node hears no other.
fn connected(is_connected: bool) {
    metrics::gauge!("feed_connected").set(f64::from(u8::from(is_connected)));
}
