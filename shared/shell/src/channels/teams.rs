//! Microsoft Teams: a Workflow that posts what it gets.

use reqwest::Client;
use watchkeeper_domain::{
    message::{Message, Post, Trouble},
    render::teams,
};

use crate::http;

/// Posts to a Workflow, which can neither thread nor edit: whatever `_post` asks for, it is a new message.
///
/// A Workflow answers 202 before it shows anything, so this only says that it has taken the card. With an action
/// "Response" it may answer 200.
pub(super) async fn show(
    client: &Client,
    url: &str,
    message: &Message,
    _post: &Post,
) -> Result<Option<String>, Trouble> {
    if teams::retired(url) {
        return Err(Trouble::lasting("a retired Office 365 connector: make a Workflow in its place"));
    }
    let answer = http::post(client, url, None, &teams::card(message)).await?;
    match answer.status {
        200 | 202 => Ok(None),
        status => Err(Trouble::lasting(format!("{status} is not what a Workflow answers"))),
    }
}
