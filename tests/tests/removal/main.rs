//! A removal races edits, a new key and a foothold: every order of three phones and one relay, looked through to the
//! end. The real intents, fold, keys, admission and cuts; a relay reduced to its one rule.
//!
//! Bounds: at most `REKNIT_EDITS` entries of each phone (one, if not said) and one less of the laptop, one want of each. `just removals` prints what
//! was looked through.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod phones;

use phones::{BEN, Books, Came, Cast, LAPTOP, Logbook, STOLEN, Shelf};
use reknit_core::entry::Standing;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use wire::hash::sha256;

/// One phone: how many items it folded, what it accepted in which order, what waits, how far it read and pushed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Phone {
    items: usize,
    order: Vec<u16>,
    waits: Vec<u16>,
    read: usize,
    written: Vec<u16>,
    pushed: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Situation {
    control: Vec<u16>,
    data: Vec<u16>,
    phones: [Phone; 3],
}

/// One step of one phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// Folds all that the relay has: what comes later is another step.
    Fold,
    /// Appends what it wants; whether it hears of that is another step.
    Append,
    Write,
    Push,
    /// Reads all entries that the relay has.
    Read,
}

const ACTS: [Act; 5] = [Act::Fold, Act::Append, Act::Write, Act::Push, Act::Read];

/// Entries that a phone accepted: of which the set, not the order, makes a view.
type Set = (Vec<u16>, BTreeSet<u16>);

struct Search {
    cast: Cast,
    edits: usize,
    /// Items and entries by name.
    named: Vec<Vec<u8>>,
    names: BTreeMap<[u8; 32], u16>,
    books: Books,
    views: BTreeMap<Set, BTreeMap<u64, Standing>>,
    /// What was looked at already, in the order in which it came.
    checked: BTreeMap<(Vec<u16>, Vec<u16>), BTreeMap<u64, Standing>>,
}

impl Search {
    fn name(&mut self, bytes: Vec<u8>) -> u16 {
        let next = u16::try_from(self.named.len()).unwrap();
        let name = *self.names.entry(sha256(&[&bytes])).or_insert(next);
        if name == next {
            self.named.push(bytes);
        }
        name
    }

    fn book(&mut self, device: usize, control: &[u16]) -> Rc<Logbook> {
        if let Some(book) = self.books.get(&(device, control.to_vec())) {
            return Rc::clone(book);
        }
        let later = control.iter().map(|name| self.named[usize::from(*name)].clone());
        let items: Vec<_> = self.cast.base.iter().cloned().chain(later).collect();
        let book = Rc::new(self.cast.book(device, &items));
        self.check_keys(device, &book);
        self.books.insert((device, control.to_vec()), Rc::clone(&book));
        book
    }

    /// Who is out has no later key; who is in and honest has the newest.
    fn check_keys(&self, device: usize, book: &Logbook) {
        let id = self.cast.keys[device].id();
        if Cast::is_in(book, id) {
            assert!(Cast::has_key(book), "who is in can write");
        } else {
            assert!(!Cast::has_key(book), "no later key for who is out");
        }
        assert!(device == STOLEN || Cast::is_in(book, id), "the honest stay in");
    }

    fn shelf(&self, book: &Logbook, order: &[u16]) -> Shelf {
        let mut shelf = Shelf::default();
        for name in order {
            let came = self.cast.offer(book, &mut shelf, &self.named[usize::from(*name)]);
            assert!(came == Came::Accepted, "what was accepted once stays accepted");
        }
        shelf
    }

    fn step(&mut self, from: &Situation, device: usize, act: Act) -> Option<Situation> {
        let mut to = from.clone();
        let phone = &from.phones[device];
        let book = self.book(device, &from.control[..phone.items]);
        let level = phone.items == from.control.len();
        // Whoever holds the stolen phone writes all the same, whatever can be heard there.
        if device == STOLEN && act == Act::Read {
            return None;
        }
        match act {
            Act::Fold => {
                if level {
                    return None;
                }
                to.phones[device].items = from.control.len();
                self.settle(&mut to, device);
            }
            Act::Append => {
                let shelf = self.shelf(&book, &phone.order);
                let want = self.cast.want(device, &book, &shelf).filter(|_| level)?;
                let (_, item) = self.cast.compose(device, &book, want).unwrap();
                let name = self.name(item);
                to.control.push(name);
            }
            Act::Write => {
                let may = Cast::is_in(&book, self.cast.keys[device].id());
                // What the laptop writes parts nothing: with one less each, more of the rest is looked at.
                let most = self.edits - usize::from(device == LAPTOP);
                if !may || phone.written.len() >= most {
                    return None;
                }
                let shelf = self.shelf(&book, &phone.order);
                let entry = self.cast.write(device, &book, &shelf);
                let name = self.name(entry);
                to.phones[device].order.push(name);
                to.phones[device].written.push(name);
            }
            Act::Push => {
                // An honest phone pushes when it is level; whoever holds the other may have the relay's help.
                let may = level || device == STOLEN;
                let name = *phone.written.get(phone.pushed).filter(|_| may)?;
                to.data.push(name);
                to.phones[device].pushed += 1;
            }
            Act::Read => {
                let new = from.data.get(phone.read..).filter(|new| !new.is_empty())?;
                let news = new.iter().filter(|name| !phone.order.contains(name));
                to.phones[device].waits.extend(news);
                to.phones[device].read = from.data.len();
                self.settle(&mut to, device);
            }
        }
        Some(to)
    }

    /// Takes in what waited, as far as it can be now.
    fn settle(&mut self, at: &mut Situation, device: usize) {
        let book = self.book(device, &at.control[..at.phones[device].items]);
        let phone = &mut at.phones[device];
        let mut shelf = self.shelf(&book, &phone.order);
        let mut again = true;
        while again {
            again = false;
            let (named, cast, order) = (&self.named, &self.cast, &mut phone.order);
            phone.waits.retain(|name| {
                match cast.offer(&book, &mut shelf, &named[usize::from(*name)]) {
                    Came::Accepted => {
                        order.push(*name);
                        again = true;
                        false
                    }
                    Came::Waits => true,
                    Came::Refused => false,
                }
            });
        }
    }

    /// The view of an honest phone: one view for one set, and cut where it must be and nowhere else.
    fn check_view(&mut self, at: &Situation, device: usize) -> BTreeMap<u64, Standing> {
        let control = at.control[..at.phones[device].items].to_vec();
        let order = at.phones[device].order.clone();
        if let Some(view) = self.checked.get(&(control.clone(), order.clone())) {
            return view.clone();
        }
        let book = self.book(device, &control);
        let shelf = self.shelf(&book, &at.phones[device].order);
        let view = self.cast.view(&book, &shelf);
        let chain = self.cast.chain(STOLEN);
        let end = book.log.end_of(chain);
        for (seq, standing) in &view {
            let heard = shelf.accepted.iter().any(|(entry, seen)| {
                entry.header.chain == self.cast.chain(BEN)
                    && seen.get(&chain).is_some_and(|(last, _)| last >= seq)
                    && end.is_none_or(|(_, idx)| entry.header.control.0 < idx)
            });
            let cut = end.is_some_and(|(last, _)| *seq > last);
            let expected = if cut && !heard { Standing::CutOff } else { Standing::Counts };
            assert_eq!(*standing, expected, "entry {seq} of the phone at {at:?}");
        }
        let set = (control.clone(), order.iter().copied().collect());
        let known = self.views.entry(set).or_insert_with(|| view.clone());
        assert_eq!(*known, view, "one set, one view: {at:?}");
        self.checked.insert((control, order), view.clone());
        view
    }

    /// Nothing that was kept is taken back, and what the other had heard before the removal goes on counting.
    fn check_kept(&mut self, from: &Situation, to: &Situation, device: usize) {
        let (before, after) = (&from.phones[device], &to.phones[device]);
        assert!(after.order.starts_with(&before.order), "what was accepted stays");
        let (was, is) = (self.check_view(from, device), self.check_view(to, device));
        let book = self.book(device, &from.control[..before.items]);
        let removed = book.log.end_of(self.cast.chain(STOLEN)).is_some();
        for (seq, standing) in was {
            let taken_back = standing == Standing::Counts && is[&seq] != Standing::Counts;
            assert!(!(removed && taken_back), "entry {seq} counted after the removal: {to:?}");
        }
    }

    /// Nobody can do anything.
    fn check_end(&mut self, end: &Situation) {
        for device in [LAPTOP, BEN] {
            let book = self.book(device, &end.control);
            assert!(!Cast::is_in(&book, self.cast.keys[STOLEN].id()), "the phone is out");
            assert!(end.phones[device].waits.is_empty(), "nothing waits: {end:?}");
        }
        let [laptop, ben] = [LAPTOP, BEN].map(|device| self.book(device, &end.control));
        assert_eq!(laptop.log.table(), ben.log.table(), "one table");
        let foothold = self.cast.foothold();
        assert_eq!(laptop.log.table().device(foothold), ben.log.table().device(foothold));
        let sets = [LAPTOP, BEN].map(|device| {
            let order = end.phones[device].order.iter().copied();
            order.collect::<BTreeSet<_>>()
        });
        assert_eq!(sets[0], sets[1], "both hold the same: {end:?}");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "`just removals` shows how much was looked through")]
fn m6_no_order_of_a_removal_a_new_key_and_edits_parts_two_views_or_takes_back_what_was_heard() {
    let edits = std::env::var("REKNIT_EDITS").map_or(1, |n| n.parse().unwrap());
    let mut search = Search {
        cast: Cast::new(),
        edits,
        named: Vec::new(),
        names: BTreeMap::new(),
        books: Books::new(),
        views: BTreeMap::new(),
        checked: BTreeMap::new(),
    };
    let (mut seen, mut todo) = (BTreeSet::new(), vec![Situation::default()]);
    let (mut steps, mut ends) = (0_usize, 0_usize);
    while let Some(now) = todo.pop() {
        if !seen.insert(now.clone()) {
            continue;
        }
        let mut quiet = true;
        for device in [LAPTOP, STOLEN, BEN] {
            for act in ACTS {
                let Some(next) = search.step(&now, device, act) else { continue };
                quiet = false;
                steps += 1;
                if device != STOLEN {
                    search.check_kept(&now, &next, device);
                }
                todo.push(next);
            }
        }
        if quiet {
            ends += 1;
            search.check_end(&now);
        }
    }
    println!(
        "{} situations, {steps} steps, {} items and entries, {} logs, {} sets of which each has one view, {ends} ends",
        seen.len(),
        search.named.len(),
        search.books.len(),
        search.views.len(),
    );
    assert!(ends > 10 && seen.len() > 1_000);
}
