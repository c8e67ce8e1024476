//! Two phones side by side compare what they hold, without the relay.

use reknit_core::client::{Answer, Checked, Command, Error};
use reknit_core::entry::{Difference, Incident, Proven, verify_proof};
use reknit_core::membership::SpaceKind;
use reknit_core::model::Event;
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use reknit_e2e::world::{DeviceIndex, World};
use std::time::Duration;

const A_WHILE: Duration = Duration::from_mins(5);

fn couple(seed: u64) -> (World, DeviceIndex, DeviceIndex) {
    World::couple("side", seed)
}

fn tell(world: &mut World, device: DeviceIndex) {
    let told = Command::Tell(Event::Moment(Moment {
        at: world.now(device).at().unwrap(),
        kind: MomentKind::Repair,
        happened: None,
        who_did: WhoDid::Both,
        text: None,
        felt: None,
    }));
    world.execute(device, told).unwrap();
}

fn numbers(world: &World, device: DeviceIndex) -> String {
    world.node(device).session().shown(SpaceKind::Shared).unwrap().numbers.join(" ")
}

fn code(world: &World, device: DeviceIndex) -> String {
    world.node(device).session().shown(SpaceKind::Shared).unwrap().code
}

fn check(world: &mut World, device: DeviceIndex, shown: String) -> Checked {
    let answer = world.execute(device, Command::Check(SpaceKind::Shared, shown)).unwrap();
    let Answer::Checked(checked) = answer else { panic!("checked") };
    checked
}

fn agreed(world: &World, device: DeviceIndex) -> Option<bool> {
    let last = world.node(device).session().last_check(SpaceKind::Shared).unwrap();
    last.map(|last| last.agreed)
}

#[test]
fn two_phones_that_hold_the_same_say_so_offline() {
    let (mut world, nora, ben) = couple(1);
    tell(&mut world, nora);
    assert!(world.run_until_idle(A_WHILE));
    world.set_online(nora, false);
    world.set_online(ben, false);
    assert_eq!(agreed(&world, nora), None);
    let (numbers, code) = (numbers(&world, ben), code(&world, ben));
    assert_eq!(check(&mut world, nora, numbers), Checked::Same);
    assert_eq!(check(&mut world, nora, code), Checked::Same);
    assert_eq!(agreed(&world, nora), Some(true));
    let junk = Command::Check(SpaceKind::Shared, "not a code!".to_owned());
    let refused = world.execute(nora, junk);
    assert_eq!(refused, Err(Error::Invalid { field: "code", rule: "check.code" }));
    world.restart(nora);
    assert_eq!(agreed(&world, nora), Some(true), "it is written down");
}

#[test]
fn who_lacks_what_is_new_is_late_and_contradicts_nothing() {
    let (mut world, nora, ben) = couple(2);
    world.set_online(ben, false);
    tell(&mut world, nora);
    assert!(world.run_until_idle(A_WHILE));
    tell(&mut world, ben);
    let (numbers, code) = (numbers(&world, ben), code(&world, ben));
    assert_eq!(check(&mut world, nora, numbers), Checked::Apart);
    assert_eq!(agreed(&world, nora), None, "numbers that differ decide nothing");
    let Checked::Late(found) = check(&mut world, nora, code) else { panic!("late") };
    assert!(found.iter().any(|it| matches!(it, Difference::Behind { .. })), "{found:?}");
    assert!(found.iter().any(|it| matches!(it, Difference::Ahead { .. })), "{found:?}");
    assert_eq!(agreed(&world, nora), Some(true));
}

#[test]
fn e6_two_phones_with_two_entries_in_one_place_see_where_and_the_fork_can_be_proved_once_it_crossed()
 {
    let (mut world, nora, ben) = couple(3);
    let twin = world.twin(nora);
    world.restart(twin);
    world.set_online(nora, false);
    tell(&mut world, nora);
    tell(&mut world, twin);
    let of_twin = code(&world, twin);
    let Checked::Contradicts(found) = check(&mut world, nora, of_twin) else { panic!("two") };
    assert!(found.iter().any(|it| matches!(it, Difference::Entry { .. })), "{found:?}");
    assert_eq!(agreed(&world, nora), Some(false));
    let incidents = world.node(nora).session().incidents().unwrap();
    assert!(incidents.iter().any(|(_, it)| matches!(it, Incident::CheckDiffers { .. })));

    // Both upload in the same moment, each level with the relay.
    world.set_online(nora, true);
    world.set_online(twin, true);
    assert!(world.run_until_idle(A_WHILE));
    let mut proved = 0;
    for device in [nora, twin, ben] {
        for exhibit in world.node(device).session().evidence().unwrap() {
            let Incident::Fork { chain, seq, one, two } = exhibit.incident else { continue };
            let proof = exhibit.proof.expect("a fork is proved");
            let Ok(Proven::Fork { chain: of, seq: at, one: first, two: second, .. }) =
                verify_proof(&proof)
            else {
                panic!("the proof holds")
            };
            assert_eq!((of, at), (chain, seq));
            assert!((first, second) == (one, two) || (second, first) == (one, two));
            proved += 1;
        }
    }
    assert_eq!(proved, 3, "all three met both");
}
