//! A connection is cut at any step of a pairing: both people still learn how it ended.

use reknit_core::client::{Answer, Command, Invited, Notice, Whom};
use reknit_e2e::weather::Weather;
use reknit_e2e::world::World;
use std::time::Duration;

const A_WHILE: Duration = Duration::from_mins(5);

/// Pairs two people; the inviter's connection is cut as soon as the relay has heard so many frames.
fn paired_with_a_cut_after(frames: usize) -> bool {
    let mut world = World::new("cut", frames as u64, Weather::FAIR);
    let (nora, ben) = (world.person("Nora"), world.person("Ben"));
    assert!(world.run_until_idle(A_WHILE));
    world.heard = Some(Vec::new());
    let invited = world.execute(nora, Command::Invite { whom: Whom::Partner, digits: false });
    let Ok(Answer::Invitation { code }) = invited else { panic!("{invited:?}") };
    world.execute(ben, Command::Join(Invited::Code(code))).unwrap();
    let (mut ended, mut cut) = ([false; 2], false);
    let (mut number, mut asked) = (None, false);
    let done = world.run_until(A_WHILE, |world| {
        for (side, device) in [nora, ben].into_iter().enumerate() {
            while let Some(notice) = world.devices[device].notices.pop_front() {
                match notice {
                    Notice::ShowNumber(shown) => number = Some(shown),
                    Notice::AskNumber => asked = true,
                    Notice::Paired => ended[side] = true,
                    Notice::PairingEnded(code) => panic!("{code} after {frames}"),
                    _ => {}
                }
            }
        }
        if let (true, Some(number)) = (asked, number.clone()) {
            asked = false;
            world.execute(nora, Command::TypeNumber(number)).unwrap();
        }
        if !cut && world.heard.as_ref().is_some_and(|heard| heard.len() >= frames) {
            cut = true;
            world.cut(nora);
        }
        ended == [true; 2]
    });
    assert!(done, "after {frames} frames: {ended:?}");
    assert!(world.run_until_idle(A_WHILE), "after {frames} frames");
    for device in [nora, ben] {
        assert!(world.node(device).session().is_paired(), "after {frames} frames");
    }
    cut
}

#[test]
fn whichever_frame_was_the_last_that_arrived_both_people_learn_that_they_are_paired() {
    let cuts = (1..60).take_while(|frames| paired_with_a_cut_after(*frames)).count();
    assert!(cuts > 15, "{cuts} frames");
}
