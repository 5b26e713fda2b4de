//! A mutation that is committed and then cannot see what Permit makes of it: it says what is done, and what waits.

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend};
use serde_json::json;

use crate::support::{Fresh, World, fresh_databases};

const LOGIN: &str = "mutation { login { ready created warnings } }";

/// What is garbled keeps the next change of the same person from being written.
const FORGET: &str = "DELETE FROM outbox WHERE state = 'GARBLED'";

/// From now on an item of the outbox cannot be read once it is written, unless it removes somebody at Permit.
async fn garble(db: &DatabaseConnection) {
    let garbled = "UPDATE outbox SET state = 'GARBLED' WHERE seq = NEW.seq AND kind <> 'REMOVE'";
    let statements = if db.get_database_backend() == DbBackend::Postgres {
        format!(
            "CREATE FUNCTION garble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {garbled}; RETURN NULL; END $$;
             CREATE TRIGGER garbles AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION garble()"
        )
    } else {
        format!("CREATE TRIGGER garbles AFTER INSERT ON outbox BEGIN {garbled}; END")
    };
    db.execute_unprepared(&statements).await.unwrap();
}

/// A world over `database`, whose mutations do not wait long.
async fn world(database: &Fresh) -> (World, DatabaseConnection) {
    let world = World::with(|config| {
        config.store.url = database.url.clone().into();
        config.sync.deadline = std::time::Duration::from_millis(500);
    })
    .await;
    (world, Database::connect(&database.url).await.unwrap())
}

#[tokio::test]
async fn a_change_is_told_as_done_while_nobody_knows_how_far_permit_is() {
    for database in fresh_databases().await {
        let (world, db) = world(&database).await;
        let admin = world.signed_in("admin").await;
        let id = world.signed_in("newcomer").await.user_id().await;
        garble(&db).await;

        let given = "mutation($id: ID!) { assignRole(input: {userId: $id, role: \"viewer\"}) {
            user { subject } outcome { outcome } } }";
        let given = admin.asks_with(given, json!({"id": id})).await.data()["assignRole"].clone();
        let newcomer = json!({"subject": "auth0|sandbox-newcomer"});
        assert_eq!(given, json!({"user": newcomer, "outcome": {"outcome": "QUEUED"}}));
        db.execute_unprepared(FORGET).await.unwrap();

        let taken = "mutation($id: ID!) { unassignRole(input: {userId: $id, role: \"viewer\"}) {
            outcome { outcome } } }";
        let taken = admin.asks_with(taken, json!({"id": id})).await.data()["unassignRole"].clone();
        assert_eq!(taken["outcome"]["outcome"], "QUEUED");
        db.execute_unprepared(FORGET).await.unwrap();

        let created = "mutation { createUser(input: {subject: \"auth0|x\", roles: [\"viewer\"]}) {
            user { subject } roleOutcomes { outcome } } }";
        let created = admin.asks(created).await.data()["createUser"].clone();
        assert_eq!(created, json!({"user": {"subject": "auth0|x"}, "roleOutcomes": [{"outcome": "QUEUED"}]}));
        db.execute_unprepared(FORGET).await.unwrap();

        let removed = "mutation($id: ID!) { deleteUser(input: {id: $id}) { systems { system state } } }";
        let removed = admin.asks_with(removed, json!({"id": id})).await.data()["deleteUser"].clone();
        let state = |at: usize| (&removed["systems"][at]["system"], &removed["systems"][at]["state"]);
        assert_eq!(state(0), (&json!("TASKGATE"), &json!("DONE")));
        assert_eq!(state(1), (&json!("PERMIT"), &json!("DONE")));
        assert_eq!(state(2), (&json!("AUTH0"), &json!("PENDING")));

        let manager = world.persona("manager").await;
        let login = manager.asks(LOGIN).await.data()["login"].clone();
        assert_eq!((&login["created"], &login["ready"]), (&json!(true), &json!(false)), "{login}");
    }
}

#[tokio::test]
async fn a_login_says_that_what_came_of_it_cannot_be_looked_up() {
    for database in fresh_databases().await {
        let (world, db) = world(&database).await;
        let manager = world.persona("manager").await;

        db.execute_unprepared("ALTER TABLE role_assignments RENAME TO away").await.unwrap();
        let login = manager.asks(LOGIN).await.data()["login"].clone();
        db.execute_unprepared("ALTER TABLE away RENAME TO role_assignments").await.unwrap();

        assert_eq!((&login["created"], &login["ready"]), (&json!(true), &json!(false)), "{login}");
        let warning = login["warnings"][0].as_str().unwrap();
        assert!(
            warning.starts_with("The database failed after you were stored; call `login` again"),
            "{login}"
        );
        world.replays().await;
        world.until_the_outbox_is_empty().await;
        assert_eq!(manager.asks(LOGIN).await.data()["login"]["ready"], true);
    }
}
