//! In which order the targets of a route are tried.
//!
//! A strategy gives each target a key, [`rank`] sorts by it, [`healthy_first`] moves what cannot serve now to the end.
//! All of it happens in a buffer of the caller's that is used again, so nothing is allocated.

mod rendezvous;
mod smooth;

use crate::clock::Moment;

pub use rendezvous::{hash, rendezvous};
pub use smooth::Smooth;

/// A target in an order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Its place in the route's list.
    pub index: usize,
    /// What it is ordered by: the lowest comes first.
    pub key: f64,
}

/// Fills `order` with the targets `0..count`, the lowest key first, equal ones in the route's order.
pub fn rank(order: &mut Vec<Ranked>, count: usize, key: impl Fn(usize) -> f64) {
    order.clear();
    order.extend((0..count).map(|index| Ranked { index, key: key(index) }));
    order.sort_unstable_by(|a, b| a.key.total_cmp(&b.key).then(a.index.cmp(&b.index)));
}

/// Moves the target `index` to the front; the others keep their order.
pub fn first(order: &mut [Ranked], index: usize) {
    if let Some(front) = order.iter().position(|ranked| ranked.index == index).and_then(|at| order.get_mut(..=at)) {
        front.rotate_right(1);
    }
}

/// The better of two targets that are drawn from `0..count`; `None` of none.
///
/// Two draws are nearly as good as the best of all, and do not send every thread to the same best target at once:
/// M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12 (2001).
pub fn two_choices(draw: u64, count: usize, score: impl Fn(usize) -> f64) -> Option<usize> {
    let upto = |draw: u64, count: u64| ((draw & u64::from(u32::MAX)) * count) >> 32;
    let count = u64::try_from(count).ok().filter(|count| *count < u64::from(u32::MAX))?;
    let others = count.checked_sub(1)?;
    let one = upto(draw, count);
    // The second is drawn from the others: those after the first move one down.
    let two = upto(draw >> 32, others);
    let two = if two < one { two } else { (two + 1).min(others) };
    let [one, two] = [one as usize, two as usize];
    Some(if score(two) < score(one) { two } else { one })
}

/// A part of one, at random: added to a key that is a whole number, it puts equal targets in any order. `draw` is one random
/// number for all of them.
#[must_use]
pub fn any_of_equals(draw: u64, target: usize) -> f64 {
    crate::unit(hash(&(draw ^ (target as u64).rotate_left(32)).to_le_bytes()))
}

/// Whether a target can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// It is put last for being slow, until then.
    Ejected {
        /// The end of the ejection.
        until: Moment,
    },
    /// It cannot: its breaker is open, or it is rate limited, until then.
    Away {
        /// When it is worth asking again.
        until: Moment,
    },
}

/// What [`healthy_first`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Healthy {
    /// So many targets at the front of the order can serve.
    pub ready: usize,
    /// So few are healthy that ejections are ignored.
    pub panic: bool,
}

/// Orders anew by readiness: what is ready first, in the order that it has, then what is ejected, then what is away, of
/// which the first to come back comes first.
///
/// Where fewer than the share `panic` of the targets are ready, those ejected count as ready: what is left would break
/// under the load of all (Envoy's panic threshold, `healthy_panic_threshold`, 0.5 by default). Breakers and rate limits
/// hold in a panic too; what is sent to an open breaker's deployment helps nobody.
pub fn healthy_first(order: &mut [Ranked], panic: f64, readiness: impl Fn(usize) -> Readiness) -> Healthy {
    let ready = order.iter().filter(|ranked| readiness(ranked.index) == Readiness::Ready).count();
    if ready == order.len() {
        return Healthy { ready, panic: false };
    }
    let panic = (ready as f64) < panic * order.len() as f64;
    let group = |ranked: &Ranked| match readiness(ranked.index) {
        Readiness::Ready => (0, Moment(0)),
        Readiness::Ejected { .. } if panic => (0, Moment(0)),
        Readiness::Ejected { .. } => (1, Moment(0)),
        Readiness::Away { until } => (2, until),
    };
    // An insertion sort: stable, in place, and the order is short and nearly right.
    for end in 1..order.len() {
        let mut at = end;
        while let Some([before, this]) = at.checked_sub(1).and_then(|from| order.get_mut(from..=at))
            && group(this) < group(before)
        {
            std::mem::swap(before, this);
            at -= 1;
        }
    }
    Healthy { ready: order.iter().filter(|ranked| group(ranked).0 == 0).count(), panic }
}

#[cfg(test)]
mod tests;
