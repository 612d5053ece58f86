//! PagerDuty over its Events API v2.

use reqwest::Client;
use watchkeeper_domain::{
    message::{Message, Post, Trouble},
    render::pagerduty::{Call, event},
};

use crate::http;

/// What stands for the id of an incident: our key finds it again, so that only its being there is worth knowing.
const TRIGGERED: &str = "triggered";

/// Sends `message` to `endpoint` with the routing key `key`. Returns [`TRIGGERED`] once there is an incident, and
/// nothing for a change event, and for news that an incident that never was is over.
///
/// PagerDuty answers 202 (Events API v2 Overview, "Response Codes & Retry Logic").
pub(super) async fn show(
    client: &Client,
    endpoint: &str,
    key: &str,
    message: &Message,
    post: &Post,
) -> Result<Option<String>, Trouble> {
    let triggered = match post {
        Post::New => false,
        Post::Reply(_) | Post::Edit(_) => true,
    };
    let endpoint = endpoint.trim_end_matches('/');
    match event(message, key, triggered) {
        None => Ok(None),
        Some(Call::Alert(body)) => {
            http::post(client, &format!("{endpoint}/v2/enqueue"), None, &body).await?;
            Ok(Some(TRIGGERED.to_owned()))
        }
        Some(Call::Change(body)) => {
            http::post(client, &format!("{endpoint}/v2/change/enqueue"), None, &body).await?;
            Ok(None)
        }
    }
}
