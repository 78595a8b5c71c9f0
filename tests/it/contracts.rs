//! The published contract as it is served. That the server keeps it is seen by every other test,
//! through `witness.rs`.

use forewarn::wire::contracts;
use serde_json::Value;

use crate::harness::*;

#[tokio::test]
async fn the_documents_are_served_as_they_are_made() {
    let server = Server::start();
    for (path, made) in
        [("/asyncapi.json", contracts::asyncapi()), ("/openapi.json", contracts::openapi())]
    {
        let (status, head, body) = http(server.address, "GET", path, "").await;
        assert!(status == 200 && head.contains("content-type: application/json"), "{path}: {head}");
        let served: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(&served, made, "{path}");
    }
}

#[tokio::test]
async fn the_page_of_the_contract_names_everything() {
    let server = Server::start();
    let (status, head, page) = http(server.address, "GET", "/docs", "").await;
    assert!(status == 200 && head.contains("content-type: text/html"), "{head}");
    assert!(head.contains("content-security-policy: default-src 'self'"), "{head}");
    let asyncapi = get(server.address, "/asyncapi.json").await;
    let openapi = get(server.address, "/openapi.json").await;
    for document in [&asyncapi, &openapi] {
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            assert!(page.contains(&format!("id=\"{name}\"")), "{name} has no anchor");
            for field in schema["properties"].as_object().into_iter().flatten() {
                assert!(page.contains(&format!("<code>{}</code>", field.0)), "{name}: {}", field.0);
            }
        }
    }
    let messages = asyncapi["components"]["messages"].as_object().unwrap();
    assert_eq!(messages.len(), 27);
    for message in messages.values() {
        let kind = message["name"].as_str().unwrap();
        assert!(page.contains(&format!("<code>{kind}</code>")), "{kind}");
    }
    for path in openapi["paths"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
    }
    assert!(!page.contains("<script"), "it is whole without scripts");
    assert!(!page.contains("https://") && !page.contains("http://"), "it asks no other host");
}
