//! `on_call = { … }` of all drills, or of one.

use crate::{
    config::{channels::secret, reader::Section},
    drill::OnCall,
};

/// The schedule in `section`, if it has one and names its secret.
pub(super) fn read(section: &Section<'_, '_>) -> Option<OnCall> {
    let on_call = section.table("on_call")?;
    on_call.only(&["pagerduty_schedule", "secret", "endpoint"]);
    let schedule = on_call.required("pagerduty_schedule");
    if !schedule.bytes().all(|it| it.is_ascii_alphanumeric()) {
        let message =
            format!("`{schedule}` is no id of a schedule: the letters and digits at the end of its address");
        on_call.problem_at("pagerduty_schedule", &message);
    }
    let endpoint = on_call.endpoint("endpoint", "https://api.pagerduty.com");
    Some(OnCall { schedule, secret: secret(&on_call)?, endpoint })
}
