//! Writing down what an evaluation found: for a terminal, and as a page.

pub mod text;
