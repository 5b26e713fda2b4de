// Why something is refused: asked before, and found again afterwards.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { print } from "graphql";
import { useFragment } from "./gql/index.js";
import {
  AccessKind, CreateTaskDocument, DeleteTaskDocument, DenialReason, PersonFragmentDoc, SignInDocument,
  TaskForEverybodyDocument, TaskRowFragmentDoc, VerdictFragmentDoc, WhatWasDecidedDocument, WhatWouldItNeedDocument,
} from "./gql/graphql.js";
import { ask, mark, present, signIn, told } from "./support.js";

let admin: string;
let manager: string;
before(async () => {
  admin = await signIn("admin");
  manager = await signIn("manager");
});

async function create(): Promise<string> {
  const { createTask } = await told(manager, CreateTaskDocument, { input: { title: mark() } });
  return present(useFragment(TaskRowFragmentDoc, createTask?.task)).id;
}

test("a document of the client can be explained before it is sent, to oneself and to an administrator", async () => {
  const id = await create();
  const document = print(DeleteTaskDocument);
  const variables = { input: { id } };
  const user = (await told(manager, SignInDocument, {})).login?.viewer.user;
  const asUser = present(useFragment(PersonFragmentDoc, user)).id;
  for (const { explain } of [
    await told(manager, WhatWouldItNeedDocument, { document, variables }),
    await told(admin, WhatWouldItNeedDocument, { document, variables, asUser }),
  ]) {
    assert.equal(explain?.allowed satisfies boolean | undefined, false);
    const refused = explain?.fields.find((field) => useFragment(VerdictFragmentDoc, field.result)?.allowed === false);
    assert.deepEqual([refused?.path, refused?.coordinate, refused?.access],
      ["deleteTask", "Mutation.deleteTask", AccessKind.Requires]);
    assert.deepEqual([refused?.result?.resource, refused?.result?.action], ["task", "delete"]);
    assert.equal(useFragment(VerdictFragmentDoc, refused?.result)?.reason, DenialReason.NoPermission);
  }
  const { data, errors } = await ask(manager, WhatWouldItNeedDocument, { document, variables, asUser });
  assert.equal(data?.explain, null);
  assert.equal(errors?.[0]?.extensions.code, "FORBIDDEN");
});

test("what is explained is not executed", async () => {
  const id = await create();
  const variables = { document: print(DeleteTaskDocument), variables: { input: { id } } };
  assert.equal((await told(admin, WhatWouldItNeedDocument, variables)).explain?.allowed, true);
  const { task } = await told(manager, TaskForEverybodyDocument, { id, mayReadUsers: false });
  assert.equal(useFragment(TaskRowFragmentDoc, task)?.id, id);
});

test("what is left out of a document needs nothing", async () => {
  const id = await create();
  const document = print(TaskForEverybodyDocument);
  const viewer = await signIn("viewer");
  const allowed = async (mayReadUsers: boolean): Promise<boolean | undefined> => {
    const variables = { document, variables: { id, mayReadUsers } };
    return (await told(viewer, WhatWouldItNeedDocument, variables)).explain?.allowed;
  };
  assert.deepEqual([await allowed(false), await allowed(true)], [true, false]);
});

test("a refusal is found in the log by its id", async () => {
  const refused = await ask(manager, DeleteTaskDocument, { input: { id: await create() } });
  const decisionId = present(refused.errors?.[0]).extensions.decisionId;
  const filter = { subject: "auth0|sandbox-manager", resource: "task", action: "delete", allowed: false };
  const find = async () => {
    const { decisions } = await told(admin, WhatWasDecidedDocument, { filter });
    return decisions?.nodes.find(({ id }) => id === decisionId);
  };
  // It is written beside the answers, not before them.
  const deadline = Date.now() + 60_000;
  let found = await find();
  while (!found && Date.now() < deadline) {
    await pause(50);
    found = await find();
  }
  assert.deepEqual([found?.subject, found?.resource, found?.action, found?.allowed],
    ["auth0|sandbox-manager", "task", "delete", false]);
  const { errors } = await ask(manager, WhatWasDecidedDocument, { filter });
  assert.equal(errors?.[0]?.extensions.code, "FORBIDDEN");
});
