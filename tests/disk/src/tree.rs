//! Files and folders as a disk holds them, and the changes that make one state from another.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::{ffi::OsStrExt, fs::OpenOptionsExt};
use std::path::Path;

/// The number of a file or folder. The first folder is 0.
pub type Ino = usize;
/// The folder that everything lies in.
pub const ROOT: Ino = 0;

/// A file or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Bytes.
    File(Vec<u8>),
    /// Names.
    Folder(BTreeMap<Vec<u8>, Ino>),
}

/// One change of a disk.
#[derive(Clone, Debug)]
pub enum Change {
    /// Bytes into a file.
    Write { ino: Ino, at: usize, bytes: Vec<u8> },
    /// A file gets another length.
    Resize { ino: Ino, len: usize },
    /// A name for a file or folder.
    Link { folder: Ino, name: Vec<u8>, ino: Ino },
    /// A name goes.
    Unlink { folder: Ino, name: Vec<u8> },
    /// A name moves, and takes the place of what was there.
    Rename { from: (Ino, Vec<u8>), to: (Ino, Vec<u8>) },
}

impl Change {
    /// Whether a sync of this file or folder makes it durable.
    pub fn is_of(&self, it: Ino) -> bool {
        match self {
            Self::Write { ino, .. } | Self::Resize { ino, .. } => *ino == it,
            Self::Link { folder, .. } | Self::Unlink { folder, .. } => *folder == it,
            Self::Rename { from, to } => from.0 == it || to.0 == it,
        }
    }

    /// The folder whose names it changes; none if it changes bytes.
    pub fn folder(&self) -> Option<Ino> {
        match self {
            Self::Write { .. } | Self::Resize { .. } => None,
            Self::Link { folder, .. } | Self::Unlink { folder, .. } => Some(*folder),
            Self::Rename { from, .. } => Some(from.0),
        }
    }
}

/// All files and folders. Numbers are never used twice.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<Node>,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::Folder(BTreeMap::new())] }
    }
}

impl Tree {
    /// Adds a file or folder without a name.
    pub fn add(&mut self, node: Node) -> Ino {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// What a number stands for.
    pub fn node(&self, ino: Ino) -> &Node {
        &self.nodes[ino]
    }

    /// The names in a folder.
    pub fn names(&self, folder: Ino) -> &BTreeMap<Vec<u8>, Ino> {
        match &self.nodes[folder] {
            Node::Folder(names) => names,
            Node::File(_) => panic!("a folder"),
        }
    }

    /// The bytes of a file.
    pub fn bytes(&self, ino: Ino) -> &[u8] {
        match &self.nodes[ino] {
            Node::File(bytes) => bytes,
            Node::Folder(_) => panic!("a file"),
        }
    }

    /// What lies at a path.
    pub fn find<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Option<Ino> {
        let mut at = ROOT;
        for part in parts {
            at = match &self.nodes[at] {
                Node::Folder(names) => *names.get(part)?,
                Node::File(_) => return None,
            };
        }
        Some(at)
    }

    /// How many bytes all files that have a name hold.
    pub fn size(&self) -> u64 {
        self.walk(ROOT).into_iter().map(|ino| self.bytes(ino).len() as u64).sum()
    }

    /// The files below a folder.
    pub fn walk(&self, folder: Ino) -> Vec<Ino> {
        let mut files = Vec::new();
        for ino in self.names(folder).values() {
            match &self.nodes[*ino] {
                Node::File(_) => files.push(*ino),
                Node::Folder(_) => files.extend(self.walk(*ino)),
            }
        }
        files
    }

    /// Makes a change. One that no longer fits, since another before it was lost, changes nothing.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Write { ino, at, bytes } => {
                let file = self.file(*ino);
                if file.len() < at + bytes.len() {
                    file.resize(at + bytes.len(), 0);
                }
                file[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Change::Resize { ino, len } => self.file(*ino).resize(*len, 0),
            Change::Link { folder, name, ino } => {
                self.folder(*folder).insert(name.clone(), *ino);
            }
            Change::Unlink { folder, name } => {
                self.folder(*folder).remove(name);
            }
            Change::Rename { from, to } => {
                if let Some(ino) = self.folder(from.0).remove(&from.1) {
                    self.folder(to.0).insert(to.1.clone(), ino);
                }
            }
        }
    }

    fn file(&mut self, ino: Ino) -> &mut Vec<u8> {
        match &mut self.nodes[ino] {
            Node::File(bytes) => bytes,
            Node::Folder(_) => panic!("a file"),
        }
    }

    fn folder(&mut self, ino: Ino) -> &mut BTreeMap<Vec<u8>, Ino> {
        match &mut self.nodes[ino] {
            Node::Folder(names) => names,
            Node::File(_) => panic!("a folder"),
        }
    }

    /// Changes all files whose name ends so; `None` takes the name away.
    pub fn replace(&mut self, ending: &[u8], mut with: impl FnMut(&[u8]) -> Option<Vec<u8>>) {
        for folder in 0..self.nodes.len() {
            let Node::Folder(names) = &self.nodes[folder] else { continue };
            let found: Vec<_> = names.iter().filter(|(name, _)| name.ends_with(ending)).collect();
            let found: Vec<(Vec<u8>, Ino)> =
                found.into_iter().map(|(name, ino)| (name.clone(), *ino)).collect();
            for (name, ino) in found {
                match with(self.bytes(ino)) {
                    Some(bytes) => *self.file(ino) = bytes,
                    None => drop(self.folder(folder).remove(&name)),
                }
            }
        }
    }

    /// Writes everything into an empty real folder.
    pub fn write_to(&self, real: &Path) {
        self.write_folder(ROOT, real);
    }

    fn write_folder(&self, folder: Ino, real: &Path) {
        for (name, ino) in self.names(folder) {
            let path = real.join(OsStr::from_bytes(name));
            match &self.nodes[*ino] {
                // Rights are not simulated: what the programs make is their owner's alone.
                Node::File(bytes) => {
                    let mut options = OpenOptions::new();
                    let file = options.write(true).create_new(true).mode(0o600).open(path);
                    file.and_then(|mut file| file.write_all(bytes)).expect("a file");
                }
                Node::Folder(_) => {
                    fs::create_dir(&path).expect("a folder");
                    self.write_folder(*ino, &path);
                }
            }
        }
    }

    /// Reads a real folder.
    pub fn read_from(real: &Path) -> Self {
        let mut tree = Self::default();
        tree.read_folder(ROOT, real);
        tree
    }

    fn read_folder(&mut self, folder: Ino, real: &Path) {
        for entry in fs::read_dir(real).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().as_bytes().to_vec();
            let ino = if entry.file_type().expect("a type").is_dir() {
                let ino = self.add(Node::Folder(BTreeMap::new()));
                self.read_folder(ino, &entry.path());
                ino
            } else {
                self.add(Node::File(fs::read(entry.path()).expect("a file")))
            };
            self.folder(folder).insert(name, ino);
        }
    }

    /// The first path at which two trees differ, but for files whose name ends so.
    pub fn difference(&self, other: &Self, but: &[u8]) -> Option<String> {
        let (ours, theirs) = (self.paths(ROOT, ""), other.paths(ROOT, ""));
        let names = ours.keys().chain(theirs.keys());
        names
            .filter(|path| !path.as_bytes().ends_with(but))
            .find(|path| ours.get(*path) != theirs.get(*path))
            .cloned()
    }

    /// Each path with its bytes; a folder has none.
    pub fn paths(&self, folder: Ino, before: &str) -> BTreeMap<String, Option<&[u8]>> {
        let mut paths = BTreeMap::new();
        for (name, ino) in self.names(folder) {
            let path = format!("{before}/{}", String::from_utf8_lossy(name));
            match &self.nodes[*ino] {
                Node::File(bytes) => drop(paths.insert(path, Some(bytes.as_slice()))),
                Node::Folder(_) => {
                    paths.extend(self.paths(*ino, &path));
                    paths.insert(path, None);
                }
            }
        }
        paths
    }
}
