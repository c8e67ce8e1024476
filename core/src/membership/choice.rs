//! Which of two branches of one log goes first.
//!
//! Both are kept and both take effect as far as they fit together; the one that goes first has its way where they do
//! not: in the order of devices, and where there is room for one of two.

/// What of a branch is looked at: its first op that holds, and who stands behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own, asked in turn")]
pub struct Claim {
    /// A recovery phrase signed it. No such op is built yet.
    pub by_phrase: bool,
    /// Both persons have written under it: they signed ops on the branch, or entries that name one of them.
    pub named_by_both: bool,
    /// It removes a device.
    pub removes: bool,
    /// It is an op that nothing follows, and its author gave it up on the other branch.
    pub abandoned: bool,
    /// The place of its author in the order of admission, where the branches part.
    pub slot: Option<u16>,
}

/// Which branch goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// The one that stands in the log.
    Trunk,
    /// The one that is carried.
    Carried,
}

/// Chooses between two branches. Between equals the trunk goes first: its order is the log's. An op's id never
/// decides, since its author can choose it.
pub fn choose(trunk: &Claim, carried: &Claim) -> First {
    let rules: [fn(&Claim) -> bool; 4] = [
        |claim| claim.by_phrase,
        |claim| claim.named_by_both,
        |claim| claim.removes,
        |claim| !claim.abandoned,
    ];
    for rule in rules {
        match (rule(trunk), rule(carried)) {
            (true, false) => return First::Trunk,
            (false, true) => return First::Carried,
            (true, true) | (false, false) => {}
        }
    }
    match (trunk.slot, carried.slot) {
        (Some(trunk), Some(carried)) if carried < trunk => First::Carried,
        (None, Some(_)) => First::Carried,
        (Some(_) | None, Some(_) | None) => First::Trunk,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn by(slot: u16) -> Claim {
        let slot = Some(slot);
        Claim { by_phrase: false, named_by_both: false, removes: false, abandoned: false, slot }
    }

    #[test]
    fn the_author_admitted_earlier_goes_first_and_between_equals_the_trunk() {
        assert_eq!(choose(&by(1), &by(0)), First::Carried);
        assert_eq!(choose(&by(0), &by(1)), First::Trunk);
        assert_eq!(choose(&by(1), &by(1)), First::Trunk);
        assert_eq!(choose(&Claim::default(), &by(9)), First::Carried, "junk gives way");
        assert_eq!(choose(&by(9), &Claim::default()), First::Trunk);
    }

    #[test]
    fn an_op_that_its_author_gave_up_goes_last() {
        let given_up = Claim { abandoned: true, ..by(0) };
        assert_eq!(choose(&given_up, &by(1)), First::Carried);
        assert_eq!(choose(&by(1), &given_up), First::Trunk);
        assert_eq!(choose(&given_up, &given_up), First::Trunk);
    }

    #[test]
    fn each_rule_outweighs_all_that_follow_it() {
        let rising = [
            by(1),
            by(0),
            Claim { removes: true, ..by(1) },
            Claim { named_by_both: true, ..by(1) },
            Claim { by_phrase: true, ..by(1) },
        ];
        for (at, weaker) in rising.iter().enumerate() {
            for stronger in &rising[at + 1..] {
                assert_eq!(choose(weaker, stronger), First::Carried);
                assert_eq!(choose(stronger, weaker), First::Trunk);
            }
        }
    }
}
