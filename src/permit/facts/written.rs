//! What a write did, and whether decisions follow it already.

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written<T> {
    /// What it did.
    pub what: T,
    /// Whether the PDP decides on it.
    pub visibility: Visibility,
}

/// Whether the PDP decides on what was written. Of several writes, the greatest is what holds for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    /// The PDP has seen it: the next decision follows it.
    Visible,
    /// Nobody watched: it went straight to the REST API, or there was nothing to write. Ask the PDP.
    Unknown,
    /// It is written, and the PDP had not seen it when the wait ended.
    NotYet,
}

impl<T> Written<T> {
    pub(super) const fn unwatched(what: T) -> Self {
        Self { what, visibility: Visibility::Unknown }
    }

    pub(super) fn map<U>(self, what: impl FnOnce(T) -> U) -> Written<U> {
        Written { what: what(self.what), visibility: self.visibility }
    }
}
