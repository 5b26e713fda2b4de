const assert = require("node:assert/strict");
const { test } = require("node:test");

const { onExecutePostLogin } = require("./post-login.js");

const NAMESPACE = "https://my-app.example.com";

/** The event of a fixture, with changes. A fresh copy: nothing is shared between tests. */
function event(name, changes = {}) {
  return { ...structuredClone(require(`./fixtures/${name}.json`)), ...changes };
}

/** The claims that the Action sets on the access token. Whatever else it touches is not there, and throws. */
async function claimsOf(event) {
  const claims = {};
  const setCustomClaim = (name, value) => {
    claims[name] = value;
  };
  await onExecutePostLogin(event, { accessToken: { setCustomClaim } });
  return claims;
}

const ADA = {
  [`${NAMESPACE}/roles`]: ["manager", "team lead"],
  [`${NAMESPACE}/email`]: "ada@example.com",
  [`${NAMESPACE}/email_verified`]: true,
  [`${NAMESPACE}/name`]: "Ada Lovelace",
};

test("a person with roles gets all claims, role names as they are", async () => {
  assert.deepEqual(await claimsOf(event("with-roles")), ADA);
});

test("the exchange of a refresh token sets the same claims", async () => {
  assert.deepEqual(await claimsOf(event("refresh-token")), ADA);
});

test("a person without roles gets an empty list, which takes roles away", async () => {
  const claims = await claimsOf(event("without-roles"));
  assert.deepEqual(claims[`${NAMESPACE}/roles`], []);
});

test("what is not known is not set: no authorization, no e-mail, no name", async () => {
  assert.deepEqual(await claimsOf(event("without-authorization")), {});
  const blank = { email: "", email_verified: false, name: " " };
  assert.deepEqual(Object.keys(await claimsOf(event("with-roles", { user: blank }))), [`${NAMESPACE}/roles`]);
});

test("an e-mail that is not verified says so", async () => {
  const claims = await claimsOf(event("unverified-email"));
  assert.equal(claims[`${NAMESPACE}/email`], "ada@example.com");
  assert.equal(claims[`${NAMESPACE}/email_verified`], false);
});

test("in an organization the roles are those of the member", async () => {
  const claims = await claimsOf(event("organization"));
  assert.deepEqual(claims[`${NAMESPACE}/roles`], ["viewer"]);
});

test("the namespace is a secret of the Action, with a default and without a slash of its own", async () => {
  const names = async (secrets) => Object.keys(await claimsOf(event("organization", { secrets })));
  assert.equal((await names({ NAMESPACE: "https://x.example/" }))[0], "https://x.example/roles");
  assert.equal((await names({ NAMESPACE: "my_app_name" }))[0], "my_app_name/roles");
  for (const none of [{}, { NAMESPACE: "" }, undefined]) {
    assert.equal((await names(none))[0], "https://taskgate.example/roles");
  }
});

test("with an audience only the tokens of that API tell who somebody is", async () => {
  const secrets = { NAMESPACE, AUDIENCE: "https://my-app.example.com/api" };
  assert.deepEqual(await claimsOf(event("with-roles", { secrets })), ADA);
  const other = { identifier: "https://other.example/api" };
  assert.deepEqual(await claimsOf(event("with-roles", { secrets, resource_server: other })), {});
  assert.deepEqual(await claimsOf(event("with-roles", { secrets, resource_server: undefined })), {});
});

test("roles of another shape are no information, and what is not a name is left out", async () => {
  for (const roles of [null, "admin", { 0: "admin" }]) {
    const { [`${NAMESPACE}/roles`]: _, ...others } = ADA;
    assert.deepEqual(await claimsOf(event("with-roles", { authorization: { roles } })), others);
  }
  const mixed = await claimsOf(event("with-roles", { authorization: { roles: ["admin", null, 7] } }));
  assert.deepEqual(mixed[`${NAMESPACE}/roles`], ["admin"]);
});

test("nothing that goes wrong refuses the login, and the log does not say who it was", async (context) => {
  const log = context.mock.method(console, "log", () => {});
  const refuse = () => {
    throw new TypeError("ada@example.com is too long");
  };
  await onExecutePostLogin(event("with-roles"), { accessToken: { setCustomClaim: refuse } });
  await onExecutePostLogin({}, {});
  await onExecutePostLogin(event("with-roles", { secrets: { NAMESPACE: 7 } }), {});

  const lines = log.mock.calls.map((call) => call.arguments.join(" "));
  assert.equal(lines[0], "taskgate: claims were not set: TypeError");
  assert.ok(!lines.join().includes("ada"));
});
