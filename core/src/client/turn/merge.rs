//! Changes on their way into their documents, under the poison mark: what others wrote is written down before
//! Automerge sees it, and what a process died over before is tried alone or not at all.

use crate::client::error::Error;
use crate::client::space::card;
use crate::client::space::card::{DocumentCard, Held};
use crate::client::space::suspects::Trust;
use crate::client::turn::gather::Turn;
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::document::{ActorId, Document, Incoming, Merged, Refused};
use crate::entry::Incident;
use crate::model::id::{DocumentId, EntryId};
use crate::store::Table;

impl Turn<'_> {
    /// Merges all that this turn gathered.
    pub(crate) fn merge_documents(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let merged = self.merge_each(random);
        // Also after a failure: the process lives.
        if core::mem::take(&mut self.marked) {
            self.space.unmark()?;
        }
        merged?;
        for entry in core::mem::take(&mut self.acquitted) {
            self.space.suspects.remove(&entry);
            self.batch.delete(Table::Quarantine, entry.as_bytes());
        }
        Ok(())
    }

    fn merge_each(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        for (id, incoming) in core::mem::take(&mut self.incoming) {
            let held = self.space.document(id)?;
            if matches!(held, Held::Deleted) || self.deleted.contains(&id) {
                continue;
            }
            let mut document = match held {
                Held::Here(document) if !self.rebuild && !self.anew.contains(&id) => *document,
                Held::Here(_) | Held::Nothing | Held::Deleted => {
                    Document::new(card::kind_in(self.space.kind))
                }
            };
            self.merge_into(id, &mut document, incoming, random)?;
        }
        Ok(())
    }

    fn merge_into(
        &mut self,
        id: DocumentId,
        document: &mut Document,
        incoming: Vec<(u8, Incoming)>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let kind = document.kind().number();
        let (fit, odd): (Vec<_>, Vec<_>) = incoming.into_iter().partition(|(of, _)| *of == kind);
        let fit: Vec<Incoming> = fit.into_iter().map(|(_, incoming)| incoming).collect();
        let merged = self.merge_in_order(id, document, &fit, random)?;
        for (_, Incoming { source: entry, .. }) in odd {
            self.report(&Incident::RefusedChange { entry, document: id }, random)?;
        }
        for (entry, why) in merged.refused {
            let incident = if why == Refused::Full {
                Incident::DocumentFull { entry, document: id }
            } else {
                Incident::RefusedChange { entry, document: id }
            };
            self.report(&incident, random)?;
        }
        if merged.changed {
            self.keep_document(id, document, random)?;
        } else if self.rebuild {
            self.drop_document(id);
        }
        Ok(())
    }

    /// All that is trusted goes in at once; a suspect goes alone, between what comes before and after it.
    fn merge_in_order(
        &mut self,
        id: DocumentId,
        document: &mut Document,
        fit: &[Incoming],
        random: &mut dyn Random,
    ) -> Result<Merged, Error> {
        let suspects = &self.space.suspects;
        let together = |one: &Incoming, two: &Incoming| {
            !suspects.contains_key(&one.source) && !suspects.contains_key(&two.source)
        };
        let runs: Vec<&[Incoming]> = fit.chunk_by(together).collect();
        let mut all = Merged::default();
        for run in runs {
            let trust = run.first().and_then(|it| self.space.suspects.get(&it.source)).copied();
            match (trust, run) {
                (Some(Trust::Never), [poison, ..]) => {
                    let incident = Incident::Poison { entry: poison.source, document: id };
                    self.report(&incident, random)?;
                    continue;
                }
                (Some(Trust::Alone), [suspect, ..]) => self.acquitted.push(suspect.source),
                (None, _) | (Some(_), []) => {}
            }
            self.mark_foreign(id, run)?;
            let merged = document.merge(run)?;
            all.changed |= merged.changed;
            all.refused.extend(merged.refused);
        }
        Ok(all)
    }

    fn mark_foreign(&mut self, id: DocumentId, run: &[Incoming]) -> Result<(), Error> {
        let own = ActorId::of(self.space.home.space, id, self.space.me);
        let foreign = run.iter().filter(|incoming| incoming.place.actor != own);
        let foreign: Vec<EntryId> = foreign.map(|incoming| incoming.source).collect();
        if !foreign.is_empty() {
            self.marked = true;
            self.space.mark(foreign)?;
        }
        Ok(())
    }

    /// Writes a document and its list row.
    fn keep_document(
        &mut self,
        id: DocumentId,
        document: &Document,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let kind = document.kind().number();
        let place = Place::new(Table::Documents, id.as_bytes()).state(kind);
        self.space.shelf.put(&mut self.batch, place, &document.save(), random)?;
        let card = DocumentCard::of(id, document);
        let place = Place::new(Table::Cards, id.as_bytes()).order(card.order()).state(kind);
        self.space.shelf.put(&mut self.batch, place, &card.encode(), random)?;
        self.changed.documents.insert(id);
        Ok(())
    }
}
