//! Taking calls over: a claim that one node wins, then what nobody was told of.

use std::collections::VecDeque;
use std::sync::Arc;

use super::BusError;
use super::letters::Draft;
use super::publish::Press;
use super::work::{Item, Work};
use crate::journal::{Archive, Claim};

/// A call to be taken over.
#[derive(Debug)]
pub struct Taking {
    /// The call.
    pub call_id: Arc<str>,
    /// Its last `seq`, when it was ended by `call_end`.
    pub over: Option<u64>,
    /// Nothing can happen to it any more: it is told, and not kept here.
    pub is_final: bool,
    /// What the tables are to show, when they may not show it yet.
    pub archive: Option<Box<Archive>>,
    /// Where it stands.
    pub claim: Claim,
}

/// Takes calls over.
#[derive(Clone, Debug)]
pub struct Taker(pub(super) Arc<Press>);

impl Taker {
    /// Claims calls, and tells what was not told. Gives those that another node has now.
    ///
    /// # Errors
    /// [`BusError`] when NATS failed in the middle: what was claimed is this node's all the same,
    /// and must be taken over by it again.
    pub async fn take(&self, takings: Vec<Taking>) -> Result<Vec<Arc<str>>, BusError> {
        let mut works: Vec<Work> = takings.into_iter().map(|taking| self.work(taking)).collect();
        let mut lost = Vec::new();
        let printed = self.0.print(&mut works, &mut lost).await;
        let mut seats = self.0.seats();
        lost.iter().for_each(|call_id| seats.leave(call_id));
        printed.map(|()| lost)
    }

    fn work(&self, taking: Taking) -> Work {
        let Taking { call_id, over, is_final, archive, mut claim } = taking;
        let mut untold = std::mem::take(&mut claim.untold).into_iter().map(Item::Tell);
        // Without its first message a call has no number yet.
        let first = if claim.number.is_none() { untold.next() } else { None };
        let draft = Draft::new(&self.0.node, self.0.next_id()).ended(over);
        let mut items = VecDeque::from([Item::Events { draft, claim: Some(Box::new(claim)) }]);
        items.push_back(Item::Taken);
        items.extend(first);
        items.extend(archive.map(|archive| Item::History { id: self.0.next_id(), archive }));
        items.extend(untold);
        items.extend(is_final.then_some(Item::Leave));
        Work { call_id, items }
    }
}
