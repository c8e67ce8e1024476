//! A connection is cut at any step of a pairing: both people still learn how it ended.

use reknit_core::client::{Answer, Command, Invited, Notice, Whom};
use reknit_e2e::weather::Weather;
use reknit_e2e::world::{DeviceIndex, World};
use std::time::Duration;

const A_WHILE: Duration = Duration::from_mins(5);

/// What happens in the middle of a pairing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The inviter's connection is cut.
    Cut,
    /// Both processes die, and come back.
    Crash,
}

/// Two people pair, in trouble as soon as the relay has heard so many frames. Gives whether it came to that; a crash
/// ends the pairing.
fn pair_in_trouble(
    world: &mut World,
    [nora, ben]: [DeviceIndex; 2],
    trouble: Option<(Trouble, usize)>,
) -> bool {
    world.heard = Some(Vec::new());
    for device in [nora, ben] {
        world.devices[device].notices.clear();
    }
    let invited = world.execute(nora, Command::Invite { whom: Whom::Partner, digits: false });
    let Ok(Answer::Invitation { code }) = invited else { panic!("{invited:?}") };
    world.execute(ben, Command::Join(Invited::Code(code))).unwrap();
    let (mut ended, mut troubled) = ([false; 2], false);
    let (mut number, mut asked) = (None, false);
    let done = world.run_until(A_WHILE, |world| {
        for (side, device) in [nora, ben].into_iter().enumerate() {
            while let Some(notice) = world.devices[device].notices.pop_front() {
                match notice {
                    Notice::ShowNumber(shown) => number = Some(shown),
                    Notice::AskNumber => asked = true,
                    Notice::Paired => ended[side] = true,
                    Notice::PairingEnded(code) => panic!("{code} after {trouble:?}"),
                    _ => {}
                }
            }
        }
        if let (true, Some(number)) = (asked, number.clone()) {
            asked = false;
            world.execute(nora, Command::TypeNumber(number)).unwrap();
        }
        let heard = world.heard.as_ref().map_or(0, Vec::len);
        match trouble {
            Some((Trouble::Cut, frames)) if !troubled && heard >= frames => {
                troubled = true;
                world.cut(nora);
            }
            Some((Trouble::Crash, frames)) if heard >= frames => {
                troubled = true;
                return true;
            }
            Some(_) | None => {}
        }
        ended == [true; 2]
    });
    assert!(done, "{trouble:?}: {ended:?}");
    troubled
}

/// Two people who never met.
fn strangers(frames: usize) -> (World, [DeviceIndex; 2]) {
    let mut world = World::new("cut", frames as u64, Weather::FAIR);
    let (nora, ben) = (world.person("Nora"), world.person("Ben"));
    assert!(world.run_until_idle(A_WHILE));
    (world, [nora, ben])
}

fn are_paired(world: &World, devices: [DeviceIndex; 2]) -> [bool; 2] {
    devices.map(|device| world.node(device).session().is_paired())
}

/// Pairs two people; the inviter's connection is cut as soon as the relay has heard so many frames.
fn paired_with_a_cut_after(frames: usize) -> bool {
    let (mut world, devices) = strangers(frames);
    let cut = pair_in_trouble(&mut world, devices, Some((Trouble::Cut, frames)));
    assert!(world.run_until_idle(A_WHILE), "after {frames} frames");
    assert_eq!(are_paired(&world, devices), [true; 2], "after {frames} frames");
    cut
}

/// Pairs two people; both their processes die as soon as the relay has heard so many frames.
fn paired_with_a_crash_after(frames: usize) -> bool {
    let (mut world, devices) = strangers(frames);
    if !pair_in_trouble(&mut world, devices, Some((Trouble::Crash, frames))) {
        return false;
    }
    for device in devices {
        world.crash(device);
        world.restart(device);
        world.set_online(device, true);
    }
    let rests =
        |world: &World| devices.iter().all(|device| world.node(*device).is_idle_or_awaits());
    let at_rest = world.run_until(A_WHILE, |world| rests(world));
    assert!(at_rest, "it comes to rest after {frames} frames");
    if are_paired(&world, devices) == [false; 2] {
        pair_in_trouble(&mut world, devices, None);
    }
    // One of them may have looked for the space before the other made it: it looks again.
    world.run_until(A_WHILE, |world| are_paired(world, devices) == [true; 2]);
    assert!(world.run_until_idle(A_WHILE), "after {frames} frames");
    assert_eq!(are_paired(&world, devices), [true; 2], "after {frames} frames");
    true
}

#[test]
fn whichever_frame_was_the_last_that_arrived_both_people_learn_that_they_are_paired() {
    let cuts = (1..60).take_while(|frames| paired_with_a_cut_after(*frames)).count();
    assert!(cuts > 15, "{cuts} frames");
}

#[test]
fn f1_whoever_dies_in_a_pairing_comes_to_rest_and_is_paired_or_can_be() {
    let crashes = (1..60).take_while(|frames| paired_with_a_crash_after(*frames)).count();
    assert!(crashes > 15, "{crashes} frames");
}

/// How a pairing is ended: by three wrong numbers, or by giving it up on one of the two phones.
#[derive(Debug, Clone, Copy)]
enum End {
    WrongNumbers,
    InviterStops,
    JoinerStops,
}

/// The code with which it ends for the inviter, and for the joiner; both within a minute.
fn ended(end: End) -> [&'static str; 2] {
    let mut world = World::new("farewell", end as u64, Weather::FAIR);
    let people = [world.person("Nora"), world.person("Ben")];
    assert!(world.run_until_idle(A_WHILE));
    let [nora, ben] = people;
    let invited = world.execute(nora, Command::Invite { whom: Whom::Partner, digits: false });
    let Ok(Answer::Invitation { code }) = invited else { panic!("{invited:?}") };
    world.execute(ben, Command::Join(Invited::Code(code))).unwrap();
    let (mut codes, mut number, mut asked) = ([None; 2], None, false);
    let done = world.run_until(Duration::from_mins(1), |world| {
        for (side, device) in people.into_iter().enumerate() {
            while let Some(notice) = world.devices[device].notices.pop_front() {
                match notice {
                    Notice::ShowNumber(shown) => number = Some(shown),
                    Notice::AskNumber => asked = true,
                    Notice::PairingEnded(code) => codes[side] = Some(code),
                    Notice::Paired => panic!("they paired after {end:?}"),
                    _ => {}
                }
            }
        }
        if let (true, Some(number)) = (asked, number.take_if(|_| asked)) {
            match end {
                End::WrongNumbers => {
                    let wrong = if number == "000000" { "000001" } else { "000000" };
                    for _ in 0..3 {
                        let typed = world.execute(nora, Command::TypeNumber(wrong.to_owned()));
                        assert_eq!(typed.unwrap_err().code(), "pair.sas");
                    }
                }
                End::InviterStops => drop(world.execute(nora, Command::StopPairing).unwrap()),
                End::JoinerStops => drop(world.execute(ben, Command::StopPairing).unwrap()),
            }
        }
        codes.iter().all(Option::is_some)
    });
    assert!(done, "{end:?}: {codes:?}");
    assert!(world.run_until_idle(A_WHILE), "{end:?}");
    assert!(people.iter().all(|device| !world.node(*device).is_parting()));
    assert!(world.pair(nora, ben, Whom::Partner), "a new invitation works after {end:?}");
    codes.map(Option::unwrap)
}

#[test]
fn a_pairing_that_ends_on_one_phone_ends_on_the_other_too() {
    assert_eq!(ended(End::WrongNumbers), ["pair.burned", "pair.left"]);
    assert_eq!(ended(End::InviterStops), ["pair.stopped", "pair.left"]);
    assert_eq!(ended(End::JoinerStops), ["pair.left", "pair.stopped"]);
}
