//! A partner's card with a key that proves nothing, shown in a real pairing.

use crate::siege::A_WHILE;
use reknit_core::client::{Answer, Command, Notice, Whom};
use reknit_core::crypto::{Device, DeviceKeys, RecoveryEntropy, RecoveryKeys, SigningKey};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::id::PersonId;
use reknit_core::pairing::{Card, Invitation, Join, Joiner, Output};
use reknit_e2e::stranger::Stranger;
use reknit_e2e::weather::Weather;
use reknit_e2e::world::{DeviceIndex, World};
use std::time::Duration;
use wire::codec::{Reader, Writer};
use wire::frame::Frame;
use wire::id::PrincipalKey;

/// A card like an honest one, with this voice key.
fn card(world: &mut World, voice: [u8; 32]) -> Card {
    let keys = DeviceKeys::generate(&mut world.random);
    let person = PersonId::from_bytes(world.random.array());
    let mut writer = Writer::new();
    keys.device(person).encode(&mut writer);
    let mut bytes = writer.into_bytes();
    bytes[..32].copy_from_slice(&voice);
    let device = Device::decode(&mut Reader::new(&bytes)).unwrap().peek().clone();
    let entropy = RecoveryEntropy::generate(&mut world.random);
    Card { person, device, recovery: RecoveryKeys::from_entropy(&entropy).public() }
}

/// Answers an invitation with a card. Gives the code with which the inviter's phone ended it.
fn answer(world: &mut World, inviter: DeviceIndex, card: Card) -> &'static str {
    let invited = world.execute(inviter, Command::Invite { whom: Whom::Partner, digits: false });
    let Ok(Answer::Invitation { code }) = invited else { panic!("{invited:?}") };
    let invitation = Invitation::parse(&code).unwrap();
    let (rid, mut from) = (invitation.rid, None);
    let mut line = Stranger::connect(world);
    let joiner = Joiner::Partner(Box::new(card));
    let now = world.now(0).moment;
    let mut join = Join::new(invitation, joiner, &mut world.random, now).unwrap();
    let mut number = None;
    for _ in 0..100 {
        while let Some(output) = join.poll_output() {
            match output {
                Output::Put { idx, bytes } => {
                    line.ask(world, Frame::MailPut { rid, idx, bytes });
                    join.handle_stored(idx);
                }
                Output::Get { from: at } => from = Some(at),
                Output::ShowNumber(shown) => number = Some(shown),
                Output::Meet { .. } => {
                    let [acc, adm] = [(); 2].map(|()| {
                        PrincipalKey::from(SigningKey::generate(&mut world.random).public())
                    });
                    join.agree(acc, adm, &mut world.random).unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        world.run_for(Duration::from_millis(200));
        while let Some(notice) = world.devices[inviter].notices.pop_front() {
            match notice {
                Notice::AskNumber => {
                    let number = number.clone().expect("the number was shown");
                    drop(world.execute(inviter, Command::TypeNumber(number)));
                }
                Notice::PairingEnded(code) => return code,
                _ => {}
            }
        }
        if let Some(from) = from {
            for frame in line.ask(world, Frame::MailGet { rid, from, wait_ms: 0 }) {
                if let Frame::Mail { idx, bytes } = frame {
                    join.handle_mail(idx, &bytes, world.now(0).moment);
                }
            }
        }
    }
    panic!("the pairing does not end");
}

#[test]
fn b31_a_partners_card_with_a_weak_key_burns_the_box_and_harms_nothing() {
    for (name, voice) in
        [("identity-card", crate::control::IDENTITY), ("mixed-card", crate::control::MIXED)]
    {
        let mut world = World::new(name, 1, Weather::FAIR);
        let (phone, ben) = (world.person("Nora"), world.person("Ben"));
        assert!(world.run_until_idle(A_WHILE));
        let tablet = world.add_device(true);
        assert!(world.pair(phone, tablet, Whom::Device));
        assert!(world.run_until_idle(A_WHILE));
        let card = card(&mut world, voice);
        assert_eq!(answer(&mut world, phone, card), "pair.key", "{name}");
        assert!(!world.node(phone).session().is_paired());
        // What Nora writes next reaches her own tablet, and a good partner can still be paired.
        let edit = Edit { text: Some("nothing happened".to_owned()), ..Edit::default() };
        let written = world.execute(phone, Command::NewDocument(DocumentKind::Journal, edit));
        let Ok(Answer::Document(id)) = written else { panic!("{written:?}") };
        assert!(world.run_until_idle(A_WHILE));
        let read = world.node(tablet).session().document(id).unwrap();
        assert_eq!(read.1.text, "nothing happened");
        assert!(world.pair(phone, ben, Whom::Partner), "{name}");
        assert!(world.run_until_idle(A_WHILE));
        assert!(world.node(tablet).session().is_paired());
    }
}
