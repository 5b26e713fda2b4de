"use strict";
// Permit's front-end SDK, unchanged, at the API itself: no server of one's own in between.
const assert = require("node:assert/strict");
const { before, test } = require("node:test");
const { createMongoAbility } = require("@casl/ability");
const { Permit } = require("permit-fe-sdk");

const { TASKGATE_URL, ISSUER_URL, PERMIT_API_URL, PERMIT_API_KEY } = process.env;
const MANAGER = "auth0|sandbox-manager";
let authorization;
let task;

async function ask(query) {
  const headers = { authorization, "content-type": "application/json" };
  const response = await fetch(`${TASKGATE_URL}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
  return (await response.json()).data;
}

/** Whether the role of managers has the permission in Permit. */
async function grant(method) {
  const response = await fetch(`${PERMIT_API_URL}/v2/schema/taskgate/sandbox/roles/manager/permissions`, {
    method,
    headers: { authorization: `Bearer ${PERMIT_API_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ permissions: ["task:delete"] }),
  });
  assert.equal(response.ok, true);
}

before(async () => {
  authorization = `Bearer ${await (await fetch(`${ISSUER_URL}/sandbox/token/manager`)).text()}`;
  assert.equal((await ask("mutation { login { ready } }")).login.ready, true);
  task = (await ask('mutation { createTask(input: { title: "Ask first" }) { task { id } } }')).createTask.task.id;
});

/** The SDK has one state for a whole page, and loads it once: this is a new page. */
function permit(more) {
  const created = Permit({
    loggedInUser: MANAGER,
    backendUrl: `${TASKGATE_URL}/permissions`,
    customRequestHeaders: { Authorization: authorization },
    ...more,
  });
  created.reset();
  return created;
}

const BUTTONS = [
  { action: "create", resource: "task" },
  { action: "delete", resource: "task" },
];

test("buttons follow what is granted in Permit, with the same token", async () => {
  const buttons = permit();
  await buttons.loadLocalStateBulk(BUTTONS);
  assert.equal(buttons.check("create", "task"), true);
  assert.equal(buttons.check("delete", "task"), false);
  const rules = [
    { action: "create", subject: "task", inverted: false },
    { action: "delete", subject: "task", inverted: true },
  ];
  assert.deepEqual(buttons.getCaslJson(), rules);
  const ability = createMongoAbility(buttons.getCaslJson());
  assert.deepEqual([ability.can("create", "task"), ability.can("delete", "task")], [true, false]);

  await grant("POST");
  try {
    buttons.reset();
    await buttons.loadLocalStateBulk(BUTTONS);
    assert.equal(buttons.check("delete", "task"), true);
    assert.equal(createMongoAbility(buttons.getCaslJson()).can("delete", "task"), true);
  } finally {
    await grant("DELETE");
  }
  buttons.reset();
  await buttons.loadLocalStateBulk(BUTTONS);
  assert.equal(buttons.check("delete", "task"), false);
});

test("a single task is asked about by its id, in bulk and alone", async () => {
  const buttons = permit();
  const resource = { type: "task", key: task };
  await buttons.loadLocalStateBulk([{ action: "update", resource }, { action: "delete", resource }]);
  assert.equal(buttons.check("update", resource), true);
  assert.equal(buttons.check("delete", `task:${task}`), false);
  assert.equal(buttons.check("check", resource), false, "not asked about");
  await buttons.addKeyToState("check", resource, undefined, undefined, "POST");
  assert.equal(buttons.check("check", resource), true);
});

test("pairs are asked about one by one too", async () => {
  const buttons = permit();
  await buttons.loadLocalState(BUTTONS, "POST");
  assert.deepEqual(BUTTONS.map(({ action, resource }) => buttons.check(action, resource)), [true, false]);
});

/** Status and code with which a list is refused; nothing of it is allowed then. */
async function refusal(buttons, list) {
  const error = await buttons.loadLocalStateBulk(list).then(() => undefined, (error) => error);
  for (const { action, resource } of list) assert.equal(buttons.check(action, resource), false);
  return [error?.response.status, error?.response.data.errors[0].extensions.code];
}

test("who asks is who the token says", async () => {
  const asAdmin = permit({ loggedInUser: "auth0|sandbox-admin" });
  assert.deepEqual(await refusal(asAdmin, BUTTONS), [400, "BAD_REQUEST"]);
  const asNobody = permit({ customRequestHeaders: {} });
  assert.deepEqual(await refusal(asNobody, BUTTONS), [401, "UNAUTHENTICATED"]);
});

test("attributes that a client makes up are refused", async () => {
  const [create] = BUTTONS;
  const asBoss = { ...create, userAttributes: { department: "board" } };
  assert.deepEqual(await refusal(permit(), [asBoss]), [400, "BAD_REQUEST"]);
  const asOwner = { ...create, resourceAttributes: { owner: MANAGER } };
  assert.deepEqual(await refusal(permit(), [asOwner]), [400, "BAD_REQUEST"]);
});
