//! The OpenAPI document, and the same as a readable page: plain HTML, nothing fetched from elsewhere.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::{Map, Value};
use utoipa::openapi::OpenApi;

use super::Shared;
use super::access::ROLES;

/// Both, written once at start.
pub(super) struct Documents {
    json: Bytes,
    html: Bytes,
}

impl Documents {
    /// Of a document.
    pub(super) fn new(document: &OpenApi) -> Self {
        let value = serde_json::to_value(document).unwrap_or_default();
        Self { json: value.to_string().into(), html: page_of(&value).into() }
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(super) async fn openapi(State(room): State<Shared>) -> Response {
    ([(CONTENT_TYPE, "application/json")], room.documents.json.clone()).into_response()
}

/// This document as a page.
#[utoipa::path(get, path = "/docs", tag = "operations",
    responses((status = 200, description = "For people", body = String, content_type = "text/html")))]
pub(super) async fn page(State(room): State<Shared>) -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], room.documents.html.clone()).into_response()
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8>\
<meta name=viewport content='width=device-width'><title>Hookline API</title><style>\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
h2{margin-top:2.5rem}h3{margin:2rem 0 .3rem;font:600 1rem ui-monospace,monospace}h3 b{color:#06c}\
table{border-collapse:collapse;margin:.4rem 0}td,th{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}\
code,td:first-child{font-family:ui-monospace,monospace;font-size:.9em}small{color:#666}\
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}a,h3 b{color:#6af}small{color:#999}}</style>";

fn page_of(document: &Value) -> String {
    let mut page = HEAD.to_owned();
    let text = |value: &Value| escape(value.as_str().unwrap_or_default());
    let _ = write!(
        page,
        "<h1>Hookline API <small>{}</small></h1><p>{}</p><p><a href=openapi.json>openapi.json</a> · \
         <a href=#bodies>Bodies</a></p>",
        text(&document["info"]["version"]),
        text(&document["info"]["description"])
    );
    let empty = Map::new();
    let mut tag_before = String::new();
    let mut operations: Vec<(&str, &str, &str, &Value)> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap_or(&empty) {
        for (method, operation) in item.as_object().unwrap_or(&empty) {
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            operations.push((tag, path, method, operation));
        }
    }
    let order = ["orders", "payments", "shipments", "admin", "operations"];
    operations.sort_by_key(|(tag, ..)| order.iter().position(|known| known == tag));
    for (tag, path, method, operation) in operations {
        if tag != tag_before {
            let _ = write!(page, "<h2>{}</h2>", escape(tag));
            tag.clone_into(&mut tag_before);
        }
        write_operation(&mut page, path, method, operation);
    }
    page.push_str("<h2 id=bodies>Bodies</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap_or(&empty) {
        let name = escape(name);
        let _ = write!(page, "<h3 id={name}>{name}</h3><p>{}</p><table>", text(&schema["description"]));
        let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
        for (field, about) in schema["properties"].as_object().unwrap_or(&empty) {
            let needed = if required.iter().any(|name| name == field) { "" } else { "?" };
            let (field, kind, what) = (escape(field), kind_of(about), text(&about["description"]));
            let _ = write!(page, "<tr><td>{field}{needed}<td>{kind}<td>{what}");
        }
        page.push_str("</table>");
    }
    page
}

fn write_operation(page: &mut String, path: &str, method: &str, operation: &Value) {
    let text = |value: &Value| escape(value.as_str().unwrap_or_default());
    let roles = match &operation[ROLES] {
        Value::Array(roles) => roles.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        other => other.as_str().unwrap_or("nobody").to_owned(),
    };
    let _ = write!(
        page,
        "<h3><b>{}</b> {}</h3><small>{}</small><br>{} {}<table>",
        method.to_uppercase(),
        escape(path),
        escape(&roles),
        text(&operation["summary"]),
        text(&operation["description"])
    );
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (place, name) = (text(&parameter["in"]), text(&parameter["name"]));
        let _ = write!(page, "<tr><td>{name}<td>{place}<td>{}", text(&parameter["description"]));
    }
    for (_, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        let _ = write!(page, "<tr><td>body<td>{}", kind_of(&content["schema"]));
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let content = response["content"].as_object().and_then(|content| content.values().next());
        let kind = content.map_or(String::new(), |content| kind_of(&content["schema"]));
        let _ = write!(page, "<tr><td>{status}<td>{kind}<td>{}", text(&response["description"]));
    }
    page.push_str("</table>");
}

/// A schema in a few words, a reference as a link.
fn kind_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let name = escape(name);
        return format!("<a href=#{name}>{name}</a>");
    }
    if let Some(choices) = schema["oneOf"].as_array().or(schema["allOf"].as_array()) {
        let choices: Vec<_> = choices.iter().filter(|choice| choice["type"] != "null").map(kind_of).collect();
        return choices.join(" | ");
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("[{}]", kind_of(&schema["items"])),
        Value::String(word) => escape(word),
        Value::Array(words) => {
            let words: Vec<_> = words.iter().filter_map(Value::as_str).filter(|word| *word != "null").collect();
            escape(&words.join(" | "))
        }
        _ => "any".to_owned(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
