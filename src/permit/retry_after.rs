//! The `Retry-After` header: seconds or a date (RFC 9110, section 10.2.3).

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

/// Longest wait we pass on. More is a mistake of the sender, and callers add it to clocks.
const LONGEST: Duration = Duration::from_hours(1);

/// How long the sender asks us to stay away; `None` if it does not say so in words we know.
///
/// A date is compared with the sender's own clock (`Date`) if it shows one, else with ours.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, &RETRY_AFTER)?;
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that overflow are a very long time.
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let until = date(value)?;
    let now = text(headers, &DATE).and_then(date).unwrap_or_else(OffsetDateTime::now_utc);
    // A date in the past means now.
    Some(Duration::try_from(until - now).unwrap_or_default().min(LONGEST))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then_some(value)
}

/// HTTP's preferred date form is the one of RFC 2822 with the zone `GMT`.
fn date(value: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value, &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn asked(retry_after: &'static str) -> Option<Duration> {
        let date = HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT");
        of(&HeaderMap::from_iter([(DATE, date), (RETRY_AFTER, HeaderValue::from_static(retry_after))]))
    }

    #[test]
    fn seconds_are_read() {
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked(" 0 "), Some(Duration::ZERO));
    }

    #[test]
    fn a_date_counts_from_the_senders_clock() {
        assert_eq!(asked("Wed, 21 Oct 2026 07:28:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(asked("Wed, 21 Oct 2026 07:27:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn an_absurd_wait_is_capped() {
        assert_eq!(asked("99999999999999999999999"), Some(LONGEST));
        assert_eq!(asked("Wed, 21 Oct 2099 07:28:00 GMT"), Some(LONGEST));
    }

    #[test]
    fn nonsense_is_no_wish() {
        for nonsense in ["", "soon", "-1", "1.5", "Wed, 99 Oct 2026 07:28:30 GMT"] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
        assert_eq!(of(&HeaderMap::new()), None);
    }
}
