//! Times of the AWS SDK and times of ours.

use aws_sdk_dynamodb::primitives::DateTime;
use jiff::Timestamp;

/// The same moment, or `None` outside the years that we can tell.
pub(crate) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// The same moment, to the second: no AWS API here counts finer.
pub(crate) fn sdk(time: Timestamp) -> DateTime {
    DateTime::from_secs(time.as_second())
}
