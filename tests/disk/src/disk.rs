//! The disk of a machine while it runs: what is durable, what is there, what no sync made durable yet, and its faults.

use crate::random::Random;
use crate::tree::{Change, Ino, Node, ROOT, Tree};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};

thread_local! {
    static DISK: RefCell<Option<Disk>> = const { RefCell::new(None) };
}

/// Every call of this thread below the folder of `disk` goes to it from here on.
pub fn install(disk: Disk) {
    DISK.with_borrow_mut(|place| *place = Some(disk));
}

/// Takes the disk away again: calls go to the machine's own.
pub fn take() -> Option<Disk> {
    DISK.with_borrow_mut(Option::take)
}

/// Looks at this thread's disk, if there is one and nobody is looking at it already.
pub fn with<T>(look: impl FnOnce(&mut Disk) -> T) -> Option<T> {
    let found = DISK.try_with(|place| place.try_borrow_mut().ok()?.as_mut().map(look));
    found.ok().flatten()
}

/// Whether this thread's disk has power.
pub fn is_alive() -> bool {
    with(|disk| !disk.is_dead()).unwrap_or(false)
}

/// What will go wrong.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The power goes before the change of this number.
    pub cut: Option<u64>,
    /// The call of this number fails, once. Reads and openings count, too.
    pub fail: Option<u64>,
    /// All files together have at most so many bytes.
    pub room: Option<u64>,
    /// Every third write takes only a part, every fifth is interrupted.
    pub clumsy: bool,
    /// A sync says that it is done, and is not.
    pub lies: bool,
    /// The read of this number gets this bit wrong.
    pub flip: Option<(u64, u64)>,
    /// Each sync takes as long as somebody else likes.
    pub slow: Option<Slow>,
}

/// What happens on a slow disk, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A sync began, and waits.
    SyncBegan,
    /// Whoever wrote was told that it is durable.
    Acknowledged,
}

/// A sync on a slow disk says that it began, and goes on when it is let.
#[derive(Clone, Debug)]
pub struct Slow {
    /// Hears of each that began.
    pub began: Sender<Event>,
    /// Lets one go on.
    pub goes_on: Arc<Mutex<Receiver<()>>>,
}

impl Slow {
    /// Once nobody is there to ask, syncs are quick.
    fn wait(&self) {
        if self.began.send(Event::SyncBegan).is_ok() {
            let _gone = self.goes_on.lock().map(|goes_on| goes_on.recv());
        }
    }
}

/// How many calls there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Calls that can fail: reads, openings, changes.
    pub calls: u64,
    /// Changes and syncs.
    pub changes: u64,
    /// Reads.
    pub reads: u64,
    /// Syncs.
    pub syncs: u64,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Looks.
    Look,
    /// Changes bytes or names.
    Change,
    /// Makes them durable.
    Sync,
}

/// A number of `errno.h`.
pub type Errno = i32;

/// A disk.
#[derive(Debug)]
pub struct Disk {
    root: Vec<u8>,
    durable: Tree,
    live: Tree,
    pending: Vec<Change>,
    open: BTreeMap<i32, Ino>,
    plan: Plan,
    count: Count,
    dead: bool,
    /// The call that was made to fail.
    failed: Option<Kind>,
}

impl Disk {
    /// A disk that holds `tree`, all of it durable, and shows it in the real folder `root`.
    pub fn new(root: &Path, tree: Tree, plan: Plan) -> Self {
        tree.write_to(root);
        Self {
            root: root.as_os_str().as_bytes().to_vec(),
            durable: tree.clone(),
            live: tree,
            pending: Vec::new(),
            open: BTreeMap::new(),
            plan,
            count: Count::default(),
            dead: false,
            failed: None,
        }
    }

    /// Whether the power went.
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    /// The power goes now.
    pub fn kill(&mut self) {
        self.dead = true;
    }

    /// How many calls there were.
    pub fn count(&self) -> Count {
        self.count
    }

    /// What the call was that was made to fail.
    pub fn failed(&self) -> Option<Kind> {
        self.failed
    }

    /// Another plan from here on.
    pub fn plan(&mut self, plan: Plan) {
        self.plan = plan;
    }

    /// What is durable, and what is not yet.
    pub fn into_parts(self) -> (Tree, Vec<Change>) {
        (self.durable, self.pending)
    }

    /// What is there, durable or not.
    pub fn live(&self) -> &Tree {
        &self.live
    }

    /// Nothing is lost from here on that is there now.
    pub fn settle(&mut self) {
        self.durable = self.live.clone();
        self.pending.clear();
    }

    /// Where a path leads on this disk: its folder and its name there. None if it is not of this disk.
    fn spot<'a>(&self, at: i32, path: &'a [u8]) -> Option<(Option<Ino>, &'a [u8])> {
        let (mut folder, rest) = match path.strip_prefix(self.root.as_slice()) {
            Some([]) => return Some((None, b"")),
            Some([b'/', rest @ ..]) => (ROOT, rest),
            Some(_) => return None,
            None if path.first() == Some(&b'/') => return None,
            None => (*self.open.get(&at)?, path),
        };
        let mut parts = rest.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return Some((Some(folder), part));
            }
            let Node::Folder(names) = self.live.node(folder) else { return Some((None, b"")) };
            match names.get(part) {
                Some(ino) => folder = *ino,
                // The real call will say that it is not there.
                None => return Some((None, part)),
            }
        }
        Some((None, b""))
    }

    fn child(&self, folder: Ino, name: &[u8]) -> Option<Ino> {
        match self.live.node(folder) {
            Node::Folder(names) => names.get(name).copied(),
            Node::File(_) => None,
        }
    }

    /// Counts a call, and says whether it may happen.
    fn step(&mut self, kind: Kind) -> Result<(), Errno> {
        if self.dead {
            return Err(libc::EIO);
        }
        if kind != Kind::Look {
            if self.plan.cut == Some(self.count.changes) {
                self.dead = true;
                return Err(libc::EIO);
            }
            self.count.changes += 1;
        }
        let number = self.count.calls;
        self.count.calls += 1;
        if self.plan.fail == Some(number) {
            self.failed = Some(kind);
            return Err(libc::EIO);
        }
        Ok(())
    }

    fn change(&mut self, change: Change) {
        self.live.apply(&change);
        self.pending.push(change);
    }

    fn create(&mut self, folder: Ino, name: &[u8], node: Node) -> Ino {
        let empty = match node {
            Node::File(_) => Node::File(Vec::new()),
            Node::Folder(_) => Node::Folder(BTreeMap::new()),
        };
        self.durable.add(empty);
        let ino = self.live.add(node);
        self.change(Change::Link { folder, name: name.to_vec(), ino });
        ino
    }
}

/// Where Linux says which start of the machine this is.
const BOOT_ID: &[u8] = b"/proc/sys/kernel/random/boot_id";

impl Disk {
    /// This machine's own file, if another is asked for that says something of the real machine.
    pub(crate) fn instead_of(&self, path: &[u8]) -> Option<CString> {
        let own = [&self.root, b".boot_id".as_slice()].concat();
        (path == BOOT_ID).then(|| CString::new(own).expect("a path"))
    }
}

/// The calls, each before it is made (may it?) and after it was made (then it is written down).
impl Disk {
    /// Before a file or folder is opened. None: it is not of this disk.
    pub(crate) fn opening(
        &mut self,
        at: i32,
        path: &[u8],
        flags: i32,
    ) -> Option<Result<(), Errno>> {
        let (folder, name) = self.spot(at, path)?;
        let there = folder.and_then(|folder| self.child(folder, name)).is_some();
        let creates = !there && flags & libc::O_CREAT != 0;
        let changes = creates || (there && flags & libc::O_TRUNC != 0);
        Some(self.step(if changes { Kind::Change } else { Kind::Look }))
    }

    /// After it was opened.
    pub(crate) fn opened(&mut self, at: i32, path: &[u8], flags: i32, fd: i32) {
        let Some((folder, name)) = self.spot(at, path) else { return };
        let Some(folder) = folder else {
            self.open.insert(fd, ROOT);
            return;
        };
        let ino = match self.child(folder, name) {
            Some(ino) => ino,
            None => self.create(folder, name, Node::File(Vec::new())),
        };
        let is_full_file = matches!(self.live.node(ino), Node::File(bytes) if !bytes.is_empty());
        if flags & libc::O_TRUNC != 0 && is_full_file {
            self.change(Change::Resize { ino, len: 0 });
        }
        self.open.insert(fd, ino);
    }

    /// A descriptor is closed.
    pub(crate) fn closed(&mut self, fd: i32) {
        self.open.remove(&fd);
    }

    /// Whether a descriptor is of this disk.
    pub(crate) fn knows(&self, fd: i32) -> bool {
        self.open.contains_key(&fd)
    }

    /// Before a write: how many bytes of it will be taken.
    pub(crate) fn writing(&mut self, fd: i32, at: usize, len: usize) -> Result<usize, Errno> {
        self.step(Kind::Change)?;
        if self.plan.clumsy && self.count.calls % 5 == 0 {
            return Err(libc::EINTR);
        }
        let mut taken = len;
        if self.plan.clumsy && self.count.calls % 3 == 0 && len > 1 {
            taken = len / 2;
        }
        if let Some(room) = self.plan.room {
            let file = self.live.bytes(self.open[&fd]).len();
            let free = room.saturating_sub(self.live.size());
            let most = file.saturating_sub(at) + usize::try_from(free).expect("a size");
            if most == 0 && len > 0 {
                return Err(libc::ENOSPC);
            }
            taken = taken.min(most);
        }
        Ok(taken)
    }

    /// After a write.
    pub(crate) fn written(&mut self, fd: i32, at: usize, bytes: &[u8]) {
        let ino = self.open[&fd];
        self.change(Change::Write { ino, at, bytes: bytes.to_vec() });
    }

    /// Before a read.
    pub(crate) fn reading(&mut self) -> Result<(), Errno> {
        self.count.reads += 1;
        self.step(Kind::Look)
    }

    /// After a read: perhaps a bit is wrong.
    pub(crate) fn read(&mut self, bytes: &mut [u8]) {
        if let Some((number, bit)) = self.plan.flip
            && number + 1 == self.count.reads
            && !bytes.is_empty()
        {
            let bit = usize::try_from(bit % (bytes.len() as u64 * 8)).expect("a bit");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    /// Before a file gets another length.
    pub(crate) fn resizing(&mut self) -> Result<(), Errno> {
        self.step(Kind::Change)
    }

    /// After it.
    pub(crate) fn resized(&mut self, fd: i32, len: usize) {
        let ino = self.open[&fd];
        self.change(Change::Resize { ino, len });
    }

    /// A sync. What an honest one reports done is durable; what a failed one was for may never be, since systems
    /// take it for written all the same.
    pub(crate) fn sync(&mut self, fd: i32) -> Result<(), Errno> {
        self.count.syncs += 1;
        if let Some(slow) = &self.plan.slow {
            slow.wait();
        }
        let ino = self.open[&fd];
        let done = self.step(Kind::Sync);
        if self.dead || self.plan.lies {
            return done;
        }
        let mut kept = Vec::new();
        for change in std::mem::take(&mut self.pending) {
            if !change.is_of(ino) {
                kept.push(change);
            } else if done.is_ok() {
                self.durable.apply(&change);
            }
        }
        self.pending = kept;
        done
    }

    /// Before names change. None: they are not of this disk.
    pub(crate) fn naming(&mut self, at: i32, path: &[u8]) -> Option<Result<(), Errno>> {
        self.spot(at, path)?;
        Some(self.step(Kind::Change))
    }

    /// A folder was made.
    pub(crate) fn made(&mut self, at: i32, path: &[u8]) {
        if let Some((Some(folder), name)) = self.spot(at, path) {
            self.create(folder, name, Node::Folder(BTreeMap::new()));
        }
    }

    /// A name was taken away.
    pub(crate) fn removed(&mut self, at: i32, path: &[u8]) {
        if let Some((Some(folder), name)) = self.spot(at, path) {
            self.change(Change::Unlink { folder, name: name.to_vec() });
        }
    }

    /// A name moved.
    pub(crate) fn moved(&mut self, from: (i32, &[u8]), to: (i32, &[u8])) {
        let from = self.spot(from.0, from.1).map(|(folder, name)| (folder, name.to_vec()));
        let to = self.spot(to.0, to.1).map(|(folder, name)| (folder, name.to_vec()));
        if let (Some((Some(folder), name)), Some((Some(other), new))) = (from, to) {
            self.change(Change::Rename { from: (folder, name), to: (other, new) });
        }
    }
}

/// The memory that processes share is no file: after a cut there is anything in it, or nothing.
pub fn scramble_shared_memory(tree: &mut Tree, random: &mut Random) {
    tree.replace(b"-shm", |bytes| {
        let some = random.one_in(2);
        some.then(|| random.bytes(bytes.len()))
    });
}
