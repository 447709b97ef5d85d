//! Records by any field, newest or oldest first, and one by its id. A call looks at a bounded number of records, and
//! says where the next one goes on, so that no filter can read everything at once.

mod field;
mod filter;

pub use field::names as fields;
pub use filter::Filter;

use prost::Message;
use tollway_records::Record;

use crate::calendar::{DAY_US, Month};
use crate::error::Error;
use crate::ship::{ID_BYTES, time_of};
use crate::sql::{Cell, Sql, clean};
use crate::store::Store;

/// A call looks at so many records.
const SCAN: usize = 200_000;
/// A page has at most so many records.
const PAGE: usize = 500;
/// Records are fetched in such parts, so that little is read in vain and little is held.
const FETCH: [usize; 2] = [500, 5_000];

/// What is searched for.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// What the records' fields must be.
    pub filter: &'a Filter,
    /// Accepted at this time or later, in microseconds since 1970.
    pub from_us: Option<i64>,
    /// Accepted before this time.
    pub to_us: Option<i64>,
    /// Oldest first.
    pub ascending: bool,
    /// At most so many; 0 and more than 500 are taken as 500.
    pub limit: usize,
    /// `next` of the page before.
    pub after: Option<&'a str>,
}

/// A page. It may be short, or empty, before the last one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// What was found.
    pub records: Vec<Record>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
    /// How many records were looked at.
    pub scanned: usize,
}

/// A sampled payload, as it was shipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The caller's body.
    pub request: Vec<u8>,
    /// The answer's body.
    pub response: Vec<u8>,
}

/// A place in the order of records.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    month: Month,
    accepted_us: i64,
    id: String,
}

impl Place {
    fn parse(text: &str) -> Result<Self, Error> {
        let read = || {
            let mut parts = text.splitn(3, '.');
            let month = Month::from_number(parts.next()?.parse().ok()?)?;
            Some(Self { month, accepted_us: parts.next()?.parse().ok()?, id: parts.next()?.to_owned() })
        };
        read().ok_or_else(|| Error::Invalid("`after` is not from a page before".to_owned()))
    }

    fn text(&self) -> String {
        format!("{}.{}.{}", self.month.number(), self.accepted_us, self.id)
    }
}

impl Store {
    /// Records that match.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `after` is none of ours; [`Error::Away`].
    pub fn requests_search(&mut self, search: &Search<'_>) -> Result<Page, Error> {
        let after = search.after.map(Place::parse).transpose()?;
        let limit = if search.limit == 0 { PAGE } else { search.limit.min(PAGE) };
        let database = self.database()?;
        let mut months = database.months()?;
        months.retain(|month| within(*month, search));
        if !search.ascending {
            months.reverse();
        }
        let mut page = Page::default();
        for month in months {
            let mut place = after.clone().filter(|after| after.month == month);
            if place.is_none() && after.as_ref().is_some_and(|after| passed(month, after.month, search.ascending)) {
                continue;
            }
            let (sql, suffix) = database.month(month)?;
            loop {
                let fetch = FETCH[usize::from(page.scanned >= FETCH[0])].min(SCAN - page.scanned);
                let (seen, last) = fetch_part(sql, &suffix, &Part { search, month, place, fetch, limit }, &mut page)?;
                page.scanned += seen;
                place = last;
                if page.records.len() == limit || page.scanned >= SCAN {
                    page.next = place.map(|place| place.text());
                    return Ok(page);
                }
                if seen < fetch {
                    break;
                }
            }
        }
        Ok(page)
    }

    /// One record, and its payload if that was sampled.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Away`].
    pub fn request(&mut self, id: &str) -> Result<(Record, Option<Stored>), Error> {
        let id = clean(id, ID_BYTES);
        let database = self.database()?;
        // Ids begin with their time; one whose clock was wrong lies in another month.
        let likely = time_of(&id).map(Month::of);
        let mut months = database.months()?;
        months.sort_unstable_by_key(|month| (Some(*month) != likely, std::cmp::Reverse(*month)));
        let (mut record, mut payload) = (None, None);
        for month in months {
            let (sql, suffix) = database.month(month)?;
            if record.is_none() {
                let text = format!("SELECT record FROM tollway_requests{suffix} WHERE id = ?1");
                sql.query(&text, &[Cell::Text(&id)], &mut |row| {
                    record = Some(decode(row.blob(0)?)?);
                    Ok(())
                })?;
            }
            if payload.is_none() && record.as_ref().is_none_or(|record: &Record| record.payload) {
                let text = format!("SELECT request, response FROM tollway_payloads{suffix} WHERE id = ?1");
                sql.query(&text, &[Cell::Text(&id)], &mut |row| {
                    payload = Some(Stored { request: row.blob(0)?.to_vec(), response: row.blob(1)?.to_vec() });
                    Ok(())
                })?;
            }
            if record.as_ref().is_some_and(|record| !record.payload || payload.is_some()) {
                break;
            }
        }
        let record = record.ok_or_else(|| Error::NotFound(format!("there is no request {id:?}")))?;
        Ok((record, payload))
    }
}

/// A part of a month that is fetched at once.
struct Part<'a> {
    search: &'a Search<'a>,
    month: Month,
    place: Option<Place>,
    fetch: usize,
    limit: usize,
}

/// Looks at the next records, until the page is full. Returns how many those were, and the last.
fn fetch_part(
    sql: &mut dyn Sql,
    suffix: &str,
    part: &Part<'_>,
    page: &mut Page,
) -> Result<(usize, Option<Place>), Error> {
    let search = part.search;
    // One comparison of both columns, and one bound at the far end: more would keep SQLite from starting at the place.
    let (compare, far, order) = match (search.ascending, &part.place) {
        (true, None) => (">=", "<", ""),
        (true, Some(_)) => (">", "<", ""),
        (false, _) => ("<", ">=", "DESC"),
    };
    let failed = if search.filter.only_failures() { "status >= 400 AND" } else { "" };
    let text = format!(
        "SELECT accepted_us, id, record FROM tollway_requests{suffix} WHERE {failed} \
         (accepted_us, id) {compare} (?1, ?2) AND accepted_us {far} ?3 \
         ORDER BY accepted_us {order}, id {order} LIMIT ?4"
    );
    let (from, to) = (search.from_us.unwrap_or(i64::MIN), search.to_us.unwrap_or(i64::MAX));
    let (near, far) = if search.ascending { (from, to) } else { (to, from) };
    let (accepted_us, id) = part.place.as_ref().map_or((near, ""), |place| (place.accepted_us, &place.id));
    let cells = [Cell::Int(accepted_us), Cell::Text(id), Cell::Int(far), Cell::Int(part.fetch as i64)];
    let (mut seen, mut last) = (0, part.place.clone());
    sql.query(&text, &cells, &mut |row| {
        if page.records.len() == part.limit {
            return Ok(());
        }
        seen += 1;
        let raw = row.blob(2)?;
        if search.filter.may_match(raw) {
            let record = decode(raw)?;
            if search.filter.matches(&record) {
                page.records.push(record);
            }
        }
        if page.records.len() == part.limit || seen == part.fetch {
            last = Some(Place { month: part.month, accepted_us: row.int(0)?, id: row.text(1)?.to_owned() });
        }
        Ok(())
    })?;
    Ok((seen, last))
}

fn within(month: Month, search: &Search<'_>) -> bool {
    let (from, to) = (month.first_day() * DAY_US, month.next().first_day() * DAY_US);
    search.from_us.is_none_or(|start| start < to) && search.to_us.is_none_or(|end| end > from)
}

fn passed(month: Month, after: Month, ascending: bool) -> bool {
    if ascending { month < after } else { month > after }
}

fn decode(raw: &[u8]) -> Result<Record, Error> {
    Record::decode(raw).map_err(|error| Error::Damaged(format!("a stored record cannot be read: {error}")))
}
