//! Incidents that somebody lists outside AWS, at `incident_url` of the configuration.

use reqwest::Url;
use serde::Deserialize;
use watchkeeper_domain::failure::Failure;

use crate::http::{self, Answer, Patience};

/// An element of the list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Incident {
    Text(String),
    Titled { title: String },
}

/// The titles of the incidents that the page at `url` lists, as [`watchkeeper_domain::ports::Calendars::incidents`] says
/// that it answers.
///
/// The page is asked by a client that is made for it: drills without one need none.
///
/// # Errors
/// When it does not answer so. The failure names the host: what follows in `url` may let anybody in.
pub async fn incidents(url: &str, patience: Patience) -> Result<Vec<String>, Failure> {
    let client = http::client(patience)?;
    let answer = http::get(&client, url, "application/json", None).await;
    let titles = answer.map_err(|trouble| trouble.cause).and_then(|answer| titles(&answer));
    titles.map_err(|cause| Failure::new("read", format!("the open incidents at {}", host(url)), cause))
}

fn host(url: &str) -> String {
    let host = Url::parse(url).ok().and_then(|url| Some(url.host_str()?.to_owned()));
    host.unwrap_or_else(|| "`incident_url`".to_owned())
}

/// Only these two statuses say something: any other 2xx is of somebody who has not done what was asked.
fn titles(answer: &Answer) -> Result<Vec<String>, String> {
    match answer.status {
        204 => return Ok(Vec::new()),
        200 => {}
        status => return Err(format!("{status} is neither 200 nor 204")),
    }
    let incidents: Vec<Incident> = serde_json::from_str(&answer.body).map_err(|_| {
        "the answer is no JSON array with a text, or an object with a `title`, for each incident".to_owned()
    })?;
    let title = |incident| match incident {
        Incident::Text(title) | Incident::Titled { title } => title,
    };
    Ok(incidents.into_iter().map(title).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Result<Vec<String>, String> {
        titles(&Answer { status, body: body.to_owned() })
    }

    #[test]
    fn a_list_of_texts_or_titles_is_what_is_open() {
        let listed = r#"["carts are slow", {"id": 7, "title": "checkout is down"}]"#;
        assert_eq!(read(200, listed).unwrap(), ["carts are slow", "checkout is down"]);
        assert_eq!(read(200, " [] ").unwrap(), [""; 0]);
        assert_eq!(read(204, "").unwrap(), [""; 0]);
    }

    #[test]
    fn anything_else_says_nothing() {
        for (status, body) in [
            (200, ""),
            (200, "<html>Sign in</html>"),
            (200, "{}"),
            (200, r#"{"open": []}"#),
            (200, "null"),
            (200, r#"[{"name": "checkout is down"}]"#),
            (200, "[7]"),
            (200, r#"["cut of"#),
            (202, "[]"),
            (206, "[]"),
        ] {
            assert!(read(status, body).is_err(), "{status} {body}");
        }
    }

    #[test]
    fn a_page_is_called_by_its_host() {
        let url = "https://ada:pass@status.example.com/hush/incidents?key=hush";
        assert_eq!(host(url), "status.example.com");
        assert_eq!(host("hush"), "`incident_url`");
    }
}
