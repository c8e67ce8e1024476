//! A machine with such a disk: it boots, and then its power goes.

use crate::cut::{Mode, left};
use crate::disk::{Disk, Plan, install, scramble_shared_memory, take, with};
use crate::random::Random;
use crate::tree::Tree;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Memory, where a machine has it: the disk is simulated, so nothing need be written to a real one.
const MEMORY: &str = "/dev/shm";

/// A machine. Its files lie in a new real folder after each boot.
#[derive(Debug)]
pub struct Machine {
    home: TempDir,
    boots: u32,
    tree: Tree,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine {
    /// A machine with an empty disk.
    pub fn new() -> Self {
        let memory = Path::new(MEMORY);
        let home = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        Self { home: home.expect("a folder"), boots: 0, tree: Tree::default() }
    }

    /// What the disk holds while the machine is off.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Changes what the disk holds while the machine is off.
    pub fn tree_mut(&mut self) -> &mut Tree {
        &mut self.tree
    }

    /// Starts. The folder is the whole disk.
    pub fn boot(&mut self, plan: Plan) -> PathBuf {
        self.boots += 1;
        let real = self.home.path().canonicalize().expect("a path").join(self.boots.to_string());
        fs::create_dir(&real).expect("a folder");
        // Each start of the machine has a name of its own.
        fs::write(real.with_added_extension("boot_id"), self.boots.to_string()).expect("a name");
        install(Disk::new(&real, self.tree.clone(), plan));
        real
    }

    /// The power goes, if it is still there. From here on every call fails; whoever has files open may drop them.
    pub fn kill(&self) {
        with(Disk::kill);
    }

    /// After everything was dropped: what is left.
    ///
    /// # Panics
    /// If something was changed past the disk: then the figures would mean nothing.
    pub fn cut(&mut self, mode: Mode, random: &mut Random) {
        let disk = take().expect("a disk");
        let real = self.home.path().join(self.boots.to_string());
        let difference = disk.live().difference(&Tree::read_from(&real), b"-shm");
        assert_eq!(difference, None, "a call went past the disk");
        fs::remove_dir_all(real).expect("a folder");
        let (durable, pending) = disk.into_parts();
        self.tree = left(&durable, &pending, mode, random);
        scramble_shared_memory(&mut self.tree, random);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // A test that failed may leave its disk behind.
        drop(take());
    }
}
