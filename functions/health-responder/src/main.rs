//! The Lambda function: wiring only.

use health_responder::{NAME, handle};
use watchkeeper_shell::{Aws, serve, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let (settings, config) = start().map_err(|failure| failure.chain())?;
    let aws = Aws::connect(&settings).await;
    serve(NAME, async |payload, run| handle(&aws, &config, &payload, &run).await).await
}
