use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn indices(order: &[Ranked]) -> Vec<usize> {
    order.iter().map(|ranked| ranked.index).collect()
}

#[test]
fn smooth_is_nginx_example() {
    let smooth = Smooth::new([5, 1, 1]);
    let picks: Vec<_> = (0..7).filter_map(|_| smooth.pick(|_| true)).collect();
    assert_eq!(picks, [0, 0, 1, 0, 2, 0, 0]);
    assert_eq!(smooth.pick(|_| false), None);
    let idle = Smooth::new([0, 3]);
    assert!((0..9).all(|_| idle.pick(|_| true) == Some(1)));
    assert_eq!(idle.pick(|index| index == 0), Some(0));
}

#[test]
fn smooth_is_exact_over_threads() {
    let smooth = Smooth::new([3, 2, 5]);
    let picked = std::sync::Mutex::new([0_u32; 3]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..2500).for_each(|_| picked.lock().unwrap()[smooth.pick(|_| true).unwrap()] += 1));
        }
    });
    assert_eq!(picked.into_inner().unwrap(), [3000, 2000, 5000]);
}

#[test]
fn equals_come_in_any_order() {
    let mut firsts = [0_u32; 3];
    for draw in 0..3000_u64 {
        let mut order = Vec::new();
        rank(&mut order, 3, |index| [1.0, 1.0, 2.0][index] + any_of_equals(hash(&draw.to_le_bytes()), index));
        firsts[order[0].index] += 1;
    }
    assert!(firsts[0] > 1300 && firsts[1] > 1300 && firsts[2] == 0, "{firsts:?}");
}

#[test]
fn rank_and_first_give_a_full_order() {
    let mut order = Vec::new();
    rank(&mut order, 4, |index| [2.0, 1.0, f64::NAN, 1.0][index]);
    assert_eq!(indices(&order), [1, 3, 0, 2]);
    first(&mut order, 0);
    assert_eq!(indices(&order), [0, 1, 3, 2]);
    first(&mut order, 9);
    assert_eq!(indices(&order), [0, 1, 3, 2]);
}

#[test]
fn what_cannot_serve_comes_last() {
    use Readiness::{Away, Ejected, Ready};
    let until = |seconds: u64| Moment(0) + Duration::from_secs(seconds);
    let states = [Away { until: until(9) }, Ready, Away { until: until(3) }, Ready, Ejected { until: until(5) }, Ready];
    let mut order = Vec::new();
    rank(&mut order, 6, |index| index as f64);
    let healthy = healthy_first(&mut order, 0.5, |index| states[index]);
    assert_eq!((indices(&order), healthy), (vec![1, 3, 5, 4, 2, 0], Healthy { ready: 3, panic: false }));
    rank(&mut order, 6, |index| -(index as f64));
    let healthy = healthy_first(&mut order, 0.6, |index| states[index]);
    assert_eq!((indices(&order), healthy), (vec![5, 4, 3, 1, 2, 0], Healthy { ready: 4, panic: true }));
}

#[test]
fn two_choices_draws_all_pairs_and_takes_the_better() {
    assert_eq!(two_choices(7, 0, |_| 0.0), None);
    assert_eq!(two_choices(u64::MAX, 1, |_| 0.0), Some(0));
    let mut picked = [0_u32; 5];
    for key in 0..20_000_u64 {
        picked[two_choices(hash(&key.to_le_bytes()), 5, |index| index as f64).unwrap()] += 1;
    }
    // Of 10 pairs, target n is the better of 4 - n; never the worst.
    for (index, count) in picked.iter().enumerate() {
        let expected = 2000.0 * (4 - index) as f64;
        assert!((f64::from(*count) - expected).abs() <= 300.0, "{picked:?}");
    }
}

proptest! {
    #[test]
    fn smooth_is_exact_over_any_run(weights in prop::collection::vec(1_u32..9, 1..6), skip in 0_usize..50, out in 0_usize..6) {
        // One target is left out, if there are others.
        let eligible = |index: usize| weights.len() == 1 || index != out;
        let smooth = Smooth::new(weights.iter().copied());
        (0..skip).for_each(|_| { smooth.pick(eligible); });
        let total: u32 = weights.iter().enumerate().filter(|(index, _)| eligible(*index)).map(|(_, weight)| weight).sum();
        let mut picked = vec![0; weights.len()];
        (0..total).for_each(|_| picked[smooth.pick(eligible).unwrap()] += 1);
        for (index, weight) in weights.iter().enumerate() {
            prop_assert_eq!(picked[index], if eligible(index) { *weight } else { 0 });
        }
    }

    #[test]
    fn removing_a_target_moves_only_its_keys(key: u64, count in 2_usize..9, removed in 0_usize..9) {
        let removed = removed % count;
        let mut all = Vec::new();
        rank(&mut all, count, |index| rendezvous(key, index as u64, 1.0));
        let mut left = Vec::new();
        let weight = |index| if index == removed { 0.0 } else { 1.0 };
        rank(&mut left, count, |index| rendezvous(key, index as u64, weight(index)));
        all.retain(|ranked| ranked.index != removed);
        prop_assert_eq!(indices(&all), indices(&left[..count - 1]));
    }

    #[test]
    fn rendezvous_keeps_the_weights(seed: u64) {
        let weights = [1.0, 2.0, 5.0];
        let mut picked = [0_u32; 3];
        let mut order = Vec::new();
        for n in 0..4000_u64 {
            rank(&mut order, 3, |index| rendezvous(hash(&(seed ^ n).to_le_bytes()), index as u64, weights[index]));
            picked[order[0].index] += 1;
        }
        for (count, weight) in picked.iter().zip(weights) {
            prop_assert!((f64::from(*count) / 4000.0 - weight / 8.0).abs() < 0.05, "{picked:?}");
        }
    }

    #[test]
    fn an_order_loses_nobody(states in prop::collection::vec((0_u8..3, 0_u64..9), 0..12), panic in 0.0..1.0_f64) {
        let readiness = |index: usize| match states[index] {
            (0, _) => Readiness::Ready,
            (1, until) => Readiness::Ejected { until: Moment(until) },
            (_, until) => Readiness::Away { until: Moment(until) },
        };
        let mut order = Vec::new();
        rank(&mut order, states.len(), |_| 0.0);
        let healthy = healthy_first(&mut order, panic, readiness);
        let away = |ranked: &Ranked| matches!(readiness(ranked.index), Readiness::Away { .. });
        prop_assert!(!order.iter().take(healthy.ready).any(away));
        let mut all = indices(&order);
        all.sort_unstable();
        prop_assert_eq!(all, (0..states.len()).collect::<Vec<_>>());
    }
}
