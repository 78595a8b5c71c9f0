//! A call's state × an event → what changed. Pure: no clock, no socket, no log.

pub mod alert;
pub mod effects;
pub mod event;
pub mod policy;
