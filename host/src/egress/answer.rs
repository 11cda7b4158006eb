//! Reading an answer within limits.

use reqwest::Response;

use super::FailureReason;
use super::auth::LineSecrets;

/// The largest body of an answer, bytes.
pub const ANSWER_MAX: usize = 32 * 1_024;
const HEADER_VALUE_MAX: usize = 1_024;
/// Headers that a plugin gets to see, the last of a name.
const PASSED_ON: [&str; 7] =
    ["content-type", "date", "etag", "last-modified", "location", "retry-after", "x-request-id"];

/// What the other side answered. Holds no NUL and no secret of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 100 to 499; redirects are answers, nobody follows them.
    pub status: u16,
    /// A few headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most [`ANSWER_MAX`] bytes.
    pub body: Vec<u8>,
}

/// Reads the body up to the limit and checks what came. `broken` tells what a failure to read means.
pub(super) async fn read(
    mut response: Response,
    secrets: &LineSecrets,
    broken: impl Fn(&reqwest::Error) -> FailureReason,
) -> Result<Answer, FailureReason> {
    let status = response.status().as_u16();
    if status >= 500 {
        return Err(FailureReason::Status(status));
    }
    let headers = passed_on(&response);
    if response.content_length().is_some_and(|length| length > ANSWER_MAX as u64) {
        return Err(FailureReason::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(FailureReason::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    if body.contains(&0) {
        return Err(FailureReason::ContainsNul);
    }
    if secrets.are_in(&body) || headers.iter().any(|(_, value)| secrets.are_in(value.as_bytes())) {
        return Err(FailureReason::ContainsSecret);
    }
    Ok(Answer { status, headers, body })
}

fn passed_on(response: &Response) -> Vec<(String, String)> {
    let value = |name: &str| {
        let value = response.headers().get_all(name).iter().next_back()?.to_str().ok()?;
        (value.len() <= HEADER_VALUE_MAX).then(|| (name.to_owned(), value.to_owned()))
    };
    PASSED_ON.into_iter().filter_map(value).collect()
}
