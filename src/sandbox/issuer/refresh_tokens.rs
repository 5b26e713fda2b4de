//! Refresh tokens: each is good once and only for its client, and gives way to the next of its sign-in.

use std::collections::HashMap;

use uuid::Uuid;

use super::tokens::Grant;

/// One sign-in and all the refresh tokens that follow from it. A token that is used twice ends the family.
#[derive(Debug, Clone)]
pub(super) struct Family {
    pub(super) persona: String,
    pub(super) grant: Grant,
    pub(super) audience: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct RefreshTokens {
    families: HashMap<Uuid, Family>,
    /// Token to its family, and whether it was used.
    tokens: HashMap<String, (Uuid, bool)>,
}

impl RefreshTokens {
    pub(super) fn give(&mut self, family: Family) -> String {
        let id = Uuid::new_v4();
        self.families.insert(id, family);
        self.next(id)
    }

    pub(super) fn next(&mut self, family: Uuid) -> String {
        let token = Uuid::new_v4().simple().to_string();
        self.tokens.insert(token.clone(), (family, false));
        token
    }

    /// The sign-in behind an unused token. A used one is stolen or replayed: the whole family ends.
    pub(super) fn exchange(&mut self, token: &str, client: &str) -> Option<(Uuid, Family)> {
        let (id, used) = self.tokens.get_mut(token)?;
        // Before anything is marked: another client must not use up what is not its own.
        let family = self.families.get(id).filter(|family| family.grant.client_id == client)?.clone();
        if std::mem::replace(used, true) {
            self.families.remove(id);
            return None;
        }
        Some((*id, family))
    }

    /// Ends every sign-in of a persona.
    pub(super) fn end_all_of(&mut self, persona: &str) {
        self.families.retain(|_, family| family.persona != persona);
    }

    /// Ends the sign-in behind a token, if it is the client's own.
    pub(super) fn end(&mut self, token: &str, client: &str) {
        if let Some((id, _)) = self.tokens.get(token)
            && self.families.get(id).is_some_and(|family| family.grant.client_id == client)
        {
            self.families.remove(id);
        }
    }
}
