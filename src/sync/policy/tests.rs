use std::fmt;

use proptest::{collection::vec, prelude::*};

use super::*;

/// Something that happens to one role of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    IdpGrant,
    IdpRevoke,
    HandGrant,
    HandRevoke,
    Login,
}

use Event::{HandGrant, HandRevoke, IdpGrant, IdpRevoke, Login};

const EVENTS: [Event; 5] = [IdpGrant, IdpRevoke, HandGrant, HandRevoke, Login];
const ROLE: &str = "manager";

/// Identity provider, Permit and ledger of one user, and what each login did.
#[derive(Default)]
struct World {
    policy: RolePolicy,
    token: BTreeSet<String>,
    permit: BTreeSet<String>,
    ledger: Vec<Entry>,
    logins: i64,
}

impl World {
    fn new(policy: RolePolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    fn after(policy: RolePolicy, history: &[Event]) -> Self {
        let mut world = Self::new(policy);
        for event in history {
            world.happen(*event, ROLE);
        }
        world
    }

    fn happen(&mut self, event: Event, role: &str) {
        match event {
            IdpGrant => drop(self.token.insert(role.to_owned())),
            IdpRevoke => drop(self.token.remove(role)),
            HandGrant => drop(self.permit.insert(role.to_owned())),
            HandRevoke => drop(self.permit.remove(role)),
            Login => self.login(),
        }
    }

    /// Reconciles and carries out, as the worker does.
    fn login(&mut self) {
        let known = Known {
            token: Some(&self.token),
            permit: &self.permit,
            first_login: self.logins == 0,
            now: self.logins,
        };
        let next = reconcile(self.policy, &self.ledger, &known);
        self.ledger = next.into_iter().map(|entry| carry_out(entry, &mut self.permit)).collect();
        self.logins += 1;
    }

    /// What is held, and who gave it.
    fn held(&self) -> Vec<(String, Source)> {
        let held = self.ledger.iter().filter(|entry| entry.is_held());
        held.map(|entry| (entry.role.clone(), entry.source)).collect()
    }

    fn holds(&self) -> bool {
        self.permit.contains(ROLE)
    }
}

fn carry_out(mut entry: Entry, permit: &mut BTreeSet<String>) -> Entry {
    match entry.state {
        State::Giving => {
            permit.insert(entry.role.clone());
            entry.state = State::Held;
        }
        State::Taking => {
            permit.remove(&entry.role);
            entry.state = State::Revoked;
        }
        State::Held | State::Revoked => {}
    }
    entry
}

/// What a person who watched everything would say about a history, without looking at the ledger.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts")]
struct Onlooker {
    named: bool,
    held: bool,
    /// The grant that holds came from a person.
    by_hand: bool,
    /// A person took it away since the token began to name it.
    vetoed: bool,
    /// The last login saw it named.
    seen: bool,
}

impl Onlooker {
    fn watch(&mut self, event: Event) {
        match event {
            IdpGrant => self.named = true,
            IdpRevoke => self.named = false,
            HandGrant if !self.held => {
                (self.held, self.by_hand, self.vetoed) = (true, !self.given_back(), false);
            }
            HandRevoke if self.held => (self.held, self.vetoed) = (false, self.seen),
            HandGrant | HandRevoke => {}
            Login => self.login(),
        }
    }

    /// Taken and given again between two logins: nobody can see that, so whoever gave it first gave it.
    fn given_back(&self) -> bool {
        self.vetoed && !self.by_hand
    }

    fn login(&mut self) {
        if !self.named {
            self.vetoed = false;
            self.held &= self.by_hand;
        } else if !self.held && !self.vetoed {
            (self.held, self.by_hand) = (true, false);
        } else if self.vetoed {
            self.by_hand = true;
        }
        self.seen = self.named;
    }
}

/// Every history of `length` events.
fn histories(length: usize) -> Vec<Vec<Event>> {
    let longer =
        |history: Vec<Event>| EVENTS.map(|event| history.iter().copied().chain([event]).collect::<Vec<_>>());
    (0..length).fold(vec![Vec::new()], |known, _| known.into_iter().flat_map(longer).collect())
}

struct Story<'a>(&'a [Event]);

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, then a login", self.0)
    }
}

#[test]
fn under_merge_every_history_ends_as_an_onlooker_expects() {
    for history in (0..=5).flat_map(histories) {
        let mut world = World::after(RolePolicy::Merge, &history);
        let mut onlooker = Onlooker::default();
        for event in &history {
            onlooker.watch(*event);
        }
        world.happen(Login, ROLE);
        onlooker.watch(Login);
        assert_eq!(world.holds(), onlooker.held, "{}", Story(&history));
    }
}

#[test]
fn a_role_revoked_by_hand_never_comes_back_by_itself() {
    for history in (0..=4).flat_map(histories) {
        let mut world = World::after(RolePolicy::Merge, &history);
        world.token = BTreeSet::from([ROLE.to_owned()]);
        world.login();
        world.happen(HandRevoke, ROLE);
        for _ in 0..3 {
            world.login();
            assert!(!world.holds(), "{}", Story(&history));
        }
        world.happen(IdpRevoke, ROLE);
        world.login();
        world.happen(IdpGrant, ROLE);
        world.login();
        assert!(world.holds(), "back in the token: {}", Story(&history));
    }
}

#[test]
fn a_known_user_is_synchronised_again() {
    for policy in [RolePolicy::Merge, RolePolicy::IdpWins] {
        let mut world = World::after(policy, &[IdpGrant, Login]);
        assert!(world.holds());
        world.happen(IdpRevoke, ROLE);
        world.login();
        assert!(!world.holds(), "{policy:?}");
    }
}

/// A history, and whether the role is held at its end under each setting.
type Row<'a> = (&'a [Event], [(RolePolicy, bool); 4]);

#[test]
fn each_setting_does_what_it_says() {
    use RolePolicy::{FirstLoginOnly, IdpWins, Merge, PermitWins};
    let table: [Row<'_>; 8] = [
        (&[IdpGrant, Login], [(IdpWins, true), (PermitWins, true), (Merge, true), (FirstLoginOnly, true)]),
        (
            &[Login, IdpGrant, Login],
            [(IdpWins, true), (PermitWins, true), (Merge, true), (FirstLoginOnly, false)],
        ),
        (
            &[IdpGrant, Login, IdpRevoke, Login],
            [(IdpWins, false), (PermitWins, true), (Merge, false), (FirstLoginOnly, true)],
        ),
        (
            &[IdpGrant, Login, HandRevoke, Login],
            [(IdpWins, true), (PermitWins, false), (Merge, false), (FirstLoginOnly, false)],
        ),
        (&[HandGrant, Login], [(IdpWins, false), (PermitWins, true), (Merge, true), (FirstLoginOnly, true)]),
        (
            &[IdpGrant, Login, HandRevoke, IdpRevoke, Login, IdpGrant, Login],
            [(IdpWins, true), (PermitWins, false), (Merge, true), (FirstLoginOnly, false)],
        ),
        (
            &[IdpGrant, HandGrant, Login, IdpRevoke, Login],
            [(IdpWins, false), (PermitWins, true), (Merge, true), (FirstLoginOnly, true)],
        ),
        (
            &[HandGrant, HandRevoke, IdpGrant, Login],
            [(IdpWins, true), (PermitWins, true), (Merge, true), (FirstLoginOnly, true)],
        ),
    ];
    for (history, expected) in table {
        for (policy, held) in expected {
            assert_eq!(World::after(policy, history).holds(), held, "{policy:?} after {history:?}");
        }
    }
}

#[test]
fn a_token_that_does_not_say_changes_nothing() {
    for policy in RolePolicy::ALL {
        for history in (0..=3).flat_map(histories) {
            let mut world = World::after(policy, &history);
            let before = world.permit.clone();
            let known = Known { token: None, permit: &before, first_login: world.logins == 0, now: 9 };
            let next = reconcile(policy, &world.ledger, &known);
            let left: Vec<_> = next.into_iter().map(|it| carry_out(it, &mut world.permit)).collect();
            assert_eq!(world.permit, before, "{policy:?} {}", Story(&history));
            assert_eq!(left.iter().filter(|entry| entry.is_held()).count(), before.len());
        }
    }
}

fn events() -> impl Strategy<Value = Vec<(Event, usize)>> {
    vec(((0..EVENTS.len()).prop_map(|at| EVENTS[at]), 0..3_usize), 0..40)
}

proptest! {
    #[test]
    fn a_second_login_has_nothing_left_to_do(events in events(), policy in 0..4_usize) {
        let mut world = World::new(RolePolicy::ALL[policy]);
        for (event, role) in events {
            world.happen(event, ["admin", ROLE, "viewer"][role]);
        }
        world.login();
        let (permit, held) = (world.permit.clone(), world.held());
        world.login();
        prop_assert_eq!(&world.permit, &permit);
        prop_assert_eq!(world.held(), held);
    }

    #[test]
    fn a_crash_between_writing_down_and_noting_it_changes_nothing(
        events in events(), policy in 0..4_usize, done in any::<bool>(),
    ) {
        let mut world = World::new(RolePolicy::ALL[policy]);
        for (event, role) in events {
            world.happen(event, ["admin", ROLE, "viewer"][role]);
        }
        let mut other = World { permit: world.permit.clone(), ledger: world.ledger.clone(),
            token: world.token.clone(), ..world };
        world.login();
        // The ledger was written, Permit perhaps told, and then nothing was noted.
        let known = Known { token: Some(&other.token), permit: &other.permit,
            first_login: other.logins == 0, now: 7 };
        other.ledger = reconcile(other.policy, &other.ledger, &known);
        if done {
            other.ledger.clone().into_iter().for_each(|entry| drop(carry_out(entry, &mut other.permit)));
        }
        other.login();
        prop_assert_eq!(&world.permit, &other.permit);
        prop_assert_eq!(world.held(), other.held());
    }
}
