//! Random lives of a journal: whatever happens between appending and shipping, the store has each entry once.

use proptest::prelude::*;
use proptest::sample::Index;
use tollway_records::journal::{Batch, Class, Cursor, Journal, Kind, Lane, Ownership, Reader, Settings};

use super::support::{Folder, LATER, MANY, Store, segments_of};

#[derive(Debug, Clone)]
enum Step {
    OpenLane,
    CloseLane(Index),
    Append(Index, usize),
    Payload(Index, usize),
    Retry(Index),
    Flush,
    /// Read so many, and keep them; then die, or delete what is shipped.
    Ship {
        entries: usize,
        dies: bool,
    },
    /// Keep so many and delete what is shipped, with as many read ahead; then die.
    ReadAhead(usize),
    /// Die, having written so many bytes of an entry to each lane.
    Crash(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let any = any::<Index>;
    prop_oneof![
        1 => Just(Step::OpenLane),
        1 => any().prop_map(Step::CloseLane),
        8 => (any(), 0..120_usize).prop_map(|(lane, length)| Step::Append(lane, length)),
        2 => (any(), 0..120_usize).prop_map(|(lane, length)| Step::Payload(lane, length)),
        1 => any().prop_map(Step::Retry),
        1 => Just(Step::Flush),
        3 => (1..9_usize, prop::bool::weighted(0.2)).prop_map(|(entries, dies)| Step::Ship { entries, dies }),
        1 => (1..9_usize).prop_map(Step::ReadAhead),
        1 => (0..40_usize).prop_map(Step::Crash),
    ]
}

struct Life {
    folder: Folder,
    settings: Settings,
    store: Store,
    /// What each lane, by number, was given.
    given: Vec<Vec<String>>,
    running: Option<Running>,
}

struct Running {
    readers: [Reader; 2],
    lanes: Vec<(usize, Lane)>,
    journal: Journal,
}

impl Life {
    fn new(settings: Settings) -> Self {
        let (folder, store) = (Folder::new(), Store::default());
        Self { folder, settings, store, given: Vec::new(), running: None }
    }

    fn running(&mut self) -> &mut Running {
        if self.running.is_none() {
            let journal = Journal::open(&self.folder, self.settings.clone(), Ownership::Owner).unwrap();
            let cursors: Vec<Cursor> = self.store.list();
            let readers = [Class::Records, Class::Payloads].map(|class| journal.reader(class, &cursors).unwrap());
            self.running = Some(Running { readers, lanes: Vec::new(), journal });
        }
        self.running.as_mut().unwrap()
    }

    fn append(&mut self, index: Index, kind: Kind, length: usize) {
        let Running { lanes, .. } = self.running();
        if lanes.is_empty() {
            return;
        }
        let at = index.index(lanes.len());
        let number = lanes[at].0;
        let text = format!("{kind:?} {number} {} {}", self.given[number].len(), "x".repeat(length));
        let lane = &mut self.running().lanes[at].1;
        lane.append(kind, |out| out.extend_from_slice(text.as_bytes())).unwrap();
        self.given[number].push(text);
    }

    fn read(&mut self, entries: usize) -> [Batch; 2] {
        self.running().readers.each_mut().map(|reader| reader.read(entries, MANY).unwrap())
    }

    fn shipped(&mut self, batches: &[Batch; 2]) {
        for (at, batch) in batches.iter().enumerate() {
            for lane in self.running().readers[at].shipped(&batch.cursors).unwrap() {
                self.store.cursors.remove(&lane);
            }
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::OpenLane => {
                let number = self.given.len();
                let lane = self.running().journal.lane().unwrap();
                self.running().lanes.push((number, lane));
                self.given.push(Vec::new());
            }
            Step::CloseLane(index) => {
                let lanes = &mut self.running().lanes;
                if !lanes.is_empty() {
                    lanes.remove(index.index(lanes.len()));
                }
            }
            Step::Append(lane, length) => self.append(*lane, Kind::Request, *length),
            Step::Payload(lane, length) => self.append(*lane, Kind::Payload, *length),
            Step::Retry(index) => {
                let lanes = &mut self.running().lanes;
                if !lanes.is_empty() {
                    let at = index.index(lanes.len());
                    lanes[at].1.retry();
                }
            }
            Step::Flush => self.running().journal.flush().unwrap(),
            Step::Ship { entries, dies } => {
                let batches = self.read(*entries);
                batches.iter().for_each(|batch| self.store.keep(batch));
                if *dies {
                    self.running = None;
                    return;
                }
                self.shipped(&batches);
            }
            Step::ReadAhead(entries) => {
                let batches = self.read(*entries);
                batches.iter().for_each(|batch| self.store.keep(batch));
                self.read(*entries);
                self.shipped(&batches);
                self.running = None;
            }
            Step::Crash(torn) => {
                self.running = None;
                for ending in [".seg", ".payload"] {
                    for path in self.folder.files(ending) {
                        let mut bytes = std::fs::read(&path).unwrap();
                        let end = bytes.len();
                        // The beginning of an entry of this lane, but never all of one.
                        if let Some(length) = bytes.get(40).map(|length| usize::from(*length) + 11) {
                            bytes.extend_from_within(40..(40 + length.min(*torn)).min(end));
                            std::fs::write(&path, bytes).unwrap();
                        }
                    }
                }
            }
        }
    }

    fn check(mut self) {
        self.running = None;
        self.running();
        loop {
            let batches = self.read(MANY);
            batches.iter().for_each(|batch| self.store.keep(batch));
            self.shipped(&batches);
            if batches.iter().all(Batch::is_empty) {
                break;
            }
        }
        for (number, given) in self.given.iter().enumerate() {
            for kind in ["Request", "Payload"] {
                let prefix = format!("{kind} {number} ");
                let of =
                    |texts: &[String]| texts.iter().filter(|t| t.starts_with(&prefix)).cloned().collect::<Vec<_>>();
                assert_eq!(of(&self.store.has), of(given));
            }
        }
        assert_eq!(self.store.has.len(), self.given.iter().map(Vec::len).sum::<usize>());
        assert_eq!(self.store.cursors.len(), 0);
        assert_eq!(self.folder.files(".seg").len() + self.folder.files(".payload").len(), 0);
        assert_eq!(self.running().journal.state().bytes, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_has_each_entry_once(
        segment_bytes in prop::sample::select(vec![41_u64, 200, 1000]),
        crowded in any::<bool>(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        // Crowded, segments are ended as soon as they are shipped.
        let settings = if crowded { Settings { max_bytes: 1 << 16, ..segments_of(segment_bytes) } }
            else { Settings { segment_bytes, ..Settings::new(1 << 30, LATER) } };
        let mut life = Life::new(settings);
        for step in &steps {
            life.take(step);
        }
        life.check();
    }
}
