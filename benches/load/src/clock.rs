//! Time in nanoseconds, and sleeping that is exact to some microseconds.
//!
//! The timers of tokio wake on whole milliseconds. That is as long as the delays that are measured here are short, and it
//! gathers in one instant what an upstream would send spread over a millisecond. So each thread has one kernel timer
//! (`timerfd_create(2)`), set to the nearest of its deadlines.

use std::{
    cell::{Cell, RefCell},
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    future::Future,
    io,
    os::fd::OwnedFd,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
    timerfd_settime,
};
use tokio::io::{Interest, unix::AsyncFd};

const SECOND: u64 = 1_000_000_000;

/// Nanoseconds of the monotonic clock. Only differences mean anything.
#[must_use]
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // The monotonic clock counts up from the start of the machine, so neither part is negative.
    time.tv_sec.unsigned_abs() * SECOND + time.tv_nsec.unsigned_abs()
}

/// The timer of one thread. Clones are handles to the same timer.
#[derive(Clone)]
pub struct Clock(Rc<Timer>);

struct Timer {
    fd: AsyncFd<OwnedFd>,
    sleepers: RefCell<BinaryHeap<Reverse<Sleeper>>>,
    armed: Cell<u64>,
}

impl Clock {
    /// Starts the timer. Must be called inside a `LocalSet`, since a task of that set wakes the sleepers.
    ///
    /// # Errors
    /// The system's own, if it gives no timer.
    pub fn start() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe, for types that may swap their descriptor; OwnedFd never does"
        )]
        let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
        let timer = Rc::new(Timer { fd, sleepers: RefCell::default(), armed: Cell::new(u64::MAX) });
        tokio::task::spawn_local(wake_sleepers(timer.clone()));
        Ok(Self(timer))
    }

    /// Ends at the deadline, given in the nanoseconds of [`now`]; at once if it is past.
    #[must_use]
    pub fn sleep_until(&self, deadline: u64) -> Sleep {
        Sleep { timer: self.0.clone(), deadline, waker: None }
    }
}

async fn wake_sleepers(timer: Rc<Timer>) {
    loop {
        let Ok(mut ready) = timer.fd.readable().await else { return };
        let mut expirations = [0; 8];
        // Reading says only how often the timer went off; it must be read for the next time to be reported.
        let _ = ready.try_io(|fd| rustix::io::read(fd.get_ref(), &mut expirations).map_err(Into::into));
        drop(ready);
        timer.armed.set(u64::MAX);
        timer.wake_due();
    }
}

impl Timer {
    fn wake_due(&self) {
        let now = now();
        let mut sleepers = self.sleepers.borrow_mut();
        while sleepers.peek().is_some_and(|Reverse(next)| next.deadline <= now) {
            if let Some(Reverse(sleeper)) = sleepers.pop()
                && let Some(waker) = sleeper.waker.take()
            {
                waker.wake();
            }
        }
        if let Some(Reverse(next)) = sleepers.peek() {
            self.arm(next.deadline);
        }
    }

    fn add(&self, sleeper: Sleeper) {
        let deadline = sleeper.deadline;
        self.sleepers.borrow_mut().push(Reverse(sleeper));
        if deadline < self.armed.get() {
            self.arm(deadline);
        }
    }

    fn arm(&self, deadline: u64) {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let it_value = Timespec {
            tv_sec: i64::try_from(deadline / SECOND).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(deadline % SECOND).unwrap_or_default(),
        };
        let once = Itimerspec { it_interval: zero, it_value };
        if timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &once).is_ok() {
            self.armed.set(deadline);
        }
    }
}

struct Sleeper {
    deadline: u64,
    waker: Rc<Cell<Option<Waker>>>,
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.deadline == other.deadline
    }
}

impl Eq for Sleeper {}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> Ordering {
        self.deadline.cmp(&other.deadline)
    }
}

/// Waits for a deadline; see [`Clock::sleep_until`].
pub struct Sleep {
    timer: Rc<Timer>,
    deadline: u64,
    waker: Option<Rc<Cell<Option<Waker>>>>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if now() >= self.deadline {
            return Poll::Ready(());
        }
        let waker = Some(context.waker().clone());
        if let Some(slot) = &self.waker {
            slot.set(waker);
        } else {
            let slot = Rc::new(Cell::new(waker));
            self.timer.add(Sleeper { deadline: self.deadline, waker: slot.clone() });
            self.waker = Some(slot);
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        // The entry stays until its time comes, but no longer wakes a task that has ended.
        if let Some(slot) = &self.waker {
            slot.set(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::LocalSet;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        LocalSet::new().block_on(&crate::cores::runtime().unwrap(), work)
    }

    #[test]
    fn sleepers_wake_in_the_order_of_their_deadlines() {
        let order = block_on(async {
            let clock = Clock::start().unwrap();
            let order = Rc::new(RefCell::new(Vec::new()));
            let start = now();
            let tasks: Vec<_> = [30, 10, 20]
                .map(|millis| {
                    let (clock, order) = (clock.clone(), order.clone());
                    tokio::task::spawn_local(async move {
                        let deadline = start + millis * 1_000_000;
                        clock.sleep_until(deadline).await;
                        assert!(now() >= deadline, "woken too early");
                        order.borrow_mut().push(millis);
                    })
                })
                .into();
            for task in tasks {
                task.await.unwrap();
            }
            order.take()
        });
        assert_eq!(order, [10, 20, 30]);
    }

    #[test]
    fn a_past_deadline_ends_at_once() {
        block_on(async { Clock::start().unwrap().sleep_until(now() - 1).await });
    }
}
