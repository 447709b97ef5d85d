use super::*;
use crate::clock::now;

const QUIET: Duration = Duration::from_secs(300);

fn both() -> Both {
    (now(), 7)
}

fn raise(book: &mut Book, kind: Kind, subject: &str) -> Vec<(State, u64)> {
    said(&book.raise(kind, subject, "why", both()))
}

fn said(told: &[Alert]) -> Vec<(State, u64)> {
    told.iter().map(|alert| (alert.state, alert.count)).collect()
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn tells_once_while_it_is_quiet_and_counts_the_rest() {
    let mut book = Book::default();
    assert_eq!(raise(&mut book, Kind::DeadKey, "a"), [(State::Firing, 1)]);
    assert_eq!(raise(&mut book, Kind::DeadKey, "a"), []);
    assert_eq!(raise(&mut book, Kind::DeadKey, "b"), [(State::Firing, 1)], "another subject");
    assert_eq!(raise(&mut book, Kind::QuotaExhausted, "a"), [(State::Firing, 1)], "another kind");
    tokio::time::advance(QUIET).await;
    assert_eq!(raise(&mut book, Kind::DeadKey, "a"), [(State::Firing, 3)]);
    assert_eq!((book.firing(None), book.firing(Some(Kind::DeadKey))), (3, 2));
    let ids: std::collections::HashSet<_> = book.list(|_| true).into_iter().map(|alert| alert.id.clone()).collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_is_over_is_told_once_and_what_flaps_is_told_at_the_end_of_the_quiet() {
    let mut book = Book::default();
    assert_eq!(said(&book.resolve(Kind::BreakerOpen, "a", "well", 7)), [], "it never fired");
    raise(&mut book, Kind::BreakerOpen, "a");
    let id = book.list(|_| true)[0].id.clone();
    assert_eq!(said(&book.resolve(Kind::BreakerOpen, "a", "well", 7)), [(State::Resolved, 1)]);
    assert_eq!(said(&book.resolve(Kind::BreakerOpen, "a", "well", 7)), []);
    assert_eq!(raise(&mut book, Kind::BreakerOpen, "a"), [], "soon after: it counts");
    assert_eq!(book.firing(None), 1);
    assert_eq!(said(&book.resolve(Kind::BreakerOpen, "a", "well", 7)), [], "nobody was told that it fired");
    raise(&mut book, Kind::BreakerOpen, "a");
    assert_eq!(said(&book.settle(both())), []);
    tokio::time::advance(QUIET).await;
    assert_eq!(said(&book.settle(both())), [(State::Firing, 3)], "it still fires");
    assert_eq!(said(&book.settle(both())), []);
    assert_eq!(book.list(|_| true)[0].id, id);
    book.resolve(Kind::BreakerOpen, "a", "well", 7);
    tokio::time::advance(QUIET).await;
    assert_eq!(raise(&mut book, Kind::BreakerOpen, "a"), [(State::Firing, 1)], "long after: another one");
    assert_ne!(book.list(|_| true)[0].id, id);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_nobody_ends_is_over_once_it_is_not_seen() {
    let mut book = Book::default();
    raise(&mut book, Kind::PinDrift, "a");
    raise(&mut book, Kind::DeadKey, "a");
    tokio::time::advance(QUIET).await;
    raise(&mut book, Kind::PinDrift, "a");
    tokio::time::advance(QUIET).await;
    assert_eq!(said(&book.settle(both())), [], "it was seen meanwhile");
    tokio::time::advance(QUIET).await;
    assert_eq!(said(&book.settle(both())), [(State::Resolved, 2)]);
    assert_eq!(book.firing(Some(Kind::DeadKey)), 1, "that stays until somebody says so");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn notices_are_numbered_and_bounded_and_so_are_alerts() {
    let mut book = Book::default();
    raise(&mut book, Kind::RuleFailed, "over");
    book.resolve(Kind::RuleFailed, "over", "well", 7);
    assert_eq!(book.since(None, 10).1, 2);
    for subject in 0..MOST {
        raise(&mut book, Kind::RuleFailed, &subject.to_string());
    }
    assert_eq!(book.entries.len(), MOST);
    assert!(book.list(|alert| alert.state == State::Resolved).is_empty(), "what is over gives way first");
    let (seen, next, missed) = book.since(Some(0), 3);
    assert_eq!((seen.iter().map(|notice| notice.seq).collect::<Vec<_>>(), next, missed), (vec![2, 3, 4], 5, 2));
    raise(&mut book, Kind::RuleFailed, "one more");
    assert_eq!((book.entries.len(), book.notices.len()), (MOST, NOTICES));
    assert_eq!(book.since(Some(1 << 40), 10).0.len(), 0, "a number of another process");
    let told = serde_json::to_value(book.since(Some(book.next - 1), 1).0).unwrap();
    assert_eq!(
        (&told[0]["kind"], &told[0]["state"], &told[0]["seq"]),
        (&"rule_failed".into(), &"firing".into(), &1002.into())
    );
}

#[test]
fn a_message_is_bounded() {
    let mut book = Book::default();
    book.raise(Kind::DeadKey, "a", &"ä".repeat(5_000), both());
    assert_eq!(book.list(|_| true)[0].message.chars().count(), LONGEST);
}
