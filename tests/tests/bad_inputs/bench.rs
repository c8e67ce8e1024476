//! One row of the catalogue: what goes in, what is answered, and what that costs.

use peak_alloc::PeakAlloc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What a refusal may cost in memory above what was held.
pub(crate) const MEBIBYTE: usize = 1 << 20;
/// The same for a change that the gate has to look into.
pub(crate) const GATE: usize = 4 << 20;
/// A word that stands in bad inputs wherever they carry words: no answer repeats it.
pub(crate) const WORD: &str = "quorvexillumtanbelispro";

/// A row.
pub(crate) struct Row {
    /// Its number in the catalogue.
    pub(crate) number: u32,
    /// The stable codes that may answer; `-` for what is no refusal.
    pub(crate) codes: &'static [&'static str],
    /// Who refuses.
    pub(crate) who: &'static str,
    /// What goes in.
    pub(crate) what: &'static str,
    /// The most memory that an answer may cost.
    pub(crate) bar: usize,
    /// Hands the inputs over.
    pub(crate) run: fn(&mut Bench),
}

/// Who refuses the rows of one file, and the most memory that an answer may cost there.
#[derive(Clone, Copy)]
pub(crate) struct Refuser {
    pub(crate) who: &'static str,
    pub(crate) bar: usize,
}

impl Refuser {
    pub(crate) const fn row(
        self,
        number: u32,
        codes: &'static [&'static str],
        what: &'static str,
        run: fn(&mut Bench),
    ) -> Row {
        Row { number, codes, who: self.who, what, bar: self.bar, run }
    }
}

/// What is answered: a stable code, and the sentence that a person reads where there is one.
pub(crate) struct Said {
    pub(crate) code: &'static str,
    pub(crate) sentence: String,
}

impl Said {
    pub(crate) fn new(code: &'static str, sentence: impl ToString) -> Self {
        Self { code, sentence: sentence.to_string() }
    }
}

/// What an answer cost.
#[derive(Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) time: Duration,
    pub(crate) peak: usize,
}

/// What was measured of a row so far.
pub(crate) struct Bench {
    number: u32,
    codes: &'static [&'static str],
    bar: usize,
    inputs: usize,
    good: usize,
    peak: usize,
    time: Duration,
    heard: Vec<&'static str>,
}

impl Bench {
    /// Runs a row to its end and prints its line.
    pub(crate) fn run(row: &Row) {
        let mut bench = Self {
            number: row.number,
            codes: row.codes,
            bar: row.bar,
            inputs: 0,
            good: 0,
            peak: 0,
            time: Duration::ZERO,
            heard: vec![],
        };
        (row.run)(&mut bench);
        let Row { number, who, what, .. } = row;
        let Self { inputs, good, peak, heard, .. } = &bench;
        assert!(*inputs > 0, "B{number}: nothing went in");
        assert!(*good > 0, "B{number}: nothing good came after it");
        for code in bench.codes {
            assert!(heard.contains(code), "B{number}: {code} was not heard");
        }
        println!(
            "B{number:<3} {:28} {:>8} us {peak:>9} bytes {inputs:>3} inputs  {who}: {what}",
            heard.join(", "),
            bench.time.as_micros(),
        );
    }

    /// Hands over a bad input. What `act` gives is the answer, None if nothing is refused; only `act` is measured.
    pub(crate) fn bad(&mut self, what: &str, act: impl FnOnce() -> Option<Said>) {
        start();
        let started = now();
        let said = act();
        let time = started.elapsed();
        self.record(what, said, Spent { time, peak: stop() });
    }

    /// Takes down what was measured elsewhere.
    pub(crate) fn record(&mut self, what: &str, said: Option<Said>, spent: Spent) {
        let number = self.number;
        let Spent { time, peak } = spent;
        let code = said.as_ref().map_or("-", |said| said.code);
        assert!(self.codes.contains(&code), "B{number} {what}: {code}");
        assert!(peak <= self.bar, "B{number} {what}: {peak} bytes, at most {}", self.bar);
        if let Some(said) = said {
            assert!(said.sentence.len() > 5, "B{number} {what}: a sentence");
            assert!(!said.sentence.contains(WORD), "B{number} {what}: repeats the input");
        }
        if !self.heard.contains(&code) {
            self.heard.push(code);
        }
        self.inputs += 1;
        self.peak = self.peak.max(peak);
        self.time = self.time.max(time);
    }

    /// What came after a bad input and has to work.
    pub(crate) fn good(&mut self, what: &str, works: bool) {
        assert!(works, "B{}: afterwards: {what}", self.number);
        self.good += 1;
    }
}

static BEFORE: AtomicUsize = AtomicUsize::new(0);

/// From here on memory is counted.
pub(crate) fn start() {
    ALLOCATOR.reset_peak_usage();
    BEFORE.store(ALLOCATOR.current_usage(), Ordering::Relaxed);
}

/// The most that was held above what was held at the start.
pub(crate) fn stop() -> usize {
    ALLOCATOR.peak_usage().saturating_sub(BEFORE.load(Ordering::Relaxed))
}

#[expect(clippy::disallowed_methods, reason = "times are printed, never asserted")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
