//! What only PostgreSQL does: restarts, certificates, refusals.

use tollway_records::Record;
use tollway_store::{Error, Options, Store, Url, Watch};

use crate::support::server::{Server, execute, shared};
use crate::support::{Done, Place, all, by, record, ship, total};

fn open(url: &str) -> Result<Store, Error> {
    Store::open(&Url::parse(url)?, &Options::default())
}

#[test]
fn a_restart_is_away_and_then_goes_on() -> Done {
    let mut server = Server::start()?;
    let url = server.database()?;
    let mut store = open(&url)?;
    let mut watch = Watch::open(&Url::parse(&url)?, &Options::default())?;
    let batch = |from: u64| (from..from + 50).map(record).collect::<Vec<Record>>();
    ship(&mut store, &batch(0), Some(50))?;
    server.down()?;
    for _ in 0..2 {
        assert!(matches!(ship(&mut store, &batch(50), Some(100)), Err(Error::Away(_))));
        assert!(matches!(store.keys(), Err(Error::Away(_))));
        assert!(matches!(watch.wait(std::time::Duration::ZERO), Err(Error::Away(_))));
        assert!(matches!(open(&url), Err(Error::Away(_))));
    }
    server.up()?;
    ship(&mut store, &batch(50), Some(100))?;
    assert_eq!(all(&mut store)?, (0..100).map(record).collect::<Vec<_>>());
    assert_eq!(total(&mut open(&url)?, "requests")?, Some(100));
    store.create_scope(by("x"), "team", "t", &serde_json::Map::new())?;
    assert!(watch.wait(std::time::Duration::from_secs(60))?);
    Ok(())
}

#[test]
fn a_connection_that_is_cut_within_a_batch_leaves_nothing_of_it() -> Done {
    let place = Place::postgres()?;
    let mut store = place.open()?;
    ship(&mut store, &[record(1)], Some(1))?;
    // Cut by the server itself, in the midst of the transaction: when the roll-ups are written.
    place.raw(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$; \
         CREATE TRIGGER cut BEFORE INSERT ON tollway_label_day FOR EACH ROW EXECUTE FUNCTION cut()",
    )?;
    assert!(matches!(ship(&mut store, &[record(2)], Some(2)), Err(Error::Away(_))));
    assert_eq!(all(&mut store)?, [record(1)]);
    place.raw("DROP TRIGGER cut ON tollway_label_day")?;
    ship(&mut store, &[record(2)], Some(2))?;
    assert_eq!(total(&mut store, "requests")?, Some(2));
    Ok(())
}

#[test]
fn a_statement_that_takes_too_long_is_given_up() -> Done {
    let place = Place::postgres()?;
    let mut store = place.open()?;
    let options = Options { longest: std::time::Duration::from_millis(100), ..Options::default() };
    let mut impatient = Store::open(&place.url, &options)?;
    place.raw(
        "ALTER TABLE tollway_keys RENAME TO kept; \
         CREATE VIEW tollway_keys AS SELECT kept.* FROM kept, pg_sleep(60)",
    )?;
    assert!(matches!(impatient.keys(), Err(Error::TooBroad(_))));
    assert!(impatient.change_number().is_ok(), "the connection is still good");
    assert!(store.change_number().is_ok());
    Ok(())
}

#[test]
fn certificates_are_trusted_as_the_url_says() -> Done {
    let server = shared()?;
    let root = server.root().display().to_string();
    for (host, query) in [
        ("localhost", "sslmode=disable".to_owned()),
        ("127.0.0.1", "sslmode=prefer".to_owned()),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("localhost", format!("sslmode=verify-full&sslrootcert={root}")),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={root}")),
    ] {
        let opened = open(&server.tcp(host, &query));
        assert!(opened.is_ok(), "{host} {query}: {:?}", opened.err());
    }
    for (host, query, why) in [
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={root}"), "not valid for name"),
        ("localhost", "sslmode=verify-full".to_owned(), "UnknownIssuer"),
        ("localhost", "sslmode=verify-ca".to_owned(), "UnknownIssuer"),
        ("localhost", "sslmode=verify-full&sslrootcert=/nowhere".to_owned(), "/nowhere"),
    ] {
        match open(&server.tcp(host, &query)) {
            Err(Error::Away(text)) => assert!(text.contains(why) && !text.contains("hunter2"), "{text}"),
            other => return Err(format!("{host} {query}: {:?}", other.err()).into()),
        }
    }
    Ok(())
}

#[test]
fn a_refusal_names_no_password() -> Done {
    let server = shared()?;
    for url in [
        server.tcp("localhost", "").replace("/postgres?", "/nowhere?"),
        "postgres://me:hunter2@127.0.0.1:1/t".to_owned(),
        "postgres://me:hunter2@nowhere.invalid/t".to_owned(),
    ] {
        match open(&url) {
            Err(Error::Away(text)) => assert!(!text.contains("hunter2"), "{text}"),
            other => return Err(format!("{:?}", other.err()).into()),
        }
    }
    Ok(())
}

#[test]
fn a_database_without_rights_is_away() -> Done {
    let server = shared()?;
    let url = server.database()?;
    execute(&url, "DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN; REVOKE CREATE ON SCHEMA public FROM public")?;
    match open(&url.replace("tollway@", "guest@")) {
        Err(Error::Away(text)) => assert!(text.contains("permission denied"), "{text}"),
        other => return Err(format!("{:?}", other.err()).into()),
    }
    Ok(())
}
