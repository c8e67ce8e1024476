//! Mishaps that the simulator found once, each told shortly, so that none of them comes back under another seed.

use reknit_core::client::{Command, Error, Notice, Whom};
use reknit_core::membership::SpaceKind;
use reknit_core::model::Event;
use reknit_core::model::id::RecordId;
use reknit_core::model::moment::{Echo, EchoKind, Moment, MomentKind, WhoDid};
use reknit_core::store::Table;
use reknit_e2e::check::view;
use reknit_e2e::couple::Meeting;
use reknit_e2e::random::Seeded;
use reknit_e2e::weather::Weather;
use reknit_e2e::world::{DeviceIndex, World};
use std::time::Duration;

const A_WHILE: Duration = Duration::from_mins(5);

fn couple(seed: u64) -> (World, DeviceIndex, DeviceIndex) {
    World::couple("mishap", seed)
}

fn moment(world: &World, device: DeviceIndex) -> Command {
    Command::Tell(Event::Moment(Moment {
        at: world.now(device).at().unwrap(),
        kind: MomentKind::Repair,
        happened: None,
        who_did: WhoDid::Both,
        text: None,
        felt: None,
    }))
}

#[test]
fn a_command_that_is_not_allowed_leaves_the_connection_alone() {
    let (mut world, nora, ben) = couple(1);
    let frames = world.tally.frames;
    let at = world.now(nora).at().unwrap();
    let of = RecordId::from_bytes([1; 32]);
    let echo = Event::Echo(Echo { at, of, kind: EchoKind::ThankYou, text: None });
    assert_eq!(world.execute(nora, Command::Tell(echo)), Err(Error::NotFound));
    assert!(world.run_until_idle(A_WHILE));
    assert_eq!(world.tally.frames, frames, "nothing was said to the relay");
    let told = moment(&world, nora);
    world.execute(nora, told).unwrap();
    assert!(world.run_until_idle(A_WHILE));
    assert_eq!(world.node(ben).session().timeline().unwrap().len(), 1);
}

#[test]
fn what_waits_goes_behind_what_it_follows_when_the_relay_forgot_both() {
    let (mut world, nora, ben) = couple(2);
    for _ in 0..3 {
        let told = moment(&world, nora);
        world.execute(nora, told).unwrap();
    }
    assert!(world.run_until_idle(A_WHILE));
    world.set_online(nora, false);
    world.set_online(ben, false);
    let told = moment(&world, nora);
    world.execute(nora, told).unwrap();
    world.wipe_relay();
    world.set_online(nora, true);
    assert!(world.run_until_idle(A_WHILE));
    world.set_online(ben, true);
    assert!(world.run_until_idle(A_WHILE));
    world.check_all(&mut Seeded::new(2));
}

#[test]
fn whoever_joined_brings_the_shared_space_back_to_a_relay_that_forgot_it() {
    let (mut world, nora, ben) = couple(3);
    world.set_online(nora, false);
    world.wipe_relay();
    assert!(world.run_until_idle(A_WHILE), "Ben alone, in the process that joined");
    let told = moment(&world, ben);
    world.execute(ben, told).unwrap();
    assert!(world.run_until_idle(A_WHILE));
    world.set_online(nora, true);
    assert!(world.run_until_idle(A_WHILE));
    world.check_all(&mut Seeded::new(3));
}

#[test]
fn a_control_item_on_its_way_outlives_the_founding_anew_of_its_space() {
    let (mut world, nora, ben) = couple(4);
    world.renew_key(nora, SpaceKind::Private).unwrap();
    world.wipe_relay();
    assert!(world.run_until_idle(A_WHILE));
    let reports = world.node(nora).session().report().unwrap();
    assert_eq!(reports.iter().map(|report| report.epoch).collect::<Vec<_>>(), [1, 0]);
    let told = moment(&world, ben);
    world.execute(ben, told).unwrap();
    assert!(world.run_until_idle(A_WHILE));
    world.check_all(&mut Seeded::new(4));
}

#[test]
fn who_was_shown_another_log_sends_nothing_before_it_has_read_the_common_one() {
    let (mut world, nora, ben) = couple(5);
    assert!(world.split_relay([ben].into(), false));
    let told = moment(&world, ben);
    world.execute(ben, told).unwrap();
    assert!(world.run_until_idle(A_WHILE));
    world.set_online(ben, false);
    world.join_relay();
    for _ in 0..3 {
        let told = moment(&world, nora);
        world.execute(nora, told).unwrap();
    }
    assert!(world.run_until_idle(A_WHILE));
    let told = moment(&world, ben);
    world.execute(ben, told).unwrap();
    world.set_online(ben, true);
    assert!(world.run_until_idle(A_WHILE));
    world.check_all(&mut Seeded::new(5));
    assert_eq!(world.node(nora).session().timeline().unwrap().len(), 5);
}

#[test]
fn f33_a_relay_that_goes_back_to_an_old_disk_under_its_old_name_is_found_out_and_refilled() {
    for alone in [0, 1] {
        let (mut world, nora, ben) = couple(6);
        world.back_up_relay();
        for device in [nora, ben] {
            let told = moment(&world, device);
            world.execute(device, told).unwrap();
        }
        assert!(world.run_until_idle(A_WHILE));
        world.set_online([nora, ben][1 - alone], false);
        assert!(world.roll_relay_back(false));
        assert!(world.run_until_idle(A_WHILE));
        world.set_online([nora, ben][1 - alone], true);
        assert!(world.run_until_idle(A_WHILE));
        world.check_all(&mut Seeded::new(6));
    }
}

/// Lets a pairing die at every event it has, one after the other, then pairs again in peace.
fn cut_everywhere(whom: Whom, who_dies: impl Fn(Meeting) -> DeviceIndex) {
    for at in (0..400).step_by(5) {
        let mut world = World::new("cut", 9, Weather::FAIR);
        let inviter = world.person("Nora");
        let joiner = match whom {
            Whom::Partner => world.person("Ben"),
            Whom::Device => world.add_device(true),
        };
        assert!(world.run_until_idle(A_WHILE));
        let meeting = Meeting { inviter, joiner, whom };
        let (from, dies) = (world.events, who_dies(meeting));
        let whole = world.meet(meeting, |world| {
            if world.events - from == at && world.devices[dies].node.is_some() {
                world.crash(dies);
            }
        });
        if whole == Ok(true) {
            assert!(at > 20, "a pairing takes more than {at} events");
            return;
        }
        world.restart(dies);
        world.run_until_idle(Duration::from_secs(30));
        let again = world.meet(meeting, |_| {});
        assert!(matches!(again, Ok(true) | Err(Error::NotAllowed { .. } | Error::Pairing { .. })));
        assert!(world.run_until_idle(A_WHILE), "cut at event {at}: {again:?}");
        match whom {
            Whom::Partner => assert!(
                world.node(inviter).session().is_paired()
                    && world.node(joiner).session().is_paired(),
                "cut at event {at}: {again:?}"
            ),
            Whom::Device => {
                let reports = world.node(joiner).session().report().unwrap();
                let inside = reports.iter().any(|report| report.member);
                assert!(inside, "cut at event {at}: {again:?}");
            }
        }
        assert!(!world.devices[joiner].notices.contains(&Notice::PairingEnded("pair.mismatch")));
    }
}

#[test]
fn a_partner_is_paired_with_wherever_the_joiner_dies_meanwhile() {
    cut_everywhere(Whom::Partner, |meeting| meeting.joiner);
}

#[test]
fn a_partner_is_paired_with_wherever_the_inviter_dies_meanwhile() {
    cut_everywhere(Whom::Partner, |meeting| meeting.inviter);
}

#[test]
fn a_new_device_comes_in_wherever_it_dies_meanwhile() {
    cut_everywhere(Whom::Device, |meeting| meeting.joiner);
}

#[test]
fn a_new_device_comes_in_wherever_the_inviter_dies_meanwhile() {
    cut_everywhere(Whom::Device, |meeting| meeting.inviter);
}

#[test]
fn a_relay_that_forgot_is_given_all_though_a_phone_dies_while_it_begins_to() {
    let (mut world, nora, ben) = couple(4);
    for _ in 0..3 {
        let told = moment(&world, nora);
        world.execute(nora, told).unwrap();
        assert!(world.run_until_idle(A_WHILE));
    }
    world.set_online(ben, false);
    world.wipe_relay();
    world.devices[nora].disk.plant_crash(false, Some(Table::Outbox));
    assert!(world.run_until(A_WHILE, |world| world.is_down(nora)));
    world.restart(nora);
    assert!(world.run_until_idle(A_WHILE));
    world.set_online(ben, true);
    assert!(world.run_until_idle(A_WHILE));
    world.check_quiet();
}

#[test]
fn m6_what_was_acknowledged_by_words_that_were_taken_back_was_not_acknowledged() {
    let (mut world, nora, ben) = couple(11);
    let tell = |world: &mut World, device| {
        let told = moment(world, device);
        world.execute(device, told).unwrap();
    };
    let (nora_again, ben_again) = (world.twin(nora), world.twin(ben));
    for device in [nora, ben] {
        world.set_online(device, false);
    }
    world.restart(nora_again);
    world.restart(ben_again);
    world.set_online(ben_again, true);
    assert!(world.run_until_idle(A_WHILE));
    for device in [nora, nora_again, ben] {
        tell(&mut world, device);
    }
    // Two entries in one place. Between the two a copy of Ben's phone acknowledges the first, and nobody hears of it.
    world.set_online(nora, true);
    world.set_online(nora_again, true);
    let shown = |world: &World, device| world.node(device).session().timeline().unwrap().len();
    assert!(world.run_until(A_WHILE, |world| shown(world, ben_again) == 1));
    tell(&mut world, ben_again);
    assert!(world.run_until(A_WHILE, |world| shown(world, ben_again) == 3));
    world.set_online(ben_again, false);
    assert!(world.run_until_idle(A_WHILE));
    assert_eq!(shown(&world, nora), 2, "it is a fork");
    // What it said is taken back and said again in another chain, since Ben's phone spoke in the same place.
    world.set_online(ben, true);
    assert!(world.run_until_idle(A_WHILE));
    world.set_online(ben_again, true);
    assert!(world.run_until_idle(A_WHILE));
    for device in [nora, nora_again, ben] {
        assert_eq!(shown(&world, device), 4, "device {device}");
        let (one, other) = (world.node(device).session(), world.node(ben_again).session());
        assert_eq!(view(one, false), view(other, false), "device {device}");
    }
}
