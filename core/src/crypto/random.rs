//! Where random bytes come from: handed in, so that a run can be replayed from its seed.

/// A source of random bytes: the operating system's on a phone, a seeded stream in the simulator.
pub trait Random {
    /// Fills all of `out`.
    fn fill(&mut self, out: &mut [u8]);
}

/// Draws `N` bytes.
pub fn draw<const N: usize>(random: &mut dyn Random) -> [u8; N] {
    let mut out = [0; N];
    random.fill(&mut out);
    out
}

/// The same bytes for the same seed: SHA-256 in counter mode. For tests.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct SeededRandom {
    seed: u64,
    counter: u64,
}

#[cfg(test)]
impl SeededRandom {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }
}

#[cfg(test)]
impl Random for SeededRandom {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let (seed, counter) = (self.seed.to_be_bytes(), self.counter.to_be_bytes());
            chunk.copy_from_slice(&wire::hash::sha256(&[&seed, &counter])[..chunk.len()]);
            self.counter += 1;
        }
    }
}
