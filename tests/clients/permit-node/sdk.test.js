"use strict";
// Permit's official Node SDK, unchanged, against the sandbox's Permit.
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { Permit } = require("permitio");

const permit = new Permit({
  token: process.env.PERMIT_API_KEY,
  pdp: process.env.PERMIT_PDP_URL,
  apiUrl: process.env.PERMIT_API_URL,
});

test("a synced user with a role may do what the role permits", async () => {
  const key = "auth0|node-sdk@example";
  const created = await permit.api.users.sync({ key, email: "node@example.com", first_name: "Node" });
  assert.equal(created.created, true);
  assert.equal((await permit.api.users.sync({ key, first_name: "Nodejs" })).created, false);
  assert.equal((await permit.api.users.get(key)).first_name, "Nodejs");
  assert.equal(await permit.check(key, "get", "task"), false);

  const assigned = await permit.api.users.assignRole({ user: key, role: "viewer", tenant: "default" });
  assert.equal(assigned.role, "viewer");
  assert.equal(await permit.check(key, "get", "task"), true);
  assert.deepEqual(await permit.bulkCheck([
    { user: key, action: "get", resource: "task" },
    { user: key, action: "delete", resource: "task" },
    { user: key, action: "get", resource: { type: "task", tenant: "org_outside" } },
  ]), [true, false, false]);
  const permissions = await permit.getUserPermissions(key);
  assert.deepEqual(permissions["__tenant:default"].permissions, ["task:check", "task:get"]);

  const held = await permit.api.users.getAssignedRoles({ user: key });
  assert.deepEqual(held.map((assignment) => assignment.role), ["viewer"]);
  await permit.api.users.unassignRole({ user: key, role: "viewer", tenant: "default" });
  assert.equal(await permit.check(key, "get", "task"), false);
  await permit.api.users.delete(key);
  await assert.rejects(permit.api.users.get(key));
});

test("roles, resources and tenants can be listed, created, changed and removed", async () => {
  const roles = await permit.api.roles.list();
  assert.deepEqual(roles.map((role) => role.key), ["admin", "manager", "viewer"]);
  const resource = await permit.api.resources.create({ key: "note", name: "Note", actions: { read: {}, write: {} } });
  assert.equal(resource.actions.read.key, "read");
  const replaced = await permit.api.resources.replace("note", { name: "Notes", actions: { read: {}, write: {} } });
  assert.equal(replaced.actions.read.id, resource.actions.read.id);
  const look = await permit.api.resourceActions.update("note", "read", { description: "Look" });
  assert.equal(look.description, "Look");
  const role = await permit.api.roles.create({ key: "scribe", name: "Scribe", permissions: ["note:read"] });
  assert.deepEqual(role.permissions, ["note:read"]);
  const more = await permit.api.roles.assignPermissions("scribe", ["note:write"]);
  assert.deepEqual(more.permissions, ["note:read", "note:write"]);
  await assert.rejects(permit.api.roles.create({ key: "scribe", name: "Again" }));
  const fewer = await permit.api.roles.removePermissions("scribe", ["note:read"]);
  assert.deepEqual(fewer.permissions, ["note:write"]);
  await permit.api.roles.delete("scribe");
  await permit.api.resources.delete("note");

  await permit.api.tenants.create({ key: "tesla", name: "Tesla" });
  assert.ok((await permit.api.tenants.list()).some((tenant) => tenant.key === "tesla"));
  await permit.api.tenants.delete("tesla");
});

test("facts written through the PDP are visible to the next check", async () => {
  const viaPdp = new Permit({
    token: process.env.PERMIT_API_KEY,
    pdp: process.env.PERMIT_PDP_URL,
    apiUrl: process.env.PERMIT_API_URL,
    proxyFactsViaPdp: true,
  });
  const key = "node-proxy";
  const facts = viaPdp.api.users.waitForSync(10);
  await facts.sync({ key });
  await facts.assignRole({ user: key, role: "manager", tenant: "default" });
  assert.equal(await viaPdp.check(key, "create", "task"), true);
  await viaPdp.api.users.delete(key);
});
