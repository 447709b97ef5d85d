//! Whether a deployment may be asked now.

mod machine;
mod settings;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Moment;
use crate::window::Window;
use machine::Machine;

pub use settings::{BreakerSettings, Force, Refused, Standing, Transition, Why};

/// When to ask again where all probes are under way, whose end is not known.
const BUSY: Duration = Duration::from_secs(1);

/// A circuit breaker: closed, open for a while, or half open, where a few probes find out.
///
/// Closed, it counts failures. Open, it refuses. Once its cooldown is over, as many probes as there are places may go at
/// once; enough successes close it, one failure opens it for twice as long. What began before the last change of standing
/// is not counted when it ends. The pattern is M. Nygard's ("Release It!", 2007).
#[derive(Debug)]
pub struct Breaker {
    /// The standing's number, doubled, and one more unless it is closed: what most calls need to know, in one load.
    era: AtomicU64,
    consecutive: AtomicU32,
    window: Window,
    /// Probes under way; shared with their passes, which free their place however they end.
    probes: Arc<AtomicU32>,
    machine: Mutex<Machine>,
}

/// Leave to send once. It is to be given back by [`Breaker::succeed`] or [`Breaker::fail`], best at the first token; one
/// that is dropped says nothing about the deployment, and frees the place of a probe.
#[derive(Debug)]
#[must_use = "a pass that is dropped tells the breaker nothing"]
pub struct Pass {
    era: u64,
    place: Option<Place>,
    /// The breaker went from open to half open by admitting this.
    pub transition: Option<Transition>,
}

/// A probe's place, free again when dropped.
#[derive(Debug)]
struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Pass {
    /// Whether the breaker waits for this send to learn whether the deployment has recovered.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.place.is_some()
    }
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Breaker {
        Breaker {
            era: AtomicU64::new(0),
            consecutive: AtomicU32::new(0),
            window: Window::new(settings.window),
            probes: Arc::default(),
            machine: Mutex::new(Machine::new(settings)),
        }
    }

    /// Other settings from now on; a cooldown that runs is left as it is.
    pub fn apply(&self, settings: BreakerSettings) {
        self.window.resize(settings.window);
        self.machine().settings = settings;
    }

    /// Asks for leave to send.
    ///
    /// # Errors
    /// [`Refused`] while it is open, or half open with all places taken.
    pub fn admit(&self, now: Moment) -> Result<Pass, Refused> {
        let era = self.era.load(Relaxed);
        if era & 1 == 0 {
            return Ok(Pass { era, place: None, transition: None });
        }
        let mut machine = self.machine();
        if machine.standing() == Standing::Closed {
            return Ok(Pass { era: self.era.load(Relaxed), place: None, transition: None });
        }
        machine.may_probe(now)?;
        let place = self.place(machine.settings.probes).ok_or(Refused { until: now + BUSY })?;
        let transition = machine.half_open();
        self.publish(&machine, transition);
        Ok(Pass { era: self.era.load(Relaxed), place: Some(place), transition })
    }

    /// The send that `pass` allowed succeeded.
    pub fn succeed(&self, pass: Pass, now: Moment) -> Option<Transition> {
        let current = pass.era == self.era.load(Relaxed);
        match (current, pass.is_probe()) {
            (false, _) => None,
            (true, false) => {
                // A load is cheaper than a store that takes the line from the other threads.
                if self.consecutive.load(Relaxed) != 0 {
                    self.consecutive.store(0, Relaxed);
                }
                self.window.add(now, 1, 0);
                None
            }
            (true, true) => self.change(pass.era, |machine| machine.probe_succeeded(now)),
        }
    }

    /// The send that `pass` allowed failed, by the deployment's fault. `cooldown` is what the upstream asked for
    /// (`retry-after`): a breaker that opens, or is open, stays open at least that long (`max_asked` at most).
    pub fn fail(&self, pass: Pass, now: Moment, cooldown: Option<Duration>) -> Option<Transition> {
        let mut machine = self.machine();
        if let Some(asked) = cooldown {
            machine.asked(now, asked);
        }
        if pass.era != self.era.load(Relaxed) {
            return None;
        }
        let transition = if pass.is_probe() {
            machine.probe_failed(now)
        } else {
            let consecutive = self.consecutive.fetch_add(1, Relaxed).saturating_add(1);
            self.window.add(now, 0, 1);
            let counts = self.window.totals(now);
            machine.failed(now, consecutive, counts)
        };
        self.publish(&machine, transition);
        transition
    }

    /// The send that `pass` allowed says nothing about the deployment: cancelled, or refused by the caller's fault.
    /// As good as dropping it.
    pub fn cancel(&self, pass: Pass) {
        drop(pass);
    }

    /// What it does at `now`. An open one whose cooldown is over counts as half open.
    #[must_use]
    pub fn state(&self, now: Moment) -> Standing {
        if self.era.load(Relaxed) & 1 == 0 {
            return Standing::Closed;
        }
        match self.machine().standing() {
            Standing::Open { until } if until <= now => Standing::HalfOpen,
            standing => standing,
        }
    }

    /// Whether [`Breaker::admit`] would refuse, and until when; takes no place.
    #[must_use]
    pub fn refuses(&self, now: Moment) -> Option<Refused> {
        match self.state(now) {
            Standing::Closed => None,
            Standing::Open { until } => Some(Refused { until }),
            Standing::HalfOpen => {
                let places = self.machine().settings.probes.max(1);
                (self.probes.load(Relaxed) >= places).then_some(Refused { until: now + BUSY })
            }
        }
    }

    /// What others know: another replica that opened, a health check that failed or succeeded. An open one is never
    /// shortened by [`Force::Open`].
    pub fn force(&self, force: Force, now: Moment) -> Option<Transition> {
        let mut machine = self.machine();
        let transition = match force {
            Force::Open { until } => machine.open_until(until, Why::Told),
            Force::Closed => machine.close(now, Why::Told),
        };
        self.publish(&machine, transition);
        transition
    }

    fn change(&self, era: u64, to: impl FnOnce(&mut Machine) -> Option<Transition>) -> Option<Transition> {
        let mut machine = self.machine();
        // Looked at again under the lock: another probe may have ended this standing.
        if era != self.era.load(Relaxed) {
            return None;
        }
        let transition = to(&mut machine);
        self.publish(&machine, transition);
        transition
    }

    /// Makes a change of standing known to who takes no lock. Called with the lock held.
    fn publish(&self, machine: &Machine, transition: Option<Transition>) {
        if transition.is_none() {
            return;
        }
        let closed = machine.standing() == Standing::Closed;
        if closed {
            self.consecutive.store(0, Relaxed);
            self.window.clear();
        }
        let number = (self.era.load(Relaxed) >> 1) + 1;
        self.era.store(number << 1 | u64::from(!closed), Relaxed);
    }

    fn place(&self, places: u32) -> Option<Place> {
        let taken = |now: u32| (now < places.max(1)).then(|| now + 1);
        self.probes.fetch_update(Relaxed, Relaxed, taken).ok()?;
        Some(Place(Arc::clone(&self.probes)))
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
