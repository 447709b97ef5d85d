//! Requests that nobody waits for. A job is taken by one process at a time, for a while that it prolongs: what a process
//! that died had taken is taken by another one, so a job is done at least once.

use crate::change::one;
use crate::error::Error;
use crate::sql::{Cell, Row, Sql, clean, transaction};
use crate::store::Store;

/// How a job is. The names are those that callers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for its turn.
    Queued,
    /// A process does it.
    Running,
    /// Its answer is kept, and not posted yet.
    Posting,
    /// It ended with an answer.
    Succeeded,
    /// It ended with an error.
    Failed,
    /// It ended, but nobody took its answer.
    CallbackFailed,
    /// Its caller gave it up.
    Cancelled,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Posting,
        Self::Succeeded,
        Self::Failed,
        Self::CallbackFailed,
        Self::Cancelled,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Posting => "posting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::CallbackFailed => "callback_failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A job to be kept. Times are microseconds since 1970; ids sort by the time of their making.
#[derive(Clone, Copy, Debug)]
pub struct NewJob<'a> {
    /// Its name.
    pub id: &'a str,
    /// Whose it is.
    pub key: &'a str,
    /// Now.
    pub created_us: i64,
    /// Where its answer is posted.
    pub callback: Option<&'a str>,
    /// What is known of the request besides its body; not interpreted here.
    pub head: &'a str,
    /// The request's body.
    pub request: &'a [u8],
}

/// A job as it is kept, without its bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub id: String,
    /// Whose it is.
    pub key: String,
    /// How it is.
    pub state: State,
    /// Microseconds since 1970.
    pub created_us: i64,
    /// When it was first begun.
    pub started_us: Option<i64>,
    /// When its answer was kept, or it was given up.
    pub ended_us: Option<i64>,
    /// When it is forgotten.
    pub expires_us: Option<i64>,
    /// How often it was begun.
    pub attempt: i64,
    /// How often its answer was posted.
    pub posts: i64,
    /// The answer's status.
    pub status: Option<i64>,
    /// Where its answer is posted.
    pub callback: Option<String>,
    /// Why the last post failed.
    pub trouble: Option<String>,
    /// See [`NewJob::head`].
    pub head: String,
    /// What is known of the answer besides its body; not interpreted here.
    pub answer_head: Option<String>,
}

/// A job that was taken, or looked at, with the body that is wanted: the request's or the answer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The job.
    pub job: Job,
    /// Empty where there is none.
    pub body: Vec<u8>,
}

/// What a job came to.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Its HTTP status.
    pub status: i64,
    /// See [`Job::answer_head`].
    pub head: &'a str,
    /// Its body.
    pub body: &'a [u8],
}

/// What became of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted<'a> {
    /// It was taken.
    Taken,
    /// It is tried again at this time (microseconds since 1970), for this reason.
    Again(i64, &'a str),
    /// It is not tried again, for this reason.
    GivenUp(&'a str),
}

/// The advisory lock under which the queue is counted.
const QUEUE: i64 = 0x746f_6c6c_7761_796a;
/// The most bytes of a reason.
const LONGEST: usize = 500;
const COLUMNS: &str = "id, key_id, state, created_us, started_us, ended_us, expires_us, attempt, posts, status, \
                       callback, trouble, head, answer_head";

impl Job {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let state = row.text(2)?;
        Ok(Self {
            id: row.text(0)?.to_owned(),
            key: row.text(1)?.to_owned(),
            state: State::named(state).ok_or_else(|| Error::Damaged(format!("a job has the state {state:?}")))?,
            created_us: row.int(3)?,
            started_us: row.int_if(4)?,
            ended_us: row.int_if(5)?,
            expires_us: row.int_if(6)?,
            attempt: row.int(7)?,
            posts: row.int(8)?,
            status: row.int_if(9)?,
            callback: row.text_if(10)?.map(str::to_owned),
            trouble: row.text_if(11)?.map(str::to_owned),
            head: row.text(12)?.to_owned(),
            answer_head: row.text_if(13)?.map(str::to_owned),
        })
    }
}

impl Store {
    /// Keeps a job, unless `most` wait already; whether it did.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the id is taken; [`Error::Away`].
    pub fn add_job(&mut self, new: &NewJob<'_>, most: u64) -> Result<bool, Error> {
        let bytes = i64::try_from(new.request.len()).unwrap_or(i64::MAX);
        transaction(self.database()?.main(), |sql| {
            sql.exclude(QUEUE)?;
            let count = "SELECT count(*) FROM tollway_jobs WHERE state = 'queued'";
            let waiting = one(sql, count, &[], |row| row.int(0))?.unwrap_or(0);
            if u64::try_from(waiting).unwrap_or(0) >= most {
                return Ok(false);
            }
            sql.execute(
                "INSERT INTO tollway_jobs (id, key_id, state, created_us, due_us, attempt, posts, bytes, callback, \
                 head, request) VALUES (?1, ?2, 'queued', ?3, ?3, 0, 0, ?4, ?5, ?6, ?7)",
                &[
                    Cell::Text(new.id),
                    Cell::Text(new.key),
                    Cell::Int(new.created_us),
                    Cell::Int(bytes),
                    Cell::text_if(new.callback),
                    Cell::Text(new.head),
                    Cell::Blob(new.request),
                ],
            )?;
            Ok(true)
        })
    }

    /// One job, of `key` if that is given, and its answer.
    ///
    /// # Errors
    /// [`Error::NotFound`], also where it is another key's; [`Error::Away`].
    pub fn job(&mut self, id: &str, key: Option<&str>) -> Result<Whole, Error> {
        let whole = find(self.database()?.main(), id, "answer")?;
        whole.filter(|whole| key.is_none_or(|key| key == whole.job.key)).ok_or_else(|| unknown(id))
    }

    /// The jobs of `key`, or all, that are in `state`, or in any: the newest first, `limit` of those before `before`.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn jobs(
        &mut self,
        key: Option<&str>,
        state: Option<State>,
        (before, limit): (Option<&str>, usize),
    ) -> Result<Vec<Job>, Error> {
        let mut cells = vec![Cell::Int(i64::try_from(limit).unwrap_or(i64::MAX))];
        let mut wanted = String::new();
        let narrowing = [("key_id =", key), ("state =", state.map(State::name)), ("id <", before)];
        for (test, value) in narrowing {
            if let Some(value) = value {
                cells.push(Cell::Text(value));
                let and = if wanted.is_empty() { "WHERE" } else { "AND" };
                wanted.push_str(&format!(" {and} {test} ?{}", cells.len()));
            }
        }
        let mut found = Vec::new();
        let sql = format!("SELECT {COLUMNS} FROM tollway_jobs{wanted} ORDER BY id DESC LIMIT ?1");
        self.database()?.main().query(&sql, &cells, &mut |row| {
            found.push(Job::read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Takes up to `limit` jobs that are due at `now_us`, for `owner`, until `until_us`: those to be done, with their
    /// requests, or with `post` those whose answers are to be posted, with these.
    ///
    /// # Errors
    /// [`Error::Away`]: what was taken is due again at `until_us`.
    pub fn take_jobs(
        &mut self,
        owner: &str,
        (now_us, until_us): (i64, i64),
        (post, limit): (bool, usize),
    ) -> Result<Vec<Whole>, Error> {
        let (wanted, change, body) = if post {
            ("state = 'posting'", "posts = posts + 1", "answer")
        } else {
            ("state IN ('queued', 'running')", "state = 'running', attempt = attempt + 1", "request")
        };
        let sql = self.database()?.main();
        let mut due = Vec::new();
        let select = format!("SELECT id FROM tollway_jobs WHERE due_us <= ?1 AND {wanted} ORDER BY due_us LIMIT ?2");
        let limit = Cell::Int(i64::try_from(limit).unwrap_or(i64::MAX));
        sql.query(&select, &[Cell::Int(now_us), limit], &mut |row| {
            due.push(row.text(0)?.to_owned());
            Ok(())
        })?;
        // Each by a change that only one process can make.
        let take = format!(
            "UPDATE tollway_jobs SET owner = ?2, due_us = ?3, started_us = coalesce(started_us, ?4), {change} \
             WHERE id = ?1 AND due_us <= ?4 AND {wanted}"
        );
        let mut taken = Vec::new();
        for id in due {
            let cells = [Cell::Text(&id), Cell::Text(owner), Cell::Int(until_us), Cell::Int(now_us)];
            if sql.execute(&take, &cells)? == 1 {
                taken.extend(find(sql, &id, body)?);
            }
        }
        Ok(taken)
    }

    /// Prolongs to `until_us` what `owner` has taken; returns which of `ids` are no longer its own.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn prolong_jobs<'i>(&mut self, owner: &str, until_us: i64, ids: &[&'i str]) -> Result<Vec<&'i str>, Error> {
        let mut lost = Vec::new();
        let text = "UPDATE tollway_jobs SET due_us = ?3 WHERE id = ?1 AND owner = ?2";
        transaction(self.database()?.main(), |sql| {
            for id in ids {
                if sql.execute(text, &[Cell::Text(id), Cell::Text(owner), Cell::Int(until_us)])? == 0 {
                    lost.push(*id);
                }
            }
            Ok(())
        })?;
        Ok(lost)
    }

    /// Keeps the answer of a job that `owner` has taken, in place of its request; whether it was still its own. A job with a
    /// callback is due to be posted at once.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn answer_job(
        &mut self,
        owner: &str,
        id: &str,
        answer: &Answer<'_>,
        (now_us, expires_us): (i64, i64),
    ) -> Result<bool, Error> {
        let end = if answer.status < 400 { State::Succeeded } else { State::Failed };
        let kept = self.database()?.main().execute(
            "UPDATE tollway_jobs SET state = CASE WHEN callback IS NULL THEN ?3 ELSE 'posting' END, \
             due_us = CASE WHEN callback IS NULL THEN NULL ELSE ended_at.us END, owner = NULL, request = NULL, \
             status = ?4, answer_head = ?5, answer = ?6, bytes = ?7, ended_us = ended_at.us, expires_us = ?9 \
             FROM (SELECT CAST(?8 AS BIGINT) AS us) AS ended_at \
             WHERE id = ?1 AND owner = ?2 AND state = 'running'",
            &[
                Cell::Text(id),
                Cell::Text(owner),
                Cell::Text(end.name()),
                Cell::Int(answer.status),
                Cell::Text(answer.head),
                Cell::Blob(answer.body),
                Cell::Int(i64::try_from(answer.body.len()).unwrap_or(i64::MAX)),
                Cell::Int(now_us),
                Cell::Int(expires_us),
            ],
        )?;
        Ok(kept == 1)
    }

    /// Notes what became of posting a job that `owner` has taken; whether it was still its own.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn posted_job(&mut self, owner: &str, id: &str, posted: Posted<'_>) -> Result<bool, Error> {
        let (state, due, trouble) = match posted {
            Posted::Taken => (None, None, None),
            Posted::Again(due, why) => (Some(State::Posting), Some(due), Some(why)),
            Posted::GivenUp(why) => (Some(State::CallbackFailed), None, Some(why)),
        };
        let end = "CASE WHEN status < 400 THEN 'succeeded' ELSE 'failed' END";
        let trouble = trouble.map(|why| clean(why, LONGEST));
        let changed = self.database()?.main().execute(
            &format!(
                "UPDATE tollway_jobs SET state = coalesce(?3, {end}), due_us = ?4, trouble = ?5, owner = NULL \
                 WHERE id = ?1 AND owner = ?2 AND state = 'posting'"
            ),
            &[
                Cell::Text(id),
                Cell::Text(owner),
                Cell::text_if(state.map(State::name)),
                Cell::int_if(due),
                Cell::text_if(trouble.as_deref()),
            ],
        )?;
        Ok(changed == 1)
    }

    /// Gives up a job of `key`, unless it has ended; how it is then. One whose answer is kept is not posted any more.
    ///
    /// # Errors
    /// [`Error::NotFound`], also where it is another key's; [`Error::Away`].
    pub fn cancel_job(&mut self, id: &str, key: &str, (now_us, expires_us): (i64, i64)) -> Result<Whole, Error> {
        let text = "UPDATE tollway_jobs SET state = 'cancelled', due_us = NULL, owner = NULL, request = NULL, \
                    answer = NULL, answer_head = NULL, status = NULL, bytes = 0, ended_us = ?3, expires_us = ?4 \
                    WHERE id = ?1 AND key_id = ?2 AND state IN ('queued', 'running', 'posting')";
        let cells = [Cell::Text(id), Cell::Text(key), Cell::Int(now_us), Cell::Int(expires_us)];
        self.database()?.main().execute(text, &cells)?;
        self.job(id, Some(key))
    }

    /// Makes due at `now_us` what `owner` has taken and not finished.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn release_jobs(&mut self, owner: &str, now_us: i64) -> Result<u64, Error> {
        let text = format!("{RELEASE} WHERE owner = ?2");
        self.database()?.main().execute(&text, &[Cell::Int(now_us), Cell::Text(owner)])
    }

    /// The same for every owner whose name begins with `family/`, but not `owner`.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn release_jobs_of(&mut self, family: &str, owner: &str, now_us: i64) -> Result<u64, Error> {
        // `0` follows `/` in ASCII.
        let (first, end) = (format!("{family}/"), format!("{family}0"));
        let text = format!("{RELEASE} WHERE owner >= ?2 AND owner < ?3 AND owner <> ?4");
        let cells = [Cell::Int(now_us), Cell::Text(&first), Cell::Text(&end), Cell::Text(owner)];
        self.database()?.main().execute(&text, &cells)
    }

    /// Forgets up to `limit` jobs whose time is over at `now_us`; how many.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn forget_jobs(&mut self, now_us: i64, limit: usize) -> Result<u64, Error> {
        let text = "DELETE FROM tollway_jobs WHERE due_us IS NULL AND id IN \
                    (SELECT id FROM tollway_jobs WHERE expires_us <= ?1 AND due_us IS NULL LIMIT ?2)";
        let limit = Cell::Int(i64::try_from(limit).unwrap_or(i64::MAX));
        self.database()?.main().execute(text, &[Cell::Int(now_us), limit])
    }

    /// How many jobs there are in each state, and how many bytes their bodies have.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn job_counts(&mut self) -> Result<Vec<(State, u64, u64)>, Error> {
        let mut counts = Vec::new();
        let text = "SELECT state, count(*), CAST(sum(bytes) AS BIGINT) FROM tollway_jobs GROUP BY state";
        self.database()?.main().query(text, &[], &mut |row| {
            let (count, bytes) = (row.int(1)?, row.int(2)?);
            let unsigned = |number| u64::try_from(number).unwrap_or(0);
            counts.extend(State::named(row.text(0)?).map(|state| (state, unsigned(count), unsigned(bytes))));
            Ok(())
        })?;
        Ok(counts)
    }
}

const RELEASE: &str = "UPDATE tollway_jobs SET owner = NULL, due_us = ?1, \
                       state = CASE WHEN state = 'running' THEN 'queued' ELSE state END";

fn find(sql: &mut dyn Sql, id: &str, body: &str) -> Result<Option<Whole>, Error> {
    one(sql, &format!("SELECT {COLUMNS}, {body} FROM tollway_jobs WHERE id = ?1"), &[Cell::Text(id)], |row| {
        Ok(Whole { job: Job::read(row)?, body: row.blob_if(14)?.unwrap_or_default().to_vec() })
    })
}

fn unknown(id: &str) -> Error {
    Error::NotFound(format!("there is no job {id:?}"))
}
