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
