use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Moment {
    Moment(seconds * 1_000_000)
}

fn settings() -> BreakerSettings {
    BreakerSettings {
        consecutive: 3,
        ratio: 0.5,
        window: 16 * SECOND,
        min_requests: 10,
        cooldown: 5 * SECOND,
        max_cooldown: 15 * SECOND,
        max_asked: 60 * SECOND,
        probes: 2,
        successes: 2,
    }
}

fn fail(breaker: &Breaker, now: Moment) -> Option<Transition> {
    breaker.fail(breaker.admit(now).unwrap(), now, None)
}

fn succeed(breaker: &Breaker, now: Moment) -> Option<Transition> {
    breaker.succeed(breaker.admit(now).unwrap(), now)
}

/// Opened by failures at `now`.
fn opened(now: Moment) -> Breaker {
    let breaker = Breaker::new(settings());
    (0..3).for_each(|_| assert!(fail(&breaker, now).is_none_or(|opened| opened.from == Standing::Closed)));
    breaker
}

#[test]
fn failures_in_a_row_open_it_and_a_success_between_does_not() {
    let breaker = Breaker::new(settings());
    assert_eq!((fail(&breaker, at(1)), fail(&breaker, at(1)), succeed(&breaker, at(1))), (None, None, None));
    assert_eq!((fail(&breaker, at(2)), fail(&breaker, at(2))), (None, None));
    let opened = Transition { from: Standing::Closed, to: Standing::Open { until: at(7) }, why: Why::Consecutive(3) };
    assert_eq!(fail(&breaker, at(2)), Some(opened));
    assert_eq!(breaker.admit(at(6)).unwrap_err(), Refused { until: at(7) });
    assert_eq!(breaker.state(at(7)), Standing::HalfOpen);
}

#[test]
fn the_ratio_opens_it_with_enough_requests_only() {
    let breaker = Breaker::new(settings());
    for _ in 0..4 {
        assert_eq!((succeed(&breaker, at(1)), fail(&breaker, at(1))), (None, None));
    }
    assert_eq!(succeed(&breaker, at(1)), None);
    let why = fail(&breaker, at(2)).map(|transition| transition.why);
    assert_eq!(why, Some(Why::Ratio { failed: 5, of: 10 }));
    let breaker = Breaker::new(settings());
    for second in 0..40 {
        // Never more than eight in the window.
        assert_eq!((succeed(&breaker, at(4 * second)), fail(&breaker, at(4 * second))), (None, None));
    }
}

#[test]
fn probes_are_bounded_and_close_it() {
    let breaker = opened(at(0));
    let first = breaker.admit(at(5)).unwrap();
    assert_eq!(first.transition.map(|transition| transition.why), Some(Why::CooledDown));
    let second = breaker.admit(at(5)).unwrap();
    assert!(first.is_probe() && second.is_probe() && second.transition.is_none());
    assert_eq!(breaker.admit(at(6)).unwrap_err(), Refused { until: at(7) });
    assert_eq!(breaker.refuses(at(6)), Some(Refused { until: at(7) }));
    assert_eq!(breaker.succeed(first, at(6)), None);
    assert_eq!(breaker.refuses(at(6)), None);
    let closed = Transition { from: Standing::HalfOpen, to: Standing::Closed, why: Why::Recovered };
    assert_eq!(breaker.succeed(second, at(6)), Some(closed));
    assert_eq!(breaker.state(at(6)), Standing::Closed);
    assert_eq!((fail(&breaker, at(6)), fail(&breaker, at(6))), (None, None), "the failures before are forgotten");
}

#[test]
fn a_lost_probe_frees_its_place() {
    let breaker = opened(at(0));
    for second in 5..100 {
        let passes = (breaker.admit(at(second)).unwrap(), breaker.admit(at(second)).unwrap());
        assert!(breaker.admit(at(second)).is_err());
        breaker.cancel(passes.0);
        drop(passes.1);
    }
}

#[test]
fn the_cooldown_doubles_up_to_its_bound_and_starts_anew_after_it_stayed_closed() {
    let breaker = opened(at(0));
    let mut now = at(5);
    for cooldown in [10, 15, 15] {
        let opened = fail(&breaker, now).unwrap();
        assert_eq!((opened.to, opened.why), (Standing::Open { until: now + cooldown * SECOND }, Why::ProbeFailed));
        now = now + cooldown * SECOND;
    }
    (0..2).for_each(|_| assert_ne!(succeed(&breaker, now).map(|closed| closed.why), Some(Why::Told)));
    let cooldown = |now: Moment| {
        let opened = (0..3).filter_map(|_| fail(&breaker, now)).next().unwrap();
        assert!(matches!(opened.why, Why::Consecutive(_)));
        let Standing::Open { until } = opened.to else { panic!("{opened:?}") };
        until - now
    };
    assert_eq!(cooldown(now + 14 * SECOND), 15 * SECOND);
    now = now + 29 * SECOND;
    (0..2).for_each(|_| assert_ne!(succeed(&breaker, now).map(|closed| closed.why), Some(Why::Told)));
    assert_eq!(cooldown(now + 15 * SECOND), 5 * SECOND);
}

#[test]
fn what_the_upstream_asks_for_is_honoured_and_never_shortened() {
    let breaker = Breaker::new(settings());
    let passes: Vec<_> = (0..6).map(|_| breaker.admit(at(0)).unwrap()).collect();
    let asked = [Some(30), None, Some(2), Some(20), Some(40), Some(9999)];
    let untils = [None, None, Some(30), Some(30), Some(40), Some(60)];
    for ((pass, asked), until) in passes.into_iter().zip(asked).zip(untils) {
        breaker.fail(pass, at(0), asked.map(Duration::from_secs));
        let expected = until.map_or(Standing::Closed, |until| Standing::Open { until: at(until) });
        assert_eq!(breaker.state(at(0)), expected, "{asked:?}");
    }
}

#[test]
fn what_began_before_the_last_change_does_not_count() {
    let breaker = Breaker::new(settings());
    let early: Vec<_> = (0..8).map(|_| breaker.admit(at(0)).unwrap()).collect();
    (0..3).for_each(|_| assert!(fail(&breaker, at(0)).is_none_or(|opened| opened.from == Standing::Closed)));
    let probe = breaker.admit(at(5)).unwrap();
    for pass in early {
        assert_eq!(breaker.succeed(pass, at(5)), None);
    }
    assert_eq!(breaker.fail(probe, at(5), None).map(|opened| opened.to), Some(Standing::Open { until: at(15) }));
}

#[test]
fn others_can_open_and_close_it() {
    let breaker = Breaker::new(settings());
    let pass = breaker.admit(at(0)).unwrap();
    let told = breaker.force(Force::Open { until: at(9) }, at(0)).unwrap();
    assert_eq!((told.to, told.why), (Standing::Open { until: at(9) }, Why::Told));
    assert_eq!(breaker.force(Force::Open { until: at(4) }, at(0)), None);
    assert_eq!(breaker.state(at(8)), Standing::Open { until: at(9) });
    assert_eq!(breaker.fail(pass, at(0), None), None);
    let told = breaker.force(Force::Closed, at(1)).unwrap();
    assert_eq!((told.to, breaker.state(at(1))), (Standing::Closed, Standing::Closed));
    assert_eq!(breaker.force(Force::Closed, at(1)), None);
}

#[test]
fn threads_together_get_no_more_places_than_there_are() {
    let breaker = opened(at(0));
    for round in 0..200 {
        let passes: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| breaker.admit(at(5 + round)).ok())).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert!(!passes.is_empty() && passes.len() <= 2, "{}", passes.len());
    }
}

proptest! {
    /// Whatever happened, once all passes are back, the clock moved on and the upstream is well, it closes.
    #[test]
    fn it_always_recovers(steps in prop::collection::vec((0_u8..6, 0_u64..20_000_000, any::<prop::sample::Index>()), 0..200)) {
        let breaker = Breaker::new(settings());
        let mut now = Moment(0);
        let mut held = Vec::new();
        for (what, time, which) in steps {
            let pass = if held.is_empty() || what < 2 { None } else { Some(held.swap_remove(which.index(held.len()))) };
            match (what, pass) {
                (0, _) => now = Moment(now.0 + time),
                (2, Some(pass)) => drop(breaker.succeed(pass, now)),
                (3, Some(pass)) => drop(breaker.fail(pass, now, None)),
                (4, Some(pass)) => drop(breaker.fail(pass, now, Some(Duration::from_micros(time)))),
                (_, pass) => {
                    drop(pass);
                    held.extend(breaker.admit(now).ok());
                }
            }
            prop_assert!(held.iter().filter(|pass: &&Pass| pass.is_probe()).count() <= 2);
        }
        drop(held);
        now = now + 60 * SECOND;
        for _ in 0..2 {
            succeed(&breaker, now);
        }
        prop_assert_eq!(breaker.state(now), Standing::Closed);
    }
}
