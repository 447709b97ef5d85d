//! Jobs: kept, taken by one at a time, answered, posted, forgotten.

use tollway_store::jobs::{Answer, Posted, State};
use tollway_store::{Error, NewJob, Store};

use crate::support::{Done, NOW_US, Place, both};

both! {
    a_job_lives_from_its_making_to_its_post
    one_of_two_takes_a_job
    what_a_dead_process_had_is_taken_again
    a_late_answer_does_not_replace_another
    a_cancelled_job_keeps_nothing
    a_full_queue_takes_no_more
    jobs_are_listed_by_key_the_newest_first
    what_has_ended_is_forgotten_in_time
}

fn add(store: &mut Store, id: &str, callback: Option<&str>) -> Done {
    let new = NewJob { id, key: "k", created_us: NOW_US, callback, head: "{}", request: b"asked" };
    assert!(store.add_job(&new, 10)?);
    Ok(())
}

fn take(store: &mut Store, owner: &str, now: i64) -> Done<Vec<String>> {
    let taken = store.take_jobs(owner, (now, now + 30), (false, 10))?;
    Ok(taken.into_iter().map(|whole| whole.job.id).collect())
}

const OK: Answer<'static> = Answer { status: 200, head: "{}", body: b"said" };

fn a_job_lives_from_its_making_to_its_post(place: &Place) -> Done {
    let mut store = place.open()?;
    add(&mut store, "job_1", Some("https://x/"))?;
    let taken = store.take_jobs("a/1", (NOW_US, NOW_US + 30), (false, 10))?;
    assert_eq!((taken.len(), &*taken[0].body, taken[0].job.attempt), (1, &b"asked"[..], 1));
    assert!(store.answer_job("a/1", "job_1", &OK, (NOW_US + 1, NOW_US + 100))?);
    let whole = store.job("job_1", Some("k"))?;
    assert_eq!((whole.job.state, &*whole.body, whole.job.status), (State::Posting, &b"said"[..], Some(200)));
    assert_eq!(store.job_counts()?, [(State::Posting, 1, 4)]);

    assert!(take(&mut store, "a/1", NOW_US + 50)?.is_empty(), "it has been done");
    let posting = store.take_jobs("a/1", (NOW_US + 1, NOW_US + 31), (true, 10))?;
    assert_eq!((&*posting[0].body, posting[0].job.posts), (&b"said"[..], 1));
    assert!(store.posted_job("a/1", "job_1", Posted::Again(NOW_US + 40, "status 503"))?);
    assert!(store.take_jobs("a/1", (NOW_US + 39, NOW_US + 70), (true, 10))?.is_empty(), "not yet");
    assert_eq!(store.take_jobs("a/2", (NOW_US + 40, NOW_US + 70), (true, 10))?[0].job.posts, 2);
    assert!(!store.posted_job("a/1", "job_1", Posted::Taken)?, "another has it");
    assert!(store.posted_job("a/2", "job_1", Posted::Taken)?);
    let ended = store.job("job_1", None)?.job;
    assert_eq!((ended.state, ended.trouble, ended.ended_us), (State::Succeeded, None, Some(NOW_US + 1)));

    add(&mut store, "job_2", Some("https://x/"))?;
    take(&mut store, "a/1", NOW_US)?;
    assert!(store.answer_job("a/1", "job_2", &Answer { status: 502, ..OK }, (NOW_US, NOW_US))?);
    store.take_jobs("a/1", (NOW_US, NOW_US + 30), (true, 10))?;
    assert!(store.posted_job("a/1", "job_2", Posted::GivenUp("status 404"))?);
    let ended = store.job("job_2", None)?.job;
    assert_eq!(
        (ended.state, ended.trouble.as_deref(), ended.status),
        (State::CallbackFailed, Some("status 404"), Some(502))
    );
    Ok(())
}

fn one_of_two_takes_a_job(place: &Place) -> Done {
    for round in 0..20 {
        add(&mut place.open()?, &format!("job_{round}"), None)?;
        let both: Vec<usize> = std::thread::scope(|scope| {
            let take = |owner: &'static str| {
                scope.spawn(move || {
                    let mut store = place.open().map_err(|error| error.to_string())?;
                    take(&mut store, owner, NOW_US).map(|taken| taken.len()).map_err(|error| error.to_string())
                })
            };
            let (one, other) = (take("a/1"), take("b/1"));
            [one, other].into_iter().filter_map(|thread| thread.join().ok()?.ok()).collect()
        });
        assert_eq!(both.iter().sum::<usize>(), 1, "{both:?}");
    }
    Ok(())
}

fn what_a_dead_process_had_is_taken_again(place: &Place) -> Done {
    let mut store = place.open()?;
    ["job_1", "job_2"].into_iter().try_for_each(|id| add(&mut store, id, None))?;
    assert_eq!(take(&mut store, "a/1", NOW_US)?.len(), 2);
    assert!(take(&mut store, "b/1", NOW_US + 29)?.is_empty());
    assert_eq!(store.prolong_jobs("a/1", NOW_US + 60, &["job_1", "job_3"])?, ["job_3"]);
    assert_eq!(take(&mut store, "b/1", NOW_US + 30)?, ["job_2"], "its time was over");
    assert_eq!(store.prolong_jobs("a/1", NOW_US + 90, &["job_1", "job_2"])?, ["job_2"]);
    // The next process of the same journal knows that the one before is dead.
    assert_eq!(store.release_jobs_of("a", "a/2", NOW_US + 31)?, 1);
    let again = store.take_jobs("a/2", (NOW_US + 31, NOW_US + 61), (false, 10))?;
    assert_eq!((&*again[0].job.id, again[0].job.attempt, &*again[0].body), ("job_1", 2, &b"asked"[..]));
    assert_eq!(store.release_jobs("a/2", NOW_US + 32)?, 1);
    assert_eq!(store.job("job_1", None)?.job.state, State::Queued);
    Ok(())
}

fn a_late_answer_does_not_replace_another(place: &Place) -> Done {
    let mut store = place.open()?;
    add(&mut store, "job_1", None)?;
    take(&mut store, "a/1", NOW_US)?;
    take(&mut store, "b/1", NOW_US + 30)?;
    assert!(!store.answer_job("a/1", "job_1", &OK, (NOW_US, NOW_US))?);
    assert!(store.answer_job("b/1", "job_1", &Answer { body: b"theirs", ..OK }, (NOW_US, NOW_US))?);
    assert!(!store.answer_job("b/1", "job_1", &OK, (NOW_US, NOW_US))?);
    assert_eq!(store.job("job_1", None)?.body, b"theirs");
    Ok(())
}

fn a_cancelled_job_keeps_nothing(place: &Place) -> Done {
    let mut store = place.open()?;
    add(&mut store, "job_1", None)?;
    take(&mut store, "a/1", NOW_US)?;
    assert!(matches!(store.cancel_job("job_1", "other", (NOW_US, NOW_US)), Err(Error::NotFound(_))));
    assert_eq!(store.cancel_job("job_1", "k", (NOW_US + 1, NOW_US + 2))?.job.state, State::Cancelled);
    assert_eq!(store.job_counts()?, [(State::Cancelled, 1, 0)]);
    assert!(!store.answer_job("a/1", "job_1", &OK, (NOW_US, NOW_US))?);
    let again = store.cancel_job("job_1", "k", (NOW_US + 5, NOW_US + 9))?.job;
    assert_eq!((again.state, again.ended_us), (State::Cancelled, Some(NOW_US + 1)));
    Ok(())
}

fn a_full_queue_takes_no_more(place: &Place) -> Done {
    let mut store = place.open()?;
    let new = |id| NewJob { id, key: "k", created_us: NOW_US, callback: None, head: "{}", request: b"asked" };
    assert!(store.add_job(&new("job_1"), 1)?);
    assert!(!store.add_job(&new("job_2"), 1)?);
    assert!(matches!(store.add_job(&new("job_1"), 9), Err(Error::Conflict(_))));
    take(&mut store, "a/1", NOW_US)?;
    assert!(store.add_job(&new("job_2"), 1)?, "only what waits counts");
    Ok(())
}

fn jobs_are_listed_by_key_the_newest_first(place: &Place) -> Done {
    let mut store = place.open()?;
    ["job_1", "job_2", "job_3"].into_iter().try_for_each(|id| add(&mut store, id, None))?;
    let ids = |jobs: Vec<tollway_store::Job>| jobs.into_iter().map(|job| job.id).collect::<Vec<_>>();
    assert_eq!(ids(store.jobs(Some("k"), None, (None, 2))?), ["job_3", "job_2"]);
    assert_eq!(ids(store.jobs(None, Some(State::Queued), (Some("job_2"), 2))?), ["job_1"]);
    assert!(store.jobs(Some("other"), None, (None, 2))?.is_empty());
    assert!(store.jobs(None, Some(State::Failed), (None, 2))?.is_empty());
    assert!(matches!(store.job("job_1", Some("other")), Err(Error::NotFound(_))));
    Ok(())
}

fn what_has_ended_is_forgotten_in_time(place: &Place) -> Done {
    let mut store = place.open()?;
    ["job_1", "job_2"].into_iter().try_for_each(|id| add(&mut store, id, None))?;
    store.take_jobs("a/1", (NOW_US, NOW_US + 30), (false, 1))?;
    assert!(store.answer_job("a/1", "job_1", &OK, (NOW_US, NOW_US + 10))?);
    assert_eq!(store.forget_jobs(NOW_US + 9, 5)?, 0);
    assert_eq!(store.forget_jobs(NOW_US + 10, 5)?, 1);
    assert_eq!(store.jobs(None, None, (None, 9))?.len(), 1);
    Ok(())
}
