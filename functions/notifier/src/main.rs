//! The Lambda function: wiring only.

use notifier::{NAME, handle};
use watchkeeper_shell::{Desk, NotifierSettings, lambda, serve, settings::env, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let settings = NotifierSettings::read(env).map_err(|failure| failure.chain())?;
    let config = lambda::load(&settings.config.to_string_lossy()).map_err(|failure| failure.chain())?;
    let desk = Desk::connect(&settings).await.map_err(|failure| failure.chain())?;
    serve(NAME, async |payload, run| handle(&desk, &config, &payload, &run).await).await
}
