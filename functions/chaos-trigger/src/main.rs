//! The Lambda function: wiring only.

use chaos_trigger::{NAME, handle};
use watchkeeper_shell::{DrillSettings, Lab, lambda, serve, settings::env, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let settings = DrillSettings::read(env).map_err(|failure| failure.chain())?;
    let config =
        lambda::load(&settings.common.config.to_string_lossy()).map_err(|failure| failure.chain())?;
    let lab = Lab::connect(&settings).await;
    serve(NAME, async |payload, run| handle(&lab, &config, &settings.site, &payload, &run).await).await
}
