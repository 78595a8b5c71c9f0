//! What people do on one node to calls and alerts of another: the node that has the call does it,
//! so that of two people exactly one wins.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Cluster;
use crate::desk::{Answer, Desk, Person};
use crate::engine::alert::Alert;
use crate::engine::event::Action;
use crate::journal::jetstream::{Inbox, Posted};
use crate::wire::Scopes;

/// How long the others may take to say whether somebody is there.
const PATIENCE: Duration = Duration::from_millis(500);
/// Errands carried out at a time.
const AT_ONCE: usize = 256;

/// Something to be done for a person, to a call or an alert of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// To an alert.
    Act {
        /// The alert.
        alert_id: String,
        /// What.
        action: Action,
        /// Who the console thought has it, for an assignment that says so.
        #[serde(default)]
        from: Option<Seen>,
    },
    /// To a call.
    RaiseHand {
        /// Why.
        note: Option<String>,
    },
}

/// An owner that a console saw.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seen {
    owner: Option<String>,
}

impl Errand {
    /// To an alert.
    pub fn act(alert_id: String, action: Action) -> Errand {
        let from = match &action {
            Action::Assign { from: Some(owner), .. } => Some(Seen { owner: owner.clone() }),
            _ => None,
        };
        Errand::Act { alert_id, action, from }
    }
}

/// Why it was not done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failed {
    /// The code for the console.
    pub code: String,
    /// What it says.
    pub message: String,
}

/// What one node asks another.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    /// To do something for a person.
    Do(Asked),
    /// To let go of a call that another node is about to take over. It could take it without
    /// asking, but for a call that is written to all the time its claim would come late again and
    /// again.
    Yield(Arc<str>),
}

#[derive(Serialize, Deserialize)]
struct Asked {
    who: String,
    scopes: Scopes,
    /// As the node that asks knows it.
    call_id: String,
    errand: Errand,
}

/// Whether anybody is there.
#[derive(Serialize, Deserialize)]
struct Somebody {
    yes: bool,
}

impl Cluster {
    /// Has another node do what a person wants with a call that is there.
    ///
    /// # Errors
    /// [`Failed`], as the console is to be told.
    pub async fn send_errand(
        &self,
        call_id: &str,
        who: &str,
        scopes: &Scopes,
        errand: Errand,
    ) -> Result<(), Failed> {
        let node = self.lock_index().of(call_id).map(|entry| Arc::clone(&entry.node));
        let Some(node) = node.filter(|node| *node != self.node) else {
            return Err(elsewhere(call_id));
        };
        let (who, call) = (who.to_owned(), call_id.to_owned());
        let asked = Asked { who, scopes: scopes.clone(), call_id: call, errand };
        let question = Question::Do(asked);
        let answer = self.bus.ask(self.bus.names().node(&node), &question).await;
        answer.unwrap_or_else(|error| {
            tracing::info!(call_id, %error, "the node of a call did not answer");
            Err(elsewhere(call_id))
        })
    }

    pub(super) async fn run_errands(self: Arc<Self>, mut errands: Inbox) {
        let room = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
        while let Some(posted) = errands.next().await {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            let own = Arc::clone(&self);
            tokio::spawn(async move {
                let _permit = permit;
                own.run_errand(posted).await;
            });
        }
    }

    async fn run_errand(&self, posted: Posted) {
        let (Some(question), Some(desk)) = (posted.read::<Question>(), self.desk()) else { return };
        self.metrics.errands.inc();
        match question {
            Question::Yield(call_id) => {
                self.let_go(&desk, &[call_id]);
                self.bus.answer(&posted, &Somebody { yes: true }).await;
            }
            Question::Do(asked) => {
                // Shorter than whoever asked waits: what is done is not to be reported as failed.
                let patience = self.settings.answer_timeout() * 3 / 4;
                let done = tokio::time::timeout(patience, carry_out(desk, asked)).await;
                // Who asked has given up by then; the state that follows will tell them.
                if let Ok(done) = done {
                    self.bus.answer(&posted, &done).await;
                }
            }
        }
    }

    /// Asks a node to let go of a call. Whether it does or not, a claim decides.
    pub(super) async fn ask_to_yield(&self, node: &str, call_id: &Arc<str>) {
        let question = Question::Yield(Arc::clone(call_id));
        let answer = self.bus.ask::<_, Somebody>(self.bus.names().node(node), &question).await;
        if let Err(error) = answer {
            tracing::debug!(%call_id, node, %error, "the node of a call did not answer");
        }
    }

    /// Calls are another node's from now on.
    pub(super) fn let_go(&self, desk: &Desk, call_ids: &[Arc<str>]) {
        call_ids.iter().for_each(|call_id| self.shared.leave(call_id));
        self.metrics.calls_lost.inc_by(desk.lose(call_ids));
    }

    pub(super) async fn ask_whether_anybody(&self, alert: &Alert) -> bool {
        let subject = self.bus.names().anybody();
        let yes = |somebody: &Somebody| somebody.yes;
        self.bus.ask_all(subject, alert, PATIENCE, yes).await.is_some()
    }

    pub(super) async fn answer_whether_anybody(self: Arc<Self>, mut questions: Inbox) {
        while let Some(posted) = questions.next().await {
            let Some(alert) = posted.read::<Alert>() else { continue };
            if self.hub.anybody_for(&alert) {
                self.bus.answer(&posted, &Somebody { yes: true }).await;
            }
        }
    }
}

async fn carry_out(desk: Arc<Desk>, asked: Asked) -> Result<(), Failed> {
    let Asked { who, scopes, call_id, errand } = asked;
    let mut person = Person::new(Arc::clone(&desk), who).within(Arc::new(scopes));
    let Some(permit) = desk.journal().permit().await else {
        return Err(failed("overloaded", "the server is going down; try again"));
    };
    let answer = match errand {
        Errand::Act { alert_id, mut action, from } => {
            if let (Action::Assign { from: seen, .. }, Some(Seen { owner })) = (&mut action, from) {
                *seen = Some(owner);
            }
            person.act_in(&call_id, &alert_id, action, permit)
        }
        Errand::RaiseHand { note } => person.raise_hand(&call_id, note, permit),
    };
    match answer {
        Answer::Refused(refusal) => Err(failed(refusal.code, &refusal.message)),
        Answer::Elsewhere(call_id) => Err(elsewhere(&call_id)),
        Answer::Done(ticket) => {
            person.slot().wait_for(ticket).await;
            match person.lost(ticket) {
                Some(call_id) => Err(elsewhere(&call_id)),
                None => Ok(()),
            }
        }
    }
}

fn failed(code: &str, message: &str) -> Failed {
    Failed { code: code.to_owned(), message: message.to_owned() }
}

fn elsewhere(call_id: &str) -> Failed {
    failed("overloaded", &format!("call `{call_id}` is moving to another node; try again"))
}
