//! What is asked of a run before its seed decides the rest.

use std::collections::BTreeSet;

/// The frame of a run. Equal seeds under equal plans are equal runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// How long it is.
    pub length: Length,
    /// If some, only these of the drawn steps happen: what is left when a failure is made small.
    pub only: Option<BTreeSet<usize>>,
}

/// How many steps a run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Length {
    /// Short ones, and a long one now and then.
    #[default]
    Mixed,
    /// From 40 steps on, few more.
    Short,
    /// Up to 400 steps.
    Long,
}

impl Plan {
    /// Whether a step happens.
    pub fn keeps(&self, step: usize) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&step))
    }

    /// The same with these steps only.
    #[must_use]
    pub fn with_only(&self, only: BTreeSet<usize>) -> Self {
        Self { only: Some(only), ..self.clone() }
    }
}
