//! Which answers are asked for again, when, and for how long.
//!
//! | answer | again |
//! |---|---|
//! | throttled | for 2 minutes, with fewer requests under way |
//! | 5xx, time-out, lost connection, a block whose digest is wrong | 7 times |
//! | `ResourceNotFoundException` to a put | for 2 minutes after the snapshot was started |
//! | anything else: access denied, not valid, quota | never |
//!
//! Sources: EBS direct APIs reference, "Errors" of each operation; for the last but one what EBS told the authors of
//! coldsnap (awslabs/coldsnap, issue 43), who have seen a put succeed 56 s after the start.

use std::{error::Error, time::Duration};

use aws_sdk_ebs::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use tokio::time::{Instant, timeout_at};
use watchkeeper_domain::failure::Failure;

use super::pace::{Pace, wait};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long a call is repeated, from its first attempt on.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a call that fails for no known reason is made.
const ATTEMPTS: u32 = 8;
/// The first wait. It doubles each time, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What an answer means for the next attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Too many requests.
    Throttled,
    /// It may go better next time.
    Transient,
    /// It may be there soon.
    NotYet,
    /// It will be the same next time.
    Final,
}

/// An attempt that did not succeed.
#[derive(Debug)]
pub(super) struct Refused {
    pub verdict: Verdict,
    /// Whether it may have had its effect.
    pub in_doubt: bool,
    pub cause: Box<dyn Error + Send + Sync>,
}

/// A call: what it does, to what, and when it has to be over.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub operation: &'static str,
    pub subject: String,
    pub pace: Option<&'a Pace>,
    pub until: Option<Instant>,
    /// Spreads the waits of calls that fail together.
    pub spread: u32,
}

/// What AWS answered.
#[derive(Debug, thiserror::Error)]
enum Answer {
    #[error("{code}: {message} (HTTP {status}, request {request})")]
    Refused { code: String, message: String, status: u16, request: String },
    #[error("no answer within {} s", ATTEMPT.as_secs())]
    Late,
    #[error("the time for it is over")]
    OutOfTime,
}

impl Call<'_> {
    /// Makes attempts until one succeeds or none is left.
    pub async fn make<T, F>(self, mut attempt: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Refused>>,
    {
        let start = Instant::now();
        let mut in_doubt = false;
        let mut last: Option<Refused> = None;
        for number in 1.. {
            if self.until.is_some_and(|until| Instant::now() >= until) {
                last = Some(last.unwrap_or_else(|| Refused::certain(Answer::OutOfTime)));
                break;
            }
            let refused = match self.attempt(&mut attempt).await {
                Ok(done) => return Ok(done),
                Err(refused) => refused,
            };
            in_doubt |= refused.in_doubt;
            let goes_on = match refused.verdict {
                Verdict::Final => false,
                Verdict::Transient => number < ATTEMPTS,
                Verdict::Throttled | Verdict::NotYet => true,
            };
            last = Some(refused);
            if !goes_on || start.elapsed() >= PATIENCE {
                break;
            }
            wait(self.back_off(number)).await;
        }
        let cause = last.map_or_else(|| Answer::OutOfTime.into(), |refused| refused.cause);
        let failure = Failure::new(self.operation, self.subject, cause);
        Err(if in_doubt { failure.in_doubt() } else { failure })
    }

    async fn attempt<T, F>(&self, attempt: &mut impl FnMut() -> F) -> Result<T, Refused>
    where
        F: Future<Output = Result<T, Refused>>,
    {
        let _permit = match self.pace {
            Some(pace) => Some(pace.permit().await),
            None => None,
        };
        let late = Instant::now() + ATTEMPT;
        let late = self.until.map_or(late, |until| until.min(late));
        let outcome = timeout_at(late, attempt()).await.unwrap_or_else(|_| {
            Err(Refused { verdict: Verdict::Transient, in_doubt: true, cause: Answer::Late.into() })
        });
        if let Some(pace) = self.pace {
            match &outcome {
                Ok(_) => pace.went_well(),
                Err(refused) if refused.verdict == Verdict::Throttled => pace.was_throttled(),
                Err(_) => {}
            }
        }
        outcome
    }

    /// Twice as long each time; between half of it and all of it, as `spread` says.
    fn back_off(&self, number: u32) -> Duration {
        let whole = FIRST_WAIT.saturating_mul(1 << number.saturating_sub(1).min(6)).min(LONGEST_WAIT);
        let share = self.spread.wrapping_add(number).wrapping_mul(0x9E37_79B9) >> 24;
        whole / 2 + whole / 2 * share / 256
    }
}

impl Refused {
    /// What the SDK says of an attempt.
    pub fn new<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let verdict = verdict(&error);
        let (in_doubt, cause): (bool, Box<dyn Error + Send + Sync>) = match answer(&error) {
            Some((answer, status)) => (status >= 500, answer.into()),
            None => (!matches!(error, SdkError::ConstructionFailure(_)), error.into()),
        };
        Self { verdict, in_doubt, cause }
    }

    /// An answer that came, and is of no use.
    pub fn certain(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { verdict: Verdict::Final, in_doubt: false, cause: cause.into() }
    }

    /// The same, with another verdict.
    pub fn with(self, verdict: Verdict) -> Self {
        Self { verdict, ..self }
    }
}

fn verdict<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Verdict {
    match error {
        SdkError::ConstructionFailure(_) => Verdict::Final,
        SdkError::DispatchFailure(dispatch) if dispatch.is_io() || dispatch.is_timeout() => {
            Verdict::Transient
        }
        // Without a kind it is not the connection: no credentials, for example.
        SdkError::DispatchFailure(dispatch) if dispatch.as_other().is_none() => Verdict::Final,
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            match error.code() {
                Some("RequestThrottledException" | "ThrottlingException" | "Throttling") => {
                    Verdict::Throttled
                }
                Some(_) | None if status == 429 => Verdict::Throttled,
                Some(_) | None if status >= 500 => Verdict::Transient,
                Some(_) | None => Verdict::Final,
            }
        }
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ResponseError(_) | _ => {
            Verdict::Transient
        }
    }
}

fn answer<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<(Answer, u16)> {
    let SdkError::ServiceError(answer) = error else { return None };
    let status = answer.raw().status().as_u16();
    let refused = Answer::Refused {
        code: error.code().unwrap_or("no code").to_owned(),
        message: error.message().unwrap_or("no message").to_owned(),
        status,
        request: error.request_id().unwrap_or("without id").to_owned(),
    };
    Some((refused, status))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn call() -> Call<'static> {
        Call { operation: "put", subject: "block 7".into(), pace: None, until: None, spread: 7 }
    }

    async fn outcome(call: Call<'_>, verdict: Verdict) -> (u32, Duration, Failure) {
        let (start, made) = (Instant::now(), Cell::new(0));
        let attempt = || {
            made.set(made.get() + 1);
            async move { Err::<(), _>(Refused::certain("no").with(verdict)) }
        };
        let failure = call.make(attempt).await.unwrap_err();
        (made.get(), start.elapsed(), failure)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_final_is_tried_once() {
        let (made, took, failure) = outcome(call(), Verdict::Final).await;
        assert_eq!((made, took), (1, Duration::ZERO));
        assert_eq!(failure.chain(), "could not put block 7: no");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_transient_is_tried_8_times_within_half_a_minute() {
        let (made, took, _) = outcome(call(), Verdict::Transient).await;
        assert_eq!(made, 8);
        assert!(took > Duration::from_secs(5) && took < Duration::from_secs(30), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_be_there_soon_is_waited_for_2_minutes() {
        let (_, took, _) = outcome(call(), Verdict::NotYet).await;
        assert!(took >= PATIENCE && took < PATIENCE + LONGEST_WAIT, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_begun_when_time_is_over_and_an_attempt_ends_with_it() {
        let until = Some(Instant::now() + Duration::from_secs(3));
        let (made, took, _) = outcome(Call { until, ..call() }, Verdict::Throttled).await;
        assert!(made > 3 && took < Duration::from_secs(6), "{made} in {took:?}");
        let (made, _, failure) = outcome(Call { until, ..call() }, Verdict::Transient).await;
        assert_eq!((made, failure.ambiguous), (0, false));
        assert!(failure.chain().ends_with("the time for it is over"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_hangs_is_given_up_and_leaves_doubt() {
        let start = Instant::now();
        let hang = std::future::pending::<Result<(), Refused>>;
        let failure = call().make(hang).await.unwrap_err();
        assert!(failure.ambiguous);
        assert!(start.elapsed() < Duration::from_secs(8 * 10 + 30));
    }

    #[tokio::test(start_paused = true)]
    async fn doubt_that_an_earlier_attempt_left_stays() {
        let number = Cell::new(0);
        let attempt = || {
            number.set(number.get() + 1);
            let (verdict, in_doubt) =
                if number.get() == 1 { (Verdict::Transient, true) } else { (Verdict::Final, false) };
            async move { Err::<(), _>(Refused { verdict, in_doubt, cause: "no".into() }) }
        };
        assert!(call().make(attempt).await.unwrap_err().ambiguous);
    }
}
