//! The Lambda function: wiring only.

use cache_refresher::{NAME, Setting, aws::Depot, handle};
use watchkeeper_shell::{CacheSettings, aws::sdk_config, lambda, serve, settings::env, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let settings = CacheSettings::read(env).map_err(|failure| failure.chain())?;
    let path = &settings.common.config;
    let config = lambda::load(&path.to_string_lossy()).map_err(|failure| failure.chain())?;
    let manifests = lambda::manifests(path, &config).map_err(|failure| failure.chain())?;
    let depot = Depot::connect(&sdk_config().await, &settings, &config);
    let setting = Setting { config: &config, manifests: &manifests, site: &settings.site };
    serve(NAME, async |payload, run| handle(&depot, setting, &payload, &run).await).await
}
