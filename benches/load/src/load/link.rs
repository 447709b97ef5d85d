//! What a request is sent over, in either version of HTTP, and one exchange over it from its opening to its count.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use crate::{
    clock::now,
    load::{Failure, Plan, Report, connection::Connection, http2::Share, request::Request, tally::Tally},
};

/// When an answer came, in the nanoseconds of [`crate::clock::now`].
pub(crate) struct Outcome {
    /// The first byte of its body.
    pub(crate) first: u64,
    /// Its last byte.
    pub(crate) done: u64,
    /// Whether another request may follow on the same connection.
    pub(crate) reusable: bool,
}

/// Room for one request at a time: a connection of HTTP/1.1, or a share of one of HTTP/2.
pub(crate) enum Link {
    Http1(Box<Connection>),
    Http2(Share),
}

impl Link {
    /// Whether the other end has not closed it meanwhile, as it may when nothing was asked for long.
    fn is_open(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.is_open(),
            Self::Http2(_) => true,
        }
    }

    pub(crate) async fn exchange(&mut self, plan: &Plan, request: &Request) -> Result<Outcome, Failure> {
        match self {
            Self::Http1(connection) => connection.exchange(plan, request).await,
            Self::Http2(share) => share.exchange(plan, request).await,
        }
    }
}

/// Opens links; over HTTP/2 a connection carries as many as the plan says.
#[derive(Default)]
pub(crate) struct Links {
    shared: RefCell<Option<Share>>,
    room: Cell<u32>,
    /// Several links may ask at once, and each connection must be opened once.
    opening: tokio::sync::Mutex<()>,
}

impl Links {
    pub(crate) async fn open(&self, plan: &Plan) -> Result<Link, Failure> {
        let Some(most) = plan.http2 else {
            return Ok(Link::Http1(Box::new(Connection::open(plan.address).await?)));
        };
        let _one_at_a_time = self.opening.lock().await;
        let shared = self.shared.borrow().clone();
        if let (Some(share), 1..) = (shared, self.room.get()) {
            self.room.set(self.room.get() - 1);
            return Ok(Link::Http2(share));
        }
        let share = Share::open(plan).await?;
        self.shared.replace(Some(share.clone()));
        self.room.set(most - 1);
        Ok(Link::Http2(share))
    }

    /// A connection that failed must not be handed out again.
    pub(crate) fn forget(&self) {
        self.shared.replace(None);
    }
}

/// What all links of a run share.
pub(crate) struct Shared {
    pub(crate) plan: Rc<Plan>,
    pub(crate) links: Links,
    pub(crate) tally: RefCell<Tally>,
}

impl Shared {
    pub(crate) fn new(plan: Rc<Plan>, measure_from: u64) -> Result<Self, String> {
        Ok(Self { plan, links: Links::default(), tally: RefCell::new(Tally::new(measure_from)?) })
    }

    pub(crate) fn measuring(&self) {
        self.tally.borrow_mut().measuring(&self.plan);
    }

    pub(crate) fn report(&self) -> Report {
        self.tally.borrow().report(&self.plan)
    }
}

/// The place of one link, opened when it is needed and again after it broke.
#[derive(Default)]
pub(crate) struct Slot {
    link: Option<Link>,
    request: Option<Rc<Request>>,
}

impl Slot {
    /// Sends the `n`th request and counts what became of it, from when it was due, or else from when it was sent.
    pub(crate) async fn exchange(&mut self, shared: &Shared, n: u64, due: Option<u64>) -> Result<(), Failure> {
        let answered = self.answered(shared, n, due).await;
        if let Err(failure) = answered {
            shared.tally.borrow_mut().failed(failure);
            shared.links.forget();
            self.link = None;
        }
        answered
    }

    async fn answered(&mut self, shared: &Shared, n: u64, due: Option<u64>) -> Result<(), Failure> {
        let mut link = match self.link.take().filter(Link::is_open) {
            Some(link) => link,
            None => shared.links.open(&shared.plan).await?,
        };
        let request = shared.plan.request(n, self.request.take());
        let sent = now();
        let outcome = link.exchange(&shared.plan, &request).await?;
        self.request = Some(request);
        let mut tally = shared.tally.borrow_mut();
        tally.answered(due, sent, &outcome);
        if outcome.reusable {
            self.link = Some(link);
        } else {
            tally.reconnects += 1;
        }
        Ok(())
    }
}
