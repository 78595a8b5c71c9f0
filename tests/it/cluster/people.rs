//! People on different nodes who do something about the same alert.

use serde_json::{Value, json};

use super::nats::Nats;
use super::nodes::{Nodes, Plan, answers};
use crate::harness::*;

const THREAT: &str = "please close my account";

/// A call of the first node with an alert that both consoles have; its id.
async fn alert(platform: &mut Peer, boards: [&mut Peer; 2], call_id: &str) -> Value {
    platform.start(call_id).await;
    platform.chunk(call_id, 1, "customer", THREAT).await;
    platform.acked(call_id, 1).await;
    let mut ids = Vec::new();
    for board in boards {
        let alert = board.find(|m| m["alert"]["call_id"] == call_id).await;
        ids.push(alert["alert"]["alert_id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    ids.pop().unwrap()
}

struct Stage {
    nodes: Nodes,
    platform: Peer,
    /// What they see.
    ana: Peer,
    ben: Peer,
    /// What they do: a connection of its own, so that no answer hides what is shown meanwhile.
    ana_does: Peer,
    ben_does: Peer,
    _nats: Nats,
}

impl Stage {
    async fn new() -> Option<Stage> {
        let nats = Nats::start()?;
        // They are faster than people.
        let plan = Plan::of(&nats, 3).set("SERVER_COMMANDS_PER_S", 10_000);
        let nodes = plan.start().await;
        let platform = nodes[0].plain_ingest().await;
        let (ana, ben) = (nodes[1].board("ana").await, nodes[2].board("ben").await);
        let (ana_does, ben_does) = (nodes[1].board("ana").await, nodes[2].board("ben").await);
        Some(Stage { nodes, platform, ana, ben, ana_does, ben_does, _nats: nats })
    }

    async fn alert(&mut self, call_id: &str) -> Value {
        alert(&mut self.platform, [&mut self.ana, &mut self.ben], call_id).await
    }

    /// Both say it at once; who wins, and what the other is told.
    async fn race(&mut self, command: &Value) -> (&'static str, Value) {
        let (ana, ben) = tokio::join!(
            self.ana_does.command("1", command.clone()),
            self.ben_does.command("1", command.clone())
        );
        match (ana["ok"] == true, ben["ok"] == true) {
            (true, false) => ("ana", ben),
            (false, true) => ("ben", ana),
            _ => panic!("exactly one wins: {ana} {ben}"),
        }
    }
}

#[tokio::test]
async fn of_two_people_on_two_nodes_exactly_one_wins() {
    let Some(mut stage) = Stage::new().await else { return };
    for round in 0..25 {
        let call_id = format!("c-{round}");
        let alert_id = stage.alert(&call_id).await;
        let command = json!({"type": "acknowledge", "alert_id": alert_id});
        let (winner, refusal) = stage.race(&command).await;
        assert_eq!(refusal["code"], "already_acknowledged", "{refusal}");
        let told = refusal["message"].as_str().unwrap();
        assert!(told.contains(winner), "who did it: {told}");
        let command = json!({"type": "resolve", "alert_id": alert_id, "outcome": "averted"});
        let (_, refusal) = stage.race(&command).await;
        assert_eq!(refusal["code"], "already_resolved", "{refusal}");
        // Everybody is told the same, and of each step once.
        let mut shown = Vec::new();
        for board in [&mut stage.ana, &mut stage.ben] {
            let last = board
                .find(|m| m["alert"]["alert_id"] == alert_id && m["alert"]["state"] == "resolved");
            shown.push(last.await["alert"].clone());
        }
        assert_eq!(shown[0], shown[1]);
        assert_eq!(shown[0]["owner"], winner);
        let steps: Vec<&str> = shown[0]["history"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|step| step["by"] != "engine" && step["by"] != "matrix")
            .map(|step| step["state"].as_str().unwrap())
            .collect();
        assert_eq!(steps, ["acknowledged", "resolved"], "{}", shown[0]);
    }
}

#[tokio::test]
async fn everything_that_people_do_works_from_any_node() {
    let Some(mut stage) = Stage::new().await else { return };
    let alert_id = stage.alert("c-1").await;
    let shown = async |stage: &mut Stage, state: &str| {
        let is_meant =
            |m: &Value| m["alert"]["alert_id"] == alert_id && m["alert"]["state"] == state;
        let (ana, ben) = tokio::join!(stage.ana.find(is_meant), stage.ben.find(is_meant));
        assert_eq!(ana["alert"], ben["alert"]);
        ana["alert"].clone()
    };
    let snooze = json!({"type": "snooze", "alert_id": alert_id, "for_s": 3600});
    assert_eq!(stage.ana_does.command("1", snooze).await["ok"], true);
    shown(&mut stage, "snoozed").await;
    let assign = json!({"type": "assign", "alert_id": alert_id, "to": "carl"});
    assert_eq!(stage.ben_does.command("1", assign).await["ok"], true);
    let take = json!({"type": "acknowledge", "alert_id": alert_id});
    assert_eq!(stage.ana_does.command("2", take.clone()).await["ok"], true);
    shown(&mut stage, "acknowledged").await;
    // Repeating what one has done oneself is fine, also somewhere else.
    let mut ana = stage.nodes[0].board("ana").await;
    assert_eq!(ana.command("1", take).await["ok"], true);
    let resolve =
        json!({"type": "resolve", "alert_id": alert_id, "outcome": "averted", "note": "fee"});
    assert_eq!(stage.ben_does.command("3", resolve).await["ok"], true);
    let last = shown(&mut stage, "resolved").await;
    let note = last["history"].as_array().unwrap().last().unwrap();
    assert_eq!((&note["by"], &note["note"]), (&json!("ben"), &json!("fee")));

    let hand = json!({"type": "raise_hand", "call_id": "c-1", "note": "needs a waiver"});
    assert_eq!(stage.ben_does.command("4", hand).await["ok"], true);
    for board in [&mut stage.ana, &mut stage.ben] {
        let alert = board.find(|m| m["alert"]["kind"] == "manual").await;
        assert_eq!(alert["alert"]["history"][0]["by"], "ben");
    }
    for node in stage.nodes.iter() {
        answers(node, "/v1/calls/c-1", |call| {
            call["alerts"].as_array().is_some_and(|open| open.len() == 1)
        })
        .await;
    }
    let nobody = json!({"type": "acknowledge", "alert_id": "al-nobody"});
    assert_eq!(stage.ana_does.command("9", nobody).await["code"], "not_found");
    // The call goes on where it is, undisturbed.
    stage.platform.chunk("c-1", 2, "agent", "good morning").await;
    stage.platform.acked("c-1", 2).await;
}
