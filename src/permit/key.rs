//! Our identifiers as Permit keys, reversibly.
//!
//! Permit restricts keys by pattern; Auth0's `sub` and `org_id` are not restricted alike. Legal keys go unchanged,
//! all others become `enc-` and the unpadded base64url (RFC 4648, section 5) of their UTF-8 bytes. Nothing is ever
//! truncated or folded: two identifiers never share a key, or one person would act as another. For the same
//! reason an identifier that itself begins with `enc-` is encoded.
//!
//! Role names are *not* encoded: they are Permit's own words, see [`is_legal`].

use std::{borrow::Cow, fmt::Write as _};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

const MARK: &str = "enc-";

/// A user's key: letters, digits and `| @ + - . _` go unchanged.
pub fn encode_user(id: &str) -> Cow<'_, str> {
    // `.` and `..` are legal keys but, as path segments, "here" and "up": deleting the user `..` would address
    // the collection.
    let travels = !matches!(id, "." | "..");
    encode_unless(id, travels && is_made_of(id, b"|@+-._"))
}

/// The key of a tenant or of a resource instance: letters, digits and `- _` go unchanged.
pub fn encode(id: &str) -> Cow<'_, str> {
    encode_unless(id, is_legal(id))
}

/// The identifier behind a key, whichever of the two functions wrote it.
///
/// `None` for a key with our mark that we would not have written: somebody else did, and reading it as one of our
/// identifiers would make two keys the same person.
pub fn decode(key: &str) -> Option<Cow<'_, str>> {
    let Some(encoded) = key.strip_prefix(MARK) else { return Some(Cow::Borrowed(key)) };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let id = String::from_utf8(bytes).ok()?;
    (encode(&id) == key).then_some(Cow::Owned(id))
}

/// Whether Permit admits `key` for a tenant, role, resource or action. A role whose name is not legal cannot exist.
pub fn is_legal(key: &str) -> bool {
    is_made_of(key, b"-_")
}

/// `key` as one segment of a URL path: everything but RFC 3986's unreserved characters percent-encoded.
pub(super) fn path_segment(key: &str) -> String {
    let mut segment = String::with_capacity(key.len() + 8);
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

fn encode_unless(id: &str, legal: bool) -> Cow<'_, str> {
    if legal && !id.starts_with(MARK) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("{MARK}{}", BASE64_URL_SAFE_NO_PAD.encode(id)))
}

fn is_made_of(key: &str, punctuation: &[u8]) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || punctuation.contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn legal_keys_go_unchanged() {
        for id in ["auth0|64a1", "google-oauth2|117", "samlp|conn|name@x.io", "a+b_c-d.e"] {
            assert!(matches!(encode_user(id), Cow::Borrowed(same) if same == id), "{id}");
        }
        assert!(matches!(encode("org_Ab-1"), Cow::Borrowed("org_Ab-1")));
    }

    #[test]
    fn illegal_keys_are_encoded_and_come_back() {
        assert_eq!(encode_user("oidc|a/b"), "enc-b2lkY3xhL2I");
        assert_eq!(encode("acme.com"), "enc-YWNtZS5jb20");
        assert_eq!(decode("enc-YWNtZS5jb20").as_deref(), Some("acme.com"));
        assert_eq!(decode(&encode("")).as_deref(), Some(""));
    }

    #[test]
    fn an_identifier_with_our_mark_is_not_taken_for_an_encoded_one() {
        let disguised = encode_user("oidc|a/b").into_owned();

        assert_ne!(encode_user(&disguised), disguised);
        assert_eq!(decode(&encode_user(&disguised)).as_deref(), Some(disguised.as_str()));
    }

    #[test]
    fn a_marked_key_that_we_would_not_write_is_nobody() {
        // The plain `alice` has the key `alice`; this one reads as her and is not.
        assert_eq!(decode("enc-YWxpY2U"), None);
        assert_eq!(decode("enc-!"), None);
        assert_eq!(decode("enc-_w"), None, "not UTF-8");
    }

    #[test]
    fn a_user_key_never_walks_up_the_path() {
        assert_eq!(encode_user(".."), "enc-Li4");
        assert_eq!(encode_user("."), "enc-Lg");
    }

    #[test]
    fn path_segments_keep_only_unreserved_characters() {
        assert_eq!(path_segment("auth0|john@x.io"), "auth0%7Cjohn%40x.io");
        assert_eq!(path_segment("a/b?c#d%é~"), "a%2Fb%3Fc%23d%25%C3%A9~");
    }

    proptest! {
        #[test]
        fn every_identifier_survives_the_round_trip(id in ".*") {
            let (user, other) = (encode_user(&id), encode(&id));
            prop_assert!(is_made_of(&user, b"|@+-._"));
            prop_assert!(is_legal(&other));
            prop_assert_eq!(decode(&user), Some(Cow::Borrowed(id.as_str())));
            prop_assert_eq!(decode(&other), Some(Cow::Borrowed(id.as_str())));
        }

        #[test]
        fn no_two_identifiers_share_a_key(a in "(enc-)?[a-z./|]{0,6}", b in "(enc-)?[a-z./|]{0,6}") {
            prop_assert_eq!(a == b, encode_user(&a) == encode_user(&b));
            prop_assert_eq!(a == b, encode(&a) == encode(&b));
        }
    }
}
