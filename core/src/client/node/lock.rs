//! Locking: all that was unlocked leaves memory, and a locked vault stays.
//!
//! Dropping wipes the keys, which live in boxes of their own. Records, texts and documents are freed; a program that is
//! to leave no word of them behind has an allocator that wipes what is freed, as `reknit` does. What calls copied onto
//! the stack on their way is written over here, for this thread.

use crate::client::error::Error;
use crate::client::node::driver::Driver;
use crate::client::node::machine::Node;
use crate::client::session::unlocked::Session;
use crate::client::vault::folder::Vault;
use core::hint::black_box;

/// One frame of what is written over, and how many: 256 KiB, half of the smallest stack that a phone gives a thread.
const FRAME_BYTES: usize = 8 * 1024;
const FRAMES: usize = 32;

impl Session {
    /// Locks the vault: drops keys, records, documents and what was cached of both stores.
    ///
    /// # Errors
    /// [`Error::NoVault`], [`Error::Storage`] if the key file cannot be read again: it is locked all the same.
    pub fn lock(self) -> Result<Vault, Error> {
        let place = self.place.clone();
        drop(self);
        wipe_stack(FRAMES);
        Vault::open(place)
    }
}

impl Node {
    /// Locks the vault, and forgets a pairing that is under way.
    ///
    /// # Errors
    /// As [`Session::lock`].
    pub fn lock(self) -> Result<Vault, Error> {
        let Self { session, links, pairing, outputs, .. } = self;
        drop((links, pairing, outputs));
        session.lock()
    }
}

impl Driver {
    /// Hangs up at once and locks the vault. What was not sent yet is on the disk, sealed.
    ///
    /// # Errors
    /// As [`Session::lock`].
    pub fn lock(self) -> Result<Vault, Error> {
        self.into_node().lock()
    }
}

/// Writes over what returned calls left on this thread's stack.
#[inline(never)]
fn wipe_stack(frames: usize) {
    let mut frame = [0_u8; FRAME_BYTES];
    black_box(&mut frame);
    if frames > 1 {
        wipe_stack(frames - 1);
    }
    // Still in use: the call above is no tail call that would take this frame's place.
    black_box(&mut frame);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{MemoryDisk, Place};
    use crate::crypto::{SeededRandom, Unlock};

    #[test]
    fn a_locked_vault_opens_again_with_its_key_and_with_no_other() {
        let random = &mut SeededRandom::new(1);
        let place = Place::Memory(MemoryDisk::new("locking"));
        let session = Session::create(place.clone(), &[Unlock::Key(&[1; 32])], random).unwrap();
        let device = session.device();
        let locked = session.lock().unwrap();
        assert!(locked.unlock(Unlock::Key(&[2; 32])).is_err());
        let session = Session::open(place, Unlock::Key(&[1; 32]), random).unwrap();
        assert_eq!(session.device(), device);
    }
}
