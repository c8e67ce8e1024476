//! A phone that was restored from a copy, and two phones from one copy: they go on without a fork, and nothing that
//! was written is lost.

use reknit_core::client::{Answer, Command, Error};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::id::{DocumentId, RecordId};
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use reknit_core::model::question::{Question, QuestionKind, Wish};
use reknit_core::model::reach::Withdraw;
use reknit_core::model::{Event, Text};
use reknit_e2e::world::{DeviceIndex, World};
use std::time::Duration;

const A_WHILE: Duration = Duration::from_mins(5);

fn couple(seed: u64) -> (World, DeviceIndex, DeviceIndex) {
    World::couple("restored", seed)
}

fn moment(world: &World, device: DeviceIndex, text: &str) -> Command {
    Command::Tell(Event::Moment(Moment {
        at: world.now(device).at().unwrap(),
        kind: MomentKind::Repair,
        happened: None,
        who_did: WhoDid::Both,
        text: Some(Text::new(text).unwrap()),
        felt: None,
    }))
}

fn tell(world: &mut World, device: DeviceIndex, text: &str) {
    let told = moment(world, device, text);
    world.execute(device, told).unwrap();
}

fn ask(world: &mut World, device: DeviceIndex) -> RecordId {
    let asked = Command::Tell(Event::Question(Question {
        at: world.now(device).at().unwrap(),
        kind: QuestionKind::Now,
        text: Text::new("What now?").unwrap(),
        wish: Wish::Written,
        detail: None,
        repeat_of: None,
        parent: None,
    }));
    let Answer::Told(id) = world.execute(device, asked).unwrap() else { panic!("told") };
    RecordId::from_bytes(id.to_bytes())
}

fn note(world: &mut World, device: DeviceIndex, id: Option<DocumentId>, text: &str) -> DocumentId {
    let edit = Edit { text: Some(text.to_owned()), ..Edit::default() };
    let command = match id {
        Some(id) => Command::EditDocument(id, edit),
        None => Command::NewDocument(DocumentKind::Journal, edit),
    };
    let Answer::Document(id) = world.execute(device, command).unwrap() else {
        panic!("a document")
    };
    id
}

fn text_of(world: &World, device: DeviceIndex, id: DocumentId) -> String {
    world.node(device).session().document(id).unwrap().1.text
}

fn codes(world: &World, device: DeviceIndex) -> Vec<&'static str> {
    let incidents = world.node(device).session().incidents().unwrap();
    let mut codes: Vec<_> = incidents.iter().map(|(_, incident)| incident.code()).collect();
    codes.dedup();
    codes
}

fn lines(world: &World, device: DeviceIndex) -> usize {
    world.node(device).session().timeline().unwrap().len()
}

fn incarnations(world: &World, device: DeviceIndex) -> Vec<u16> {
    let reports = world.node(device).session().report().unwrap();
    assert!(reports.iter().all(|report| !report.held && report.again == 0 && report.unsent == 0));
    reports.iter().map(|report| report.incarnation).collect()
}

/// Both hold the same history, and all of it can be proved.
fn agree(world: &World, one: DeviceIndex, other: DeviceIndex) {
    let [one, other] = [one, other].map(|device| {
        let proofs = world.node(device).session().verify().unwrap();
        let shared = proofs.into_iter().next_back().unwrap();
        assert_eq!(shared.broken, 0);
        (shared.history, shared.view, shared.members)
    });
    assert_eq!(one, other);
}

#[test]
fn f20_a_phone_from_yesterdays_copy_goes_on_without_a_fork_and_without_losing_today() {
    let (mut world, nora, ben) = couple(1);
    tell(&mut world, nora, "yesterday");
    let diary = note(&mut world, nora, None, "one two three");
    assert!(world.run_until_idle(A_WHILE));
    let copy = world.copy_of(nora);

    tell(&mut world, nora, "today");
    note(&mut world, nora, Some(diary), "one two three four");
    assert!(world.run_until_idle(A_WHILE));
    world.put_back(nora, copy);
    world.set_online(nora, false);
    world.restart(nora);
    tell(&mut world, nora, "on the train");
    let asked = ask(&mut world, nora);
    let at = world.now(nora).at().unwrap();
    let withdraw = Event::Withdraw(Withdraw { at, of: asked });
    world.execute(nora, Command::Tell(withdraw)).unwrap();
    note(&mut world, nora, Some(diary), "zero one two three");
    assert_eq!((lines(&world, nora), lines(&world, ben)), (3, 2), "it does not know today");

    world.set_online(nora, true);
    assert!(world.run_until_idle(A_WHILE));
    assert_eq!((lines(&world, nora), lines(&world, ben)), (4, 4));
    assert_eq!(text_of(&world, nora, diary), "zero one two three four");
    assert_eq!(codes(&world, nora), ["device.restored"]);
    assert_eq!(codes(&world, ben), [""; 0], "nobody is accused");
    assert_eq!(incarnations(&world, nora), [1, 1]);
    let shown = world.node(ben).session().timeline().unwrap();
    let withdrawn = shown.iter().filter(|line| line.status == "withdrawn").count();
    assert_eq!(withdrawn, 1, "what was said of a question is said of it again");
    agree(&world, nora, ben);

    tell(&mut world, nora, "later");
    tell(&mut world, ben, "later too");
    assert!(world.run_until_idle(A_WHILE));
    assert_eq!((lines(&world, nora), lines(&world, ben)), (6, 6));
    assert_eq!(incarnations(&world, nora), [1, 1]);
    world.crash(nora);
    world.restart(nora);
    assert!(world.run_until_idle(A_WHILE));
    assert_eq!(incarnations(&world, nora), [1, 1]);
    agree(&world, nora, ben);
}

#[test]
fn f21_the_second_of_two_copies_notices_before_it_uploads_anything() {
    let (mut world, nora, ben) = couple(2);
    tell(&mut world, nora, "before");
    assert!(world.run_until_idle(A_WHILE));
    let twin = world.twin(nora);
    world.restart(twin);
    tell(&mut world, nora, "from the first");
    tell(&mut world, twin, "from the second");
    assert!(world.run_until_idle(A_WHILE));
    world.set_online(twin, true);
    assert!(world.run_until_idle(A_WHILE));
    assert_eq!(codes(&world, twin), ["device.restored"]);
    assert_eq!(codes(&world, nora), ["device.copied"]);
    for device in [nora, twin, ben] {
        assert_eq!(lines(&world, device), 3);
    }
    assert_eq!(incarnations(&world, twin), [1, 1]);

    tell(&mut world, nora, "from the first again");
    assert!(world.run_until_idle(A_WHILE));
    for device in [nora, twin, ben] {
        assert_eq!(lines(&world, device), 4);
    }
    assert_eq!(codes(&world, ben), [""; 0]);
    agree(&world, nora, ben);
    agree(&world, twin, ben);
}

/// All that each of them took is everywhere.
fn all_is_out(world: &World, devices: &[DeviceIndex], said: usize) {
    for device in devices {
        for report in world.node(*device).session().report().unwrap() {
            assert_eq!((report.unsent, report.again), (0, 0), "{device} {:?}", report.kind);
        }
        assert_eq!(lines(world, *device), said, "{device}");
    }
}

#[test]
fn f21_two_copies_that_write_in_turns_are_told_that_a_person_must_decide_and_no_word_stays_behind()
{
    let (mut world, nora, ben) = couple(4);
    let twin = world.clone_device(nora);
    let mut said = 0;
    let mut refused = [0, 0];
    for turn in 0..24 {
        let device = [nora, twin][turn % 2];
        let told = moment(&world, device, "in turns");
        match world.execute(device, told) {
            Ok(_) => said += 1,
            Err(error) => {
                assert_eq!(error, Error::NotAllowed { rule: "device.copied" });
                assert!(world.is_given_up(device));
                refused[turn % 2] += 1;
            }
        }
        assert!(world.run_until_idle(A_WHILE));
        all_is_out(&world, &[nora, twin, ben], said);
    }
    let (of_nora, of_twin) = (refused[0], refused[1]);
    assert!((of_nora == 0) != (of_twin == 0), "one of them goes on: {refused:?}");

    // What a third one took before it heard of all that is brought out, too.
    let goes_on = if of_nora == 0 { nora } else { twin };
    let third = world.clone_device(goes_on);
    world.set_online(third, false);
    tell(&mut world, third, "on the train");
    tell(&mut world, goes_on, "meanwhile");
    assert!(world.run_until_idle(A_WHILE));
    world.set_online(third, true);
    assert!(world.run_until_idle(A_WHILE));
    all_is_out(&world, &[nora, twin, third, ben], said + 2);
    agree(&world, third, ben);
    agree(&world, goes_on, ben);
}

#[test]
fn f20_wherever_it_dies_while_it_begins_anew_nothing_is_lost_or_doubled() {
    for at in 0.. {
        let (mut world, nora, ben) = couple(3);
        let copy = world.copy_of(nora);
        tell(&mut world, nora, "today");
        let diary = note(&mut world, nora, None, "today");
        assert!(world.run_until_idle(A_WHILE));
        world.put_back(nora, copy);
        world.set_online(nora, false);
        world.restart(nora);
        tell(&mut world, nora, "on the train");
        let train = note(&mut world, nora, None, "on the train");
        let from = world.events;
        world.set_online(nora, true);
        let mut died = false;
        world.run_until(A_WHILE, |world| {
            let due = !died && world.events - from == at;
            if due {
                world.crash(nora);
                died = true;
            }
            due || (world.is_idle() && world.events - from > at)
        });
        if died {
            world.restart(nora);
        }
        assert!(world.run_until_idle(A_WHILE), "died at event {at}");
        assert_eq!((lines(&world, nora), lines(&world, ben)), (2, 2), "died at event {at}");
        assert_eq!(text_of(&world, nora, diary), "today");
        assert_eq!(text_of(&world, nora, train), "on the train");
        assert_eq!(codes(&world, ben), [""; 0]);
        incarnations(&world, nora);
        agree(&world, nora, ben);
        if !died {
            assert!(at > 10, "beginning anew takes more than {at} events");
            return;
        }
    }
}
