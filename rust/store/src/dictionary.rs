//! Numbers for names, and for the combinations of names that occur. A roll-up's row holds one number instead of seven
//! texts, which makes it a tenth as large; rows are only added, so what was read once stays true.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::Error;
use crate::migrate::MIGRATING;
use crate::sql::{Bulk, Cell, Kind, Row, Sql};

/// team, project, environment, key, route, model, provider.
pub(crate) const WIDTH: usize = 7;
/// What names and combinations beyond [`MOST`] are counted as.
pub(crate) const OTHER: &str = "(other)";
/// So many names and combinations are told apart, which bounds our memory to about 200 MB.
const MOST: usize = 1_000_000;

const SERIES: [(&str, Kind); WIDTH + 1] = [
    ("id", Kind::Int),
    ("team", Kind::Int),
    ("project", Kind::Int),
    ("environment", Kind::Int),
    ("key_id", Kind::Int),
    ("route", Kind::Int),
    ("model", Kind::Int),
    ("provider", Kind::Int),
];

/// The column of each of the seven, in order.
pub(crate) fn column(dimension: usize) -> &'static str {
    SERIES[dimension + 1].0
}

/// What one connection has read of the two tables.
pub(crate) struct Dictionary {
    most: usize,
    numbers: FxHashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
    series: FxHashMap<[u32; WIDTH], u32>,
    pub(crate) tuples: Vec<[u32; WIDTH]>,
}

impl Default for Dictionary {
    fn default() -> Self {
        Self {
            most: MOST,
            numbers: FxHashMap::default(),
            names: Vec::new(),
            series: FxHashMap::default(),
            tuples: Vec::new(),
        }
    }
}

impl Dictionary {
    /// Reads what has been added.
    pub(crate) fn refresh(&mut self, sql: &mut dyn Sql) -> Result<(), Error> {
        let from = [Cell::Int(self.names.len() as i64)];
        sql.query("SELECT id, value FROM tollway_names WHERE id >= ?1 ORDER BY id", &from, &mut |row| {
            expect(row, self.names.len())?;
            self.learn_name(row.text(1)?);
            Ok(())
        })?;
        let from = [Cell::Int(self.tuples.len() as i64)];
        let text = "SELECT id, team, project, environment, key_id, route, model, provider \
                    FROM tollway_series WHERE id >= ?1 ORDER BY id";
        sql.query(text, &from, &mut |row| {
            expect(row, self.tuples.len())?;
            let mut tuple = [0; WIDTH];
            for (index, number) in tuple.iter_mut().enumerate() {
                *number = u32::try_from(row.int(index + 1)?).unwrap_or(u32::MAX);
            }
            self.learn_series(tuple);
            Ok(())
        })
    }

    pub(crate) fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |name| name)
    }

    pub(crate) fn knows(&self, number: u32) -> bool {
        (number as usize) < self.names.len()
    }

    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The number of each combination; those that are new are written down, within the caller's transaction.
    pub(crate) fn resolve(&mut self, sql: &mut dyn Sql, tuples: &[[Cow<'_, str>; WIDTH]]) -> Result<Vec<u32>, Error> {
        if self.names.is_empty() {
            self.refresh(sql)?;
        }
        let mut wanted: Vec<Option<[u32; WIDTH]>> = tuples.iter().map(|tuple| self.numbers_of(tuple)).collect();
        if wanted.iter().any(|tuple| tuple.is_none_or(|tuple| !self.series.contains_key(&tuple))) {
            // New names are rare, and two processes must not give one number twice.
            sql.exclude(MIGRATING)?;
            self.refresh(sql)?;
            self.add_names(sql, tuples)?;
            wanted = tuples.iter().map(|tuple| self.numbers_of(tuple)).collect();
            self.add_series(sql, &wanted)?;
        }
        let other = self.number(OTHER).and_then(|other| self.series.get(&[other; WIDTH]).copied());
        let number = |tuple: Option<[u32; WIDTH]>| tuple.and_then(|tuple| self.series.get(&tuple).copied()).or(other);
        wanted
            .into_iter()
            .map(|tuple| number(tuple).ok_or_else(|| Error::Damaged("a name has lost its number".to_owned())))
            .collect()
    }

    fn numbers_of(&self, tuple: &[Cow<'_, str>; WIDTH]) -> Option<[u32; WIDTH]> {
        let mut numbers = [0; WIDTH];
        for (number, name) in numbers.iter_mut().zip(tuple) {
            if !name.is_empty() {
                *number = self.number(name)?;
            }
        }
        Some(numbers)
    }

    fn add_names(&mut self, sql: &mut dyn Sql, tuples: &[[Cow<'_, str>; WIDTH]]) -> Result<(), Error> {
        let first = self.names.len();
        let mut new: FxHashSet<&str> = FxHashSet::default();
        for name in tuples.iter().flatten() {
            if !name.is_empty() && !self.numbers.contains_key(&**name) && first + new.len() < self.most {
                new.insert(name);
            }
        }
        let cells: Vec<Cell<'_>> =
            (first..).zip(&new).flat_map(|(number, name)| [Cell::Int(number as i64), Cell::Text(name)]).collect();
        let columns = [("id", Kind::Int), ("value", Kind::Text)];
        sql.bulk(&Bulk { table: "tollway_names", columns: &columns, conflict: "" }, &cells)?;
        for name in new {
            self.learn_name(name);
        }
        Ok(())
    }

    fn add_series(&mut self, sql: &mut dyn Sql, wanted: &[Option<[u32; WIDTH]>]) -> Result<(), Error> {
        let first = self.tuples.len();
        let mut new: FxHashSet<[u32; WIDTH]> = FxHashSet::default();
        for tuple in wanted {
            match tuple {
                Some(tuple) if first + new.len() < self.most => {
                    if !self.series.contains_key(tuple) {
                        new.insert(*tuple);
                    }
                }
                Some(tuple) if self.series.contains_key(tuple) => {}
                _ => {
                    let other = [self.other(sql)?; WIDTH];
                    if !self.series.contains_key(&other) {
                        new.insert(other);
                    }
                }
            }
        }
        let cells: Vec<Cell<'_>> = (first..)
            .zip(&new)
            .flat_map(|(number, tuple)| {
                std::iter::once(Cell::Int(number as i64)).chain(tuple.iter().map(|name| Cell::Int(i64::from(*name))))
            })
            .collect();
        sql.bulk(&Bulk { table: "tollway_series", columns: &SERIES, conflict: "" }, &cells)?;
        for tuple in new {
            self.learn_series(tuple);
        }
        Ok(())
    }

    fn other(&mut self, sql: &mut dyn Sql) -> Result<u32, Error> {
        if let Some(number) = self.number(OTHER) {
            return Ok(number);
        }
        let cells = [Cell::Int(self.names.len() as i64), Cell::Text(OTHER)];
        let columns = [("id", Kind::Int), ("value", Kind::Text)];
        sql.bulk(&Bulk { table: "tollway_names", columns: &columns, conflict: "" }, &cells)?;
        Ok(self.learn_name(OTHER))
    }

    fn learn_name(&mut self, name: &str) -> u32 {
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    fn learn_series(&mut self, tuple: [u32; WIDTH]) {
        let number = u32::try_from(self.tuples.len()).unwrap_or(u32::MAX);
        self.tuples.push(tuple);
        self.series.insert(tuple, number);
    }
}

/// Numbers have no gaps.
fn expect(row: &Row<'_>, number: usize) -> Result<(), Error> {
    if row.int(0)? == number as i64 {
        Ok(())
    } else {
        Err(Error::Damaged(format!("the roll-ups' dictionary lacks number {number}")))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::migrate::migrate;
    use crate::sql::sqlite::Sqlite;

    #[test]
    fn beyond_the_most_all_names_and_combinations_are_counted_as_other() {
        let folder = std::env::temp_dir().join(format!("tollway-dictionary-{}", std::process::id()));
        let mut sql = Sqlite::open(&folder.join("t.db"), Duration::from_secs(1)).unwrap();
        migrate(&mut sql).unwrap();
        let mut dictionary = Dictionary { most: 4, ..Dictionary::default() };
        let tuples: Vec<[Cow<'_, str>; WIDTH]> = (0..10)
            .map(|number| std::array::from_fn(|at| if at == 0 { Cow::Owned(format!("t{number}")) } else { "".into() }))
            .collect();
        let first = dictionary.resolve(&mut sql, &tuples).unwrap();
        assert_eq!(dictionary.resolve(&mut sql, &tuples).unwrap(), first);
        let distinct: FxHashSet<u32> = first.iter().copied().collect();
        assert_eq!(distinct.len(), 4, "three that fit, and the rest");
        assert_eq!(dictionary.name(dictionary.tuples[first[9] as usize][0]), OTHER);

        let mut another = Dictionary::default();
        another.refresh(&mut sql).unwrap();
        assert_eq!(another.tuples, dictionary.tuples);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
