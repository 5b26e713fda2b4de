//! Which address a request comes from: that of the connection, or what a trusted proxy says of it.
//!
//! A proxy adds the address that it was called from at the end of `X-Forwarded-For`, or of `Forwarded` (RFC 7239), and
//! passes on whatever stood there before, which anybody may have written. So both are read from the end, as long as a
//! trusted proxy is what said it. A proxy that writes one of the two may pass the other one on as it came: where both say
//! something, and not the same, neither is believed.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header::FORWARDED};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that `peer` speaks for.
pub(super) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let listed = elements(headers, &X_FORWARDED_FOR).map(|list| client(peer, &list, trusted, listed));
    let forwarded = elements(headers, &FORWARDED).map(|list| client(peer, &list, trusted, forwarded));
    match (listed, forwarded) {
        (Some(one), Some(other)) if one != other => peer,
        (Some(client), _) | (None, Some(client)) => client,
        (None, None) => peer,
    }
}

/// The last address that a trusted proxy was called from. What cannot be read ends the search, as if nothing stood before
/// it.
fn client(peer: IpAddr, elements: &[String], trusted: &[IpNet], read: fn(&str) -> Option<IpAddr>) -> IpAddr {
    let mut client = peer;
    for element in elements.iter().rev() {
        let Some(address) = read(element).map(|address| address.to_canonical()) else { break };
        client = address;
        if !is_trusted(address, trusted) {
            break;
        }
    }
    client
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// The elements of a header that is a list; `None` when it is not there.
fn elements(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<String>> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes).peekable();
    values.peek()?;
    let text = values.collect::<Vec<_>>().join(&b',');
    Some(String::from_utf8_lossy(&text).split(',').map(str::to_owned).collect())
}

/// An element of `X-Forwarded-For`: an address, which some proxies give a port.
fn listed(element: &str) -> Option<IpAddr> {
    address(element.trim())
}

/// The parameter `for` of an element of `Forwarded`.
fn forwarded(element: &str) -> Option<IpAddr> {
    let parameters = element.split(';').filter_map(|parameter| parameter.split_once('='));
    let mut found = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, value) = found.next()?;
    let value = value.trim();
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    found.next().is_none().then(|| address(quoted.unwrap_or(value)))?
}

fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzz::fuzz;

    #[test]
    fn fuzz_addresses() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let seeds = [
            "203.0.113.9, 192.0.2.1:80, [2001:db8::1]:4711",
            "for=\"[2001:db8::1]:80\";by=10.0.0.1, for=10.0.0.2",
        ];
        fuzz("addresses", &seeds, |bytes| {
            let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
            let headers: HeaderMap =
                [(X_FORWARDED_FOR, value.clone()), (FORWARDED, value)].into_iter().collect();
            of(PROXY.parse().unwrap(), &headers, &trusted);
        });
    }

    const PROXY: &str = "10.0.0.1";

    fn seen(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        of(peer.parse().unwrap(), &headers.collect(), &trusted).to_string()
    }

    #[test]
    fn nobody_but_a_trusted_proxy_speaks_for_another() {
        let claims = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(seen("198.51.100.7", &claims), "198.51.100.7");
        assert_eq!(seen(PROXY, &claims), "192.0.2.1");
        assert_eq!(seen("::ffff:10.0.0.1", &claims), "192.0.2.1");
        assert_eq!(seen(PROXY, &[]), PROXY);
    }

    #[test]
    fn what_a_client_wrote_before_its_own_address_is_not_read() {
        for (list, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("203.0.113.9, 192.0.2.1", "192.0.2.1"),
            ("203.0.113.9, 192.0.2.1, 10.2.3.4", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("203.0.113.9, unknown", PROXY),
            ("203.0.113.9, unknown, 10.2.3.4", "10.2.3.4"),
            ("203.0.113.9,", PROXY),
            ("", PROXY),
        ] {
            assert_eq!(seen(PROXY, &[("x-forwarded-for", list)]), expected, "{list}");
        }
        let twice = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(seen(PROXY, &twice), "192.0.2.1");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_has_it() {
        for (list, expected) in [
            ("for=192.0.2.1", "192.0.2.1"),
            ("For=\"192.0.2.1:80\";proto=https", "192.0.2.1"),
            ("proto=https; for=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=203.0.113.9, for=192.0.2.1;by=10.0.0.1", "192.0.2.1"),
            ("for=203.0.113.9, for=_hidden", PROXY),
            ("for=203.0.113.9;for=192.0.2.1", PROXY),
            ("by=10.0.0.1", PROXY),
        ] {
            assert_eq!(seen(PROXY, &[("forwarded", list)]), expected, "{list}");
        }
    }

    #[test]
    fn a_header_that_the_proxy_does_not_know_is_not_believed_over_its_own() {
        let claims = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=203.0.113.9")];
        assert_eq!(seen(PROXY, &claims), PROXY);
    }

    proptest! {
        #[test]
        fn any_header_is_survived(list in "\\PC{0,60}|[0-9a-f:.,\\[\\]\"=;for ]{0,60}") {
            if HeaderValue::from_str(&list).is_ok() {
                seen(PROXY, &[("x-forwarded-for", &list)]);
                seen(PROXY, &[("forwarded", &list)]);
            }
        }
    }
}
