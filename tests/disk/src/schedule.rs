//! One schedule: somebody works, the power goes, again and again; after the last cut everything opens.

use crate::cut::Mode;
use crate::disk::Plan;
use crate::machine::Machine;
use crate::random::Random;
use crate::tally::Tally;
use std::path::Path;

/// How often and when the power goes, and what else the disk does.
#[derive(Debug)]
pub struct Schedule<'a> {
    /// Decides everything.
    pub seed: u64,
    /// How often the power goes.
    pub cuts: u64,
    /// After so many changes at most; some cuts happen at rest.
    pub changes: u64,
    /// The same where it goes while what a cut left is opened.
    pub changes_of_opening: u64,
    /// A fault besides.
    pub fault: &'a Plan,
}

impl Schedule<'_> {
    /// Runs it. `work` opens a folder, looks, and works until the power goes; it says whether the store was open.
    ///
    /// # Panics
    /// When a promise is broken; the message says which.
    pub fn run(&self, mut work: impl FnMut(&Path, &mut Tally, &mut Random) -> bool) -> Tally {
        let mut random = Random::new(self.seed);
        let (mut machine, mut tally) = (Machine::new(), Tally::default());
        for cut in 0..self.cuts {
            let early = cut > 0 && random.one_in(3);
            let at = random.below(if early { self.changes_of_opening } else { self.changes });
            let clumsy = random.one_in(4);
            let folder = machine.boot(Plan { cut: Some(at), clumsy, ..self.fault.clone() });
            let opened = work(&folder, &mut tally, &mut random);
            tally.in_recovery += u64::from(cut > 0 && !opened);
            machine.kill();
            let mode = *random.pick(&Mode::ALL);
            machine.cut(mode, &mut random);
            tally.cut(mode);
        }
        let folder = machine.boot(Plan::default());
        assert!(work(&folder, &mut tally, &mut random), "after the last cut it opens");
        machine.kill();
        machine.cut(Mode::Kept, &mut random);
        tally
    }
}
