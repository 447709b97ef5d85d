//! What callers choose cannot fill the database.

use tollway_records::Record;
use tollway_store::{Dimension, Usage};

use crate::support::{DAY_US, Done, NOW_US, Place, both, record, ship, total};

both! { users_beyond_the_most_of_a_day_are_counted_as_other  long_names_are_cut }

fn users_beyond_the_most_of_a_day_are_counted_as_other(place: &Place) -> Done {
    let mut store = place.open()?;
    let at = (NOW_US - DAY_US).cast_unsigned();
    for batch in 0..21_u64 {
        let records: Vec<Record> = (batch * 5_000..batch * 5_000 + 5_000)
            .map(|n| Record { id: n.to_string(), accepted_us: at, user: Some(format!("u{n}")), ..Record::default() })
            .collect();
        ship(&mut store, &records, None)?;
    }
    // One that was seen is told apart still, also by a store that has just been opened.
    let mut store = place.open()?;
    let seen = Record { user: Some("u7".into()), ..record(1) };
    let unseen = Record { user: Some("later".into()), ..record(2) };
    ship(&mut store, &[Record { accepted_us: at, ..seen }, Record { accepted_us: at, ..unseen }], None)?;
    let mut of = |user: &str| -> Done<i64> {
        let filter = vec![(Dimension::User, user.to_owned())];
        let usage = Usage { from_us: NOW_US - 2 * DAY_US, to_us: NOW_US, filter, ..Usage::default() };
        Ok(store.usage(&usage)?.0.first().and_then(|line| line.sum("requests")).unwrap_or(0))
    };
    assert_eq!((of("u7")?, of("(other)")?, of("later")?, of("u104999")?), (2, 5_001, 0, 0));
    assert_eq!(total(&mut store, "requests")?, Some(105_002));
    Ok(())
}

fn long_names_are_cut(place: &Place) -> Done {
    let mut store = place.open()?;
    let long = "é".repeat(5_000);
    let records: Vec<Record> = (0..3)
        .map(|n| Record {
            user: Some(format!("{long}{n}")),
            model: Some(long.clone()),
            tags: vec![long.clone()],
            ..record(n)
        })
        .collect();
    ship(&mut store, &records, None)?;
    for dimension in [Dimension::User, Dimension::Model, Dimension::Tag] {
        let usage = Usage { by: vec![dimension], from_us: NOW_US - 2 * DAY_US, to_us: NOW_US, ..Usage::default() };
        let lines = store.usage(&usage)?.0;
        assert_eq!((lines.len(), lines[0].dimensions[0].1.len()), (1, 256));
    }
    assert_eq!(store.request(&records[1].id)?.0, records[1], "the record itself is whole");
    Ok(())
}
