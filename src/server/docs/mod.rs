//! `GET /docs`: the contract for people, written out from the two documents, once. Whole without
//! scripts.

mod html;
mod rest;
mod sockets;
mod types;

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::Value;

use super::{App, page};
use crate::wire::contracts;
use html::{escape, text};

pub(super) async fn page(State(app): State<Arc<App>>) -> impl IntoResponse {
    static PAGE: LazyLock<String> =
        LazyLock::new(|| write(contracts::asyncapi(), contracts::openapi()));
    page::file("text/html; charset=utf-8", PAGE.as_bytes(), page::policy(&app.settings))
}

fn write(asyncapi: &Value, openapi: &Value) -> String {
    let sections = [sockets::sections(asyncapi), rest::sections(openapi)].concat();
    let types = types::section(&[asyncapi, openapi]);
    let sections: Vec<Section> = sections.into_iter().chain([types]).collect();
    let index: String = sections.iter().map(Section::index).collect();
    let body: String = sections.iter().map(Section::html).collect();
    let version = escape(asyncapi["info"]["version"].as_str().unwrap_or_default());
    let about = |document: &Value| text(document["info"]["description"].as_str().unwrap_or(""));
    HEAD.replace("VERSION", &version)
        .replace("INDEX", &index)
        .replace("ABOUT", &(about(asyncapi) + &about(openapi)))
        .replace("SECTIONS", &body)
}

const HEAD: &str = r##"<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Forewarn: messages and REST</title>
  <link rel="icon" href="/favicon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/style.css">
  <link rel="stylesheet" href="/docs.css">
</head>
<body>
  <a class="skip" href="#contract">Skip to the contract</a>
  <header>
    <h1><a href="/">Forewarn</a> <span class="muted">messages and REST, version VERSION</span></h1>
    <p class="raw"><a href="/asyncapi.json">asyncapi.json</a> <a href="/openapi.json">openapi.json</a></p>
  </header>
  <nav aria-label="Contents"><details open><summary>Contents</summary>INDEX</details></nav>
  <main id="contract">
    <section class="about">ABOUT</section>
SECTIONS
  </main>
</body>
</html>
"##;

/// A part of the page.
#[derive(Clone)]
struct Section {
    id: String,
    title: String,
    /// HTML before the entries.
    intro: String,
    entries: Vec<Entry>,
}

/// A message, an endpoint or a type.
#[derive(Clone)]
struct Entry {
    id: String,
    /// HTML: how it is named in the list of contents.
    name: String,
    /// HTML: its heading.
    heading: String,
    /// HTML: the rest.
    body: String,
}

impl Section {
    fn index(&self) -> String {
        let row = |entry: &Entry| format!("<li><a href=\"#{}\">{}</a></li>", entry.id, entry.name);
        let rows: String = self.entries.iter().map(row).collect();
        format!("<h2><a href=\"#{}\">{}</a></h2><ul>{rows}</ul>", self.id, escape(&self.title))
    }

    fn html(&self) -> String {
        let entry = |entry: &Entry| {
            let Entry { id, heading, body, .. } = entry;
            format!(
                "<article id=\"{id}\"><h3>{heading} <a class=\"anchor\" href=\"#{id}\" \
                 aria-label=\"Link to this\">#</a></h3>{body}</article>\n"
            )
        };
        let entries: String = self.entries.iter().map(entry).collect();
        format!(
            "<section id=\"{}\"><h2>{}</h2>{}{entries}</section>\n",
            self.id,
            escape(&self.title),
            self.intro
        )
    }
}
