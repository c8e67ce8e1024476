//! A device that begins anew: who may say so, where its old chain ends, and how often it can be.

use super::fixture::{Forgery, Human, Space, is_void, private};
use crate::crypto::{DeviceKeys, SeededRandom, SigningKey};
use crate::membership::{
    Action, ActionBytes, Author, Cut, Folded, Intent, NewIncarnation, Outcome, Standing,
    VoidReason, Want,
};
use crate::model::id::{DeviceId, EntryId};

fn anew(device: DeviceId, old: u16) -> NewIncarnation {
    let seq = u64::from(old) + 4;
    NewIncarnation { device, old, seq, entry: EntryId::from_bytes([9; 32]) }
}

fn said(
    space: &mut Space,
    human: &Human,
    what: NewIncarnation,
    by: (Author, &SigningKey),
    random: &mut SeededRandom,
) -> Folded {
    let mut forgery = Forgery::of(space, human, &Action::NewIncarnation(what), random);
    forgery.op.author = by.0;
    let item = forgery.seal(space, by.1, random);
    space.receive(item, &human.me())
}

#[test]
fn a_device_begins_anew_and_its_old_chain_has_an_end() {
    let random = &mut SeededRandom::new(80);
    let (human, mut space) = private(random);
    let me = human.keys.id();
    let folded = space.want(Want::NewIncarnation(anew(me, 0)), &human, random);
    assert_eq!(folded.outcome, Outcome::Applied);
    let member = space.log.table().device(me).unwrap();
    let cut = Cut { inc: 0, seq: 4, entry: EntryId::from_bytes([9; 32]) };
    assert_eq!((member.inc, member.state, member.cut), (1, Standing::In, Some(cut)));
    assert_eq!((space.log.epoch(), member.slot), (0, 0), "neither key nor place changes");
    assert_eq!(space.log.table_at(0).unwrap().device(me).unwrap().inc, 0);

    let folded = space.want(Want::NewIncarnation(anew(me, 1)), &human, random);
    assert_eq!(folded.outcome, Outcome::Applied);
    assert_eq!(space.log.table().device(me).unwrap().inc, 2);
}

#[test]
fn nobody_elses_word_and_no_voice_ends_a_chain() {
    let random = &mut SeededRandom::new(81);
    let (human, mut space) = private(random);
    let stranger = DeviceKeys::generate(random);
    let me = human.keys.id();
    let voice = (Author::Voice(me), &human.keys.voice);
    is_void(&said(&mut space, &human, anew(me, 0), voice, random), VoidReason::Author);
    let other = (Author::Seat(stranger.id()), &stranger.seat);
    is_void(&said(&mut space, &human, anew(me, 0), other, random), VoidReason::Author);
    let seat = (Author::Seat(me), &human.keys.seat);
    is_void(&said(&mut space, &human, anew(stranger.id(), 0), seat, random), VoidReason::Author);
    assert_eq!(space.log.table().device(me).unwrap().inc, 0);
}

#[test]
fn another_own_device_or_the_phrase_may_say_where_a_chain_ends() {
    let random = &mut SeededRandom::new(82);
    let (human, mut space) = private(random);
    let tablet = DeviceKeys::generate(random);
    space.want(Want::AddDevice(human.admits(&tablet)), &human, random);
    let seat = (Author::Seat(human.keys.id()), &human.keys.seat);
    let folded = said(&mut space, &human, anew(tablet.id(), 0), seat, random);
    assert_eq!(folded.outcome, Outcome::Applied);
    let phrase = (Author::Recovery(human.recovery.public().id()), &human.recovery.sign);
    let folded = said(&mut space, &human, anew(human.keys.id(), 0), phrase, random);
    assert_eq!(folded.outcome, Outcome::Applied);
    let incs = space.log.table().members().map(|member| member.inc).collect::<Vec<_>>();
    assert_eq!(incs, [1, 1]);
}

#[test]
fn only_the_present_incarnation_ends_and_an_end_has_one_form() {
    let random = &mut SeededRandom::new(83);
    let (human, mut space) = private(random);
    let me = human.keys.id();
    let seat = (Author::Seat(me), &human.keys.seat);
    is_void(&said(&mut space, &human, anew(me, 1), seat, random), VoidReason::Incarnation);
    space.want(Want::NewIncarnation(anew(me, 0)), &human, random);
    is_void(&said(&mut space, &human, anew(me, 0), seat, random), VoidReason::Incarnation);

    let whole = Action::NewIncarnation(anew(me, 1)).encode();
    assert_eq!((whole.kind, whole.payload.len()), (6, 16 + 2 + 8 + 32));
    let mut nameless = whole.clone();
    nameless.payload[26..].fill(0);
    let mut unnumbered = whole.clone();
    unnumbered.payload[18..26].fill(0);
    let longer = ActionBytes { kind: 6, payload: [whole.payload, vec![0]].concat() };
    for bad in [nameless, unnumbered, longer] {
        assert_eq!(Action::decode(&bad).err(), Some(VoidReason::Layout));
    }
}

#[test]
fn b38_a_space_has_at_most_255_chains() {
    let random = &mut SeededRandom::new(84);
    let (human, mut space) = private(random);
    let me = human.keys.id();
    for old in 0..254 {
        let folded = space.want(Want::NewIncarnation(anew(me, old)), &human, random);
        assert_eq!(folded.outcome, Outcome::Applied);
    }
    let seat = (Author::Seat(me), &human.keys.seat);
    is_void(&said(&mut space, &human, anew(me, 254), seat, random), VoidReason::Incarnation);
}

#[test]
fn an_intent_knows_its_own_op_from_that_of_a_copy() {
    let random = &mut SeededRandom::new(85);
    let (human, mut space) = private(random);
    let me = human.keys.id();
    let mut mine = Intent::new(Want::NewIncarnation(anew(me, 0)));
    mine.ends_at(6, EntryId::from_bytes([8; 32]));
    let mut other = Intent::new(Want::NewIncarnation(anew(me, 0)));
    let item = mine.compose(&space.composer(&human.keys), random).unwrap();
    other.compose(&space.composer(&human.keys), random).unwrap();
    mine.ends_at(7, EntryId::from_bytes([7; 32]));
    let mine = Intent::decode(&mine.encode()).unwrap();
    assert!(!mine.landed(&space.log));
    space.receive(item, &human.me());
    assert!(mine.is_satisfied(&space.log) && other.is_satisfied(&space.log));
    assert!(mine.landed(&space.log) && !other.landed(&space.log));
    let cut = space.log.table().device(me).unwrap().cut.unwrap();
    assert_eq!(cut.seq, 6, "what is sent already stays as it is");
}
