//! How long a 429 asks us to stay away: `Retry-After` (RFC 9110, section 10.2.3), else Auth0's `x-ratelimit-reset`.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

/// The moment when requests are welcome again, in seconds since 1970.
const RESET: &str = "x-ratelimit-reset";
/// Longest wait we pass on. More is a mistake of the sender, and callers add it to clocks.
const LONGEST: Duration = Duration::from_hours(1);

/// `None` if the sender does not say it in words we know.
///
/// A moment is compared with the sender's own clock (`Date`) if it shows one, else with ours.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let now = || text(DATE.as_str()).and_then(date).unwrap_or_else(OffsetDateTime::now_utc);
    // A moment in the past means now.
    let until = |moment: OffsetDateTime| Duration::try_from(moment - now()).unwrap_or_default();
    let asked = text(RETRY_AFTER.as_str()).and_then(|value| match seconds(value) {
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => date(value).map(until),
    });
    let reset = || {
        let seconds = seconds(text(RESET)?)?;
        // What no calendar holds is a very long time from now.
        let moment = i64::try_from(seconds).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        Some(moment.map_or(LONGEST, until))
    };
    asked.or_else(reset).map(|wait| wait.min(LONGEST))
}

/// Digits that overflow are a very long time.
fn seconds(value: &str) -> Option<u64> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

/// HTTP's preferred date form is the one of RFC 2822 with the zone `GMT`.
fn date(value: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value, &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    /// 1792567680 in seconds since 1970.
    const NOW: &str = "Wed, 21 Oct 2026 07:28:00 GMT";

    fn asked(headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        let headers = headers.iter().chain([&("date", NOW)]);
        of(&headers
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect())
    }

    #[test]
    fn seconds_and_dates_are_read() {
        assert_eq!(asked(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        let date = "Wed, 21 Oct 2026 07:28:30 GMT";
        assert_eq!(asked(&[("retry-after", date)]), Some(Duration::from_secs(30)));
    }

    #[test]
    fn the_reset_counts_from_the_senders_clock() {
        assert_eq!(asked(&[("x-ratelimit-reset", "1792567685")]), Some(Duration::from_secs(5)));
        assert_eq!(asked(&[("x-ratelimit-reset", "1792567679")]), Some(Duration::ZERO));
    }

    #[test]
    fn the_standard_header_is_believed_first_unless_it_says_nothing() {
        let reset = ("x-ratelimit-reset", "1792567685");
        assert_eq!(asked(&[("retry-after", "7"), reset]), Some(Duration::from_secs(7)));
        assert_eq!(asked(&[("retry-after", "soon"), reset]), Some(Duration::from_secs(5)));
    }

    #[test]
    fn an_absurd_wait_is_capped() {
        let endless = "99999999999999999999999";
        for header in ["retry-after", "x-ratelimit-reset"] {
            assert_eq!(asked(&[(header, endless)]), Some(LONGEST), "{header}");
        }
        // Milliseconds instead of seconds: a moment far away that the calendar does not hold.
        assert_eq!(asked(&[("x-ratelimit-reset", "1792567685000")]), Some(LONGEST));
    }

    #[test]
    fn nonsense_is_no_wish() {
        for nonsense in ["", "soon", "-1", "1.5"] {
            let headers = [("retry-after", nonsense), ("x-ratelimit-reset", nonsense)];
            assert_eq!(asked(&headers), None, "{nonsense}");
        }
        assert_eq!(of(&HeaderMap::new()), None);
    }
}
