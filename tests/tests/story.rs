//! Stories: what people do, from the first minute, in fair weather.

use reknit_core::client::{Answer, Command, Whom};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::Event;
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use reknit_e2e::weather::Weather;
use reknit_e2e::world::World;
use std::time::Duration;

const A_MINUTE: Duration = Duration::from_mins(1);

#[test]
fn two_people_pair_and_what_each_tells_reaches_every_device() {
    let mut world = World::new("story", 1, Weather::FAIR);
    let nora = world.person("Nora");
    let ben = world.person("Ben");
    assert!(world.run_until_idle(A_MINUTE));
    assert!(world.pair(nora, ben, Whom::Partner));
    assert!(world.run_until_idle(A_MINUTE));
    let tablet = world.add_device(true);
    assert!(world.pair(ben, tablet, Whom::Device));
    assert!(world.run_until_idle(A_MINUTE));
    for device in [nora, ben, tablet] {
        assert!(world.node(device).session().is_paired(), "device {device}");
    }
    let told = Event::Moment(Moment {
        at: world.now(nora).at().unwrap(),
        kind: MomentKind::Repair,
        happened: None,
        who_did: WhoDid::Both,
        text: None,
        felt: None,
    });
    assert!(matches!(world.execute(nora, Command::Tell(told)).unwrap(), Answer::Told(_)));
    let edit =
        Edit { title: Some("Phones".to_owned()), text: Some("One".to_owned()), ..Edit::default() };
    let agreed =
        world.execute(tablet, Command::NewDocument(DocumentKind::Agreement, edit)).unwrap();
    assert!(world.run_until_idle(A_MINUTE));
    let Answer::Document(id) = agreed else { panic!("a document") };
    for device in [nora, ben, tablet] {
        let session = world.node(device).session();
        assert_eq!(session.timeline().unwrap().len(), 1);
        assert_eq!(session.document(id).unwrap().1.text, "One");
        assert_eq!(session.names().unwrap().persons().len(), 2);
        assert!(session.incidents().unwrap().is_empty());
        assert!(session.verify().unwrap().iter().all(|space| space.broken == 0));
    }
}
