//! Dropping what is old: requests a month at a time, roll-ups by their time.

use crate::calendar::{DAY_US, HOUR_US};
use crate::change::one;
use crate::error::Error;
use crate::sql::{Cell, transaction};
use crate::store::Store;

/// What is kept. Times are in microseconds since 1970; none keeps all. The audit log is always kept whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Requests and payloads: a month is dropped once it wholly lies before this.
    pub requests_before_us: Option<i64>,
    /// Roll-ups by hour.
    pub hours_before_us: Option<i64>,
    /// Roll-ups by day, which months are made of.
    pub days_before_us: Option<i64>,
}

impl Store {
    /// Drops what is older, and returns the months (`YYYY-MM`) whose requests are gone. To be called on the store that
    /// ships, because it holds the months' files open.
    ///
    /// # Errors
    /// [`Error::Away`]: what was dropped so far stays dropped.
    pub fn retain(&mut self, keep: &Retention) -> Result<Vec<String>, Error> {
        let database = self.database()?;
        let mut dropped = Vec::new();
        if let Some(before) = keep.requests_before_us {
            for month in database.months()? {
                if month.next().first_day().saturating_mul(DAY_US) <= before {
                    database.drop_month(month)?;
                    dropped.push(month.to_string());
                }
            }
        }
        let hours = keep.hours_before_us.map(|before| before.div_euclid(HOUR_US));
        let days = keep.days_before_us.map(|before| before.div_euclid(DAY_US));
        for (table, before) in [("usage_hour", hours), ("usage_day", days)] {
            self.delete(table, None, before)?;
        }
        for kind in 0..3 {
            for (table, before) in [("label_hour", hours), ("label_day", days)] {
                self.delete(table, Some(kind), before)?;
            }
        }
        Ok(dropped)
    }

    /// A few starts at a time, so that nobody waits long for the lock.
    fn delete(&mut self, table: &str, kind: Option<i64>, before: Option<i64>) -> Result<(), Error> {
        let Some(before) = before else { return Ok(()) };
        let sql = self.database()?.main();
        // Found in the primary key, which begins with the kind where there is one.
        let (of, cells) = match kind {
            Some(kind) => (" WHERE kind = ?1", vec![Cell::Int(kind)]),
            None => ("", Vec::new()),
        };
        let also = if kind.is_some() { " AND kind = ?2" } else { "" };
        let oldest = format!("SELECT min(start) FROM tollway_{table}{of}");
        let remove = format!("DELETE FROM tollway_{table} WHERE start < ?1{also}");
        loop {
            let first = one(sql, &oldest, &cells, |row| row.int_if(0))?.flatten();
            let Some(first) = first.filter(|first| *first < before) else { return Ok(()) };
            let end = Cell::Int(before.min(first.saturating_add(24)));
            let cells: Vec<Cell<'_>> = std::iter::once(end).chain(cells.iter().copied()).collect();
            transaction(sql, |sql| sql.execute(&remove, &cells))?;
        }
    }
}
