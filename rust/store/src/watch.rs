//! Waiting until keys or scopes have changed, in this process or another.

use std::future::poll_fn;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client};

use crate::change::change_number;
use crate::error::Error;
use crate::sql::postgres::{lost, runtime, within};
use crate::sql::sqlite::Sqlite;
use crate::sql::tls;
use crate::store::Options;
use crate::url::{Place, Server, Url};

/// SQLite tells nobody of a change, so it is asked this often; it costs about 10 µs.
const POLL: Duration = Duration::from_millis(100);
/// PostgreSQL tells, but not through every pooler: so it is asked as well.
const ASK: Duration = Duration::from_millis(900);

/// A connection of its own that waits for changes. Made by [`Watch::open`] after a [`crate::Store`] was opened.
pub struct Watch {
    seen: i64,
    options: Options,
    source: Source,
}

enum Source {
    Sqlite(Sqlite),
    Postgres { server: Box<Server>, runtime: Runtime, listening: Option<(Client, Arc<Notify>)> },
}

impl Watch {
    /// Whatever changes from now on is noticed.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn open(url: &Url, options: &Options) -> Result<Self, Error> {
        let source = match &url.0 {
            Place::Sqlite(path) => Source::Sqlite(Sqlite::open(path, options.patience)?),
            Place::Postgres(server) => {
                Source::Postgres { server: server.clone(), runtime: runtime()?, listening: None }
            }
        };
        let mut watch = Self { seen: 0, options: options.clone(), source };
        watch.seen = watch.ask()?;
        Ok(watch)
    }

    /// Waits until keys or scopes have changed, for as long as `patience`; returns whether they have.
    ///
    /// # Errors
    /// [`Error::Away`]. What changes meanwhile is noticed by the next call that succeeds.
    pub fn wait(&mut self, patience: Duration) -> Result<bool, Error> {
        let end = Instant::now() + patience;
        loop {
            let number = self.ask()?;
            if number != self.seen {
                self.seen = number;
                return Ok(true);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            match &self.source {
                Source::Sqlite(_) => thread::sleep(POLL.min(left)),
                Source::Postgres { runtime, listening, .. } => {
                    let (_, told) = listening.as_ref().ok_or_else(lost)?;
                    // Silence is no error.
                    let _ = runtime.block_on(async { timeout(ASK.min(left), told.notified()).await });
                }
            }
        }
    }

    fn ask(&mut self) -> Result<i64, Error> {
        match &mut self.source {
            Source::Sqlite(file) => change_number(file),
            Source::Postgres { server, runtime, listening } => {
                if listening.as_ref().is_none_or(|(client, _)| client.is_closed()) {
                    *listening = None;
                    *listening = Some(listen(server, runtime, &self.options)?);
                }
                let (client, _) = listening.as_ref().ok_or_else(lost)?;
                let text = "SELECT number FROM tollway_state WHERE name = 'changes'";
                let answer = runtime.block_on(within(self.options.longest, client.query_one(text, &[])));
                if answer.is_err() {
                    *listening = None;
                }
                answer?.try_get(0).map_err(|error| Error::Damaged(format!("the change number: {error}")))
            }
        }
    }
}

fn listen(server: &Server, runtime: &Runtime, options: &Options) -> Result<(Client, Arc<Notify>), Error> {
    let connect = tls::connector(server)?;
    let told = Arc::new(Notify::new());
    let tell = Arc::clone(&told);
    let most = options.patience + Duration::from_secs(10);
    let client = runtime.block_on(within(most, async {
        let (client, mut connection) = server.config.connect(connect).await?;
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(_) = message {
                    tell.notify_one();
                }
            }
            // The connection has ended; whoever waits finds that out by asking.
            tell.notify_one();
        });
        client.batch_execute("LISTEN tollway_changes").await?;
        Ok(client)
    }))?;
    Ok((client, told))
}
