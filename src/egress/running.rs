//! Starts the tasks of all destinations and takes them down again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::{Client, now};
use super::delivery::{Delivery, Failing};
use super::destination::Destination;
use super::metrics::Metrics;
use super::settings::Settings;
use crate::journal::Outbox;

/// Time between looks at how destinations stand.
const LOOK: Duration = Duration::from_secs(1);

/// The ways out that are open.
#[derive(Debug)]
pub struct Running {
    tasks: TaskTracker,
    drain: CancellationToken,
    failing: Vec<(Arc<str>, Failing)>,
}

/// Reads what the settings of all destinations name. `public_url` is the server as people reach it,
/// for links.
///
/// # Errors
/// The place of the first that cannot be used, and a sentence naming its setting.
pub fn open(destinations: &[Settings], public_url: &str) -> Result<Vec<Client>, (usize, String)> {
    let open_one = |settings| Client::new(Arc::new(Destination::load(settings, public_url)?));
    let opened = destinations.iter().enumerate();
    opened.map(|(place, own)| open_one(own).map_err(|message| (place, message))).collect()
}

/// Begins to send.
pub fn start(opened: Vec<Client>, outbox: &Arc<dyn Outbox>, metrics: &Metrics) -> Running {
    let (tasks, drain) = (TaskTracker::new(), CancellationToken::new());
    let mut failing = Vec::new();
    let mut names = Vec::new();
    for post in opened {
        let destination = Arc::clone(post.destination());
        let own = Failing::default();
        names.push(Arc::clone(&destination.name));
        failing.push((Arc::clone(&destination.name), Arc::clone(&own)));
        let delivery = Delivery {
            destination,
            post,
            outbox: Arc::clone(outbox),
            metrics: metrics.clone(),
            failing: own,
            drain: drain.clone(),
        };
        tasks.spawn(delivery.run());
    }
    let (outbox, metrics) = (Arc::clone(outbox), metrics.clone());
    tasks.spawn(drain.clone().run_until_cancelled_owned(async move {
        loop {
            for name in &names {
                metrics.stands(name, &outbox.standing(name), now());
            }
            tokio::time::sleep(LOOK).await;
        }
    }));
    Running { tasks, drain, failing }
}

impl Running {
    /// What is wrong with the destinations at the moment.
    pub fn warnings(&self) -> Vec<String> {
        let failing = self.failing.iter().filter(|(_, own)| own.load(Ordering::Relaxed));
        failing.map(|(name, _)| format!("destination `{name}` takes nothing")).collect()
    }

    /// Sends what can be sent at once. What cannot stays in the outbox.
    pub async fn finish(&self) {
        self.drain.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
