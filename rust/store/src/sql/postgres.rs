//! PostgreSQL. Every call has an end: a server that does not answer in time is away.

use std::collections::HashMap;
use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use bytes::BytesMut;
use futures_core::Stream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Statement};

use super::{Bulk, Cell, Flavour, Kind, Row, Sql, clean, tls};
use crate::error::Error;
use crate::store::Options;
use crate::url::Server;

const SILENT: &str = "PostgreSQL did not answer in time";
const CANCELLED: &str = "PostgreSQL took too long and gave up";

/// A connection that is made again after it was lost, save within a transaction.
pub(crate) struct Postgres {
    // Before the runtime, whose end is the end of the connection.
    client: Option<Client>,
    runtime: Runtime,
    server: Server,
    options: Options,
    statements: HashMap<String, Statement>,
    in_transaction: bool,
    connected: u64,
}

impl Postgres {
    pub(crate) fn open(server: &Server, options: &Options) -> Result<Self, Error> {
        let mut opened = Self {
            client: None,
            runtime: runtime()?,
            server: server.clone(),
            options: options.clone(),
            statements: HashMap::new(),
            in_transaction: false,
            connected: 0,
        };
        opened.ready()?;
        Ok(opened)
    }

    /// Connects if there is no connection. Returns how often it has: what was learnt over an earlier one may be void.
    pub(crate) fn ready(&mut self) -> Result<u64, Error> {
        if self.client.as_ref().is_some_and(|client| !client.is_closed()) {
            return Ok(self.connected);
        }
        if self.in_transaction {
            return Err(lost());
        }
        self.client = None;
        self.statements.clear();
        let connect = tls::connector(&self.server)?;
        let (server, options) = (&self.server, &self.options);
        let session = format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET client_min_messages = warning",
            options.longest.as_millis(),
            options.patience.as_millis()
        );
        // The patience is for what comes after the connection: that has a limit of its own.
        let most = options.patience + Duration::from_secs(10);
        self.client = Some(self.runtime.block_on(within(most, async {
            let (client, connection) = server.config.connect(connect).await?;
            tokio::spawn(connection);
            client.batch_execute(&session).await?;
            Ok(client)
        }))?);
        self.connected += 1;
        Ok(self.connected)
    }

    /// After silence the connection is given up: what it says next would be the answer to an older question.
    fn call<T>(&mut self, work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>) -> Result<T, Error> {
        let client = self.client.as_ref().ok_or_else(lost)?;
        // The server gives up a little earlier, and says why.
        let most = self.options.longest + Duration::from_secs(2);
        let result = self.runtime.block_on(within(most, work(client)));
        if matches!(&result, Err(Error::Away(text)) if text == SILENT) {
            self.client = None;
        }
        result
    }

    fn statement(&mut self, sql: &str) -> Result<Statement, Error> {
        self.ready()?;
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let text = sql.replace('?', "$");
        let statement = self.call(async |client| client.prepare(&text).await)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Sql for Postgres {
    fn flavour(&self) -> Flavour {
        Flavour::Postgres
    }

    fn query(
        &mut self,
        sql: &str,
        cells: &[Cell<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let statement = self.statement(sql)?;
        let told = self.call(async |client| {
            let mut rows = pin!(client.query_raw(&statement, cells.iter()).await?);
            while let Some(row) = poll_fn(|context| rows.as_mut().poll_next(context)).await {
                if let Err(error) = each(&Row::Postgres(&row?)) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        });
        match told {
            Err(Error::Away(text)) if text == CANCELLED => {
                Err(Error::TooBroad(format!("{CANCELLED}: narrow the times or the filter")))
            }
            told => told?,
        }
    }

    fn execute(&mut self, sql: &str, cells: &[Cell<'_>]) -> Result<u64, Error> {
        let statement = self.statement(sql)?;
        self.call(async |client| client.execute_raw(&statement, cells.iter()).await)
    }

    fn script(&mut self, sql: &str) -> Result<(), Error> {
        self.ready()?;
        self.call(async |client| client.batch_execute(sql).await)
    }

    fn bulk(&mut self, bulk: &Bulk<'_>, cells: &[Cell<'_>]) -> Result<u64, Error> {
        if cells.is_empty() {
            return Ok(0);
        }
        let names: Vec<&str> = bulk.columns.iter().map(|(name, _)| *name).collect();
        let arrays: Vec<String> = bulk.columns.iter().zip(1..).map(|((_, kind), at)| array(*kind, at)).collect();
        let sql = format!(
            "INSERT INTO {} ({}) SELECT * FROM unnest({}) {}",
            bulk.table,
            names.join(", "),
            arrays.join(", "),
            bulk.conflict
        );
        let statement = self.statement(&sql)?;
        let columns: Vec<Vec<&Cell<'_>>> =
            (0..names.len()).map(|column| cells.iter().skip(column).step_by(names.len()).collect()).collect();
        self.call(async |client| client.execute_raw(&statement, columns.iter()).await)
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.script("BEGIN")?;
        self.in_transaction = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.script("COMMIT")?;
        self.in_transaction = false;
        Ok(())
    }

    fn rollback(&mut self) {
        if self.script("ROLLBACK").is_err() {
            // In a state that nobody knows: the server rolls back what is not committed.
            self.client = None;
        }
        self.in_transaction = false;
    }

    fn exclude(&mut self, what: i64) -> Result<(), Error> {
        self.query("SELECT pg_advisory_xact_lock(?1)", &[Cell::Int(what)], &mut |_| Ok(()))
    }
}

fn array(kind: Kind, at: usize) -> String {
    let kind = match kind {
        Kind::Int => "bigint",
        Kind::Text => "text",
        Kind::Blob => "bytea",
    };
    format!("?{at}::{kind}[]")
}

impl ToSql for Cell<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *kind == Type::INT8 => number.to_sql(kind, out),
            // A NUL can be in no text there; whoever looks for one finds nothing.
            Self::Text(text) if *kind == Type::TEXT => clean(text, usize::MAX).as_ref().to_sql(kind, out),
            Self::Blob(bytes) if *kind == Type::BYTEA => bytes.to_sql(kind, out),
            other => Err(format!("{other:?} is no {kind}").into()),
        }
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// # Errors
/// [`Error::Away`]: the process has no file descriptors left.
pub(crate) fn runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Away(format!("no runtime for PostgreSQL: {error}")))
}

/// Waits for `work` for as long as `most`.
pub(crate) async fn within<T>(
    most: Duration,
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Error> {
    match timeout(most, work).await {
        Ok(result) => result.map_err(|error| explain(&error)),
        Err(_) => Err(Error::Away(SILENT.to_owned())),
    }
}

pub(crate) fn lost() -> Error {
    Error::Away("the connection to PostgreSQL was lost".to_owned())
}

/// What an error of PostgreSQL means to the caller (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
pub(crate) fn explain(error: &tokio_postgres::Error) -> Error {
    let Some(code) = error.code() else {
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        return Error::Away(format!("PostgreSQL: {error}{cause}"));
    };
    let said = error.as_db_error().map_or("", |said| said.message());
    let text = format!("PostgreSQL: {said} ({})", code.code());
    match code.code() {
        code if code == SqlState::QUERY_CANCELED.code() => Error::Away(CANCELLED.to_owned()),
        code if code == SqlState::UNIQUE_VIOLATION.code() => Error::Conflict(text),
        code if code.starts_with("22") => Error::Invalid(text),
        code if code == SqlState::INSUFFICIENT_PRIVILEGE.code() => Error::Away(text),
        // Corrupted data or index; tables that are not as they were made.
        code if code.starts_with("XX") || code.starts_with("42") => Error::Damaged(text),
        _ => Error::Away(text),
    }
}
