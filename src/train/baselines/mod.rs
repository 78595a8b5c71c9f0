//! What a forecast has to beat: rules a manager could write, and the usual text classifier.
//!
//! Running sentiment by the model's own heads is a baseline too; it is read off the features
//! where the calls are walked (`evaluate::judge`).

pub mod give_aways;
pub mod lexicon;
pub mod tfidf;
