// Code that graphql-codegen wrote, under `tsc --strict`, against what the server really answers.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { before, test } from "node:test";
import { useFragment, type FragmentType } from "./gql/index.js";
import {
  AssignTaskDocument, ButtonsFragmentDoc, CompleteTaskDocument, CreateTaskDocument, DeleteTaskDocument, DenialReason,
  OrderDirection, PeopleDocument, PersonFragmentDoc, ProblemFragmentDoc, RoleOutcomeKind, RoleSource, SignInDocument,
  TaskCardFragmentDoc, TaskChangeKind, TaskDetailsDocument, TaskForEverybodyDocument, TaskHistoryDocument,
  TaskListDocument, TaskOrderField, TaskRowFragmentDoc, UpdateTaskDocument, UserErrorCode, VerdictFragmentDoc,
  type CreateTaskInput, type TaskCardFragment, type TaskRowFragment,
} from "./gql/graphql.js";
import { ask, mark, present, signIn, told } from "./support.js";

let manager: string;
let viewer: string;
before(async () => {
  manager = await signIn("manager");
  viewer = await signIn("viewer");
});

async function create(input: CreateTaskInput): Promise<TaskRowFragment> {
  const { createTask } = await told(manager, CreateTaskDocument, { input });
  return present(useFragment(TaskRowFragmentDoc, createTask?.task));
}

function card(task: FragmentType<typeof TaskCardFragmentDoc> | null | undefined): TaskCardFragment {
  return present(useFragment(TaskCardFragmentDoc, task));
}

test("introspection of the server gives the code that schema.graphql gives", async () => {
  const [written, introspected] = await Promise.all(["../src/gql/", "../introspected/"].map(async (folder) => {
    const url = new URL(folder, import.meta.url);
    const names = (await readdir(url)).sort();
    return Promise.all(names.map(async (name) => [name, await readFile(new URL(name, url), "utf8")] as const));
  }));
  assert.deepEqual(introspected, written);
  const types = written?.find(([name]) => name === "graphql.ts")?.[1] ?? "";
  assert.match(types, /Requires `task:read-notes`\.\n\s+\*\/\n\s+notes\?:/, "what a field needs is in its comment");
});

test("what a login answers is what its types say", async () => {
  const login = present((await told(manager, SignInDocument, {})).login);
  const outcome: RoleOutcomeKind = present(login.roleOutcomes[0]).outcome;
  assert.ok(outcome === RoleOutcomeKind.Kept || outcome === RoleOutcomeKind.Assigned, outcome);
  assert.equal(login.roleOutcomes[0]?.source, RoleSource.Idp);
  const permissions: string[] = present(login.viewer.permissions);
  assert.ok(permissions.includes("task:create") && !permissions.includes("task:delete"));
  const person = useFragment(PersonFragmentDoc, login.viewer.user);
  const id: string = present(person).id;
  assert.equal(typeof id, "string");
});

test("what may be null is null, and what may not never is", async () => {
  const word = mark();
  const row = await create({ title: `${word} one`, notes: "Behind the shed" });
  assert.equal(typeof row.id, "string");
  assert.equal(row.completed satisfies boolean, false);
  assert.equal(row.completedAt satisfies string | null | undefined, null);
  assert.equal(row.version satisfies number, 1);
  assert.ok(Date.parse(row.updatedAt satisfies string) > 0);

  const input = { id: row.id, completed: true, expectedVersion: row.version };
  const ticked = await told(viewer, CompleteTaskDocument, { input });
  const done = present(useFragment(TaskRowFragmentDoc, ticked.setTaskCompleted?.task));
  assert.ok(Date.parse(present(done.completedAt)) > 0);
  const stale = await told(viewer, CompleteTaskDocument, { input: { ...input, completed: false } });
  const conflict = useFragment(ProblemFragmentDoc, stale.setTaskCompleted?.userErrors)?.[0];
  assert.equal(conflict?.code, UserErrorCode.VersionConflict);
  assert.equal(conflict?.currentVersion satisfies number | null | undefined, done.version);
});

test("a patch tells null from absent", async () => {
  const row = await create({ title: mark(), notes: "Behind the shed" });
  const kept = await told(manager, UpdateTaskDocument, { input: { id: row.id, title: mark() } });
  assert.equal(card(kept.updateTask?.task).notes, "Behind the shed");
  const cleared = await told(manager, UpdateTaskDocument, { input: { id: row.id, notes: null } });
  assert.equal(card(cleared.updateTask?.task).notes, null);

  const people = useFragment(PersonFragmentDoc, (await told(manager, PeopleDocument, {})).users?.nodes);
  const colleague = present(people?.find((person) => person.subject === "auth0|sandbox-viewer"));
  const assigned = await told(manager, AssignTaskDocument, { input: { id: row.id, assigneeId: colleague.id } });
  const somebody = useFragment(PersonFragmentDoc, card(assigned.assignTask?.task).assignee);
  assert.equal(somebody?.subject, "auth0|sandbox-viewer");
  const nobody = await told(manager, AssignTaskDocument, { input: { id: row.id, assigneeId: null } });
  assert.equal(card(nobody.assignTask?.task).assignee satisfies object | null | undefined, null);
});

test("what a person can fix is data, and names the input field", async () => {
  const { createTask } = await told(manager, CreateTaskDocument, { input: { title: "  " } });
  assert.equal(createTask?.task, null);
  const problem = useFragment(ProblemFragmentDoc, createTask?.userErrors)?.[0];
  assert.equal(problem?.code, UserErrorCode.Blank);
  assert.deepEqual(problem?.field satisfies string[] | null | undefined, ["input", "title"]);
});

test("an object behind an interface is told apart by its type name", async () => {
  const row = await create({ title: mark(), notes: "Behind the shed" });
  const { node } = await told(manager, TaskDetailsDocument, { id: row.id });
  assert.ok(node?.__typename === "Task");
  assert.equal(card(node).notes, "Behind the shed");
  const owner = useFragment(PersonFragmentDoc, card(node).owner);
  assert.equal(owner?.subject, "auth0|sandbox-manager");
  const { node: person } = await told(manager, TaskDetailsDocument, { id: present(owner).id });
  assert.ok(person?.__typename === "User");
  assert.equal(useFragment(PersonFragmentDoc, person).id, owner?.id);
});

test("what happened to a task is told to those who may audit, and refused beside its siblings", async () => {
  const admin = await signIn("admin");
  const row = await create({ title: mark() });
  await told(viewer, CompleteTaskDocument, { input: { id: row.id, completed: true } });
  const { task } = await told(admin, TaskHistoryDocument, { id: row.id });
  const events = present(task?.history).nodes.map(({ kind, by, version }) => [kind, by, version]);
  assert.deepEqual(events, [
    [TaskChangeKind.Updated, "auth0|sandbox-viewer", 2], [TaskChangeKind.Created, "auth0|sandbox-manager", 1],
  ]);
  const refused = await ask(manager, TaskHistoryDocument, { id: row.id });
  assert.equal(refused.data?.task?.history, null);
  assert.equal(useFragment(TaskRowFragmentDoc, refused.data?.task)?.id, row.id);
  assert.deepEqual(refused.errors?.map(({ path, extensions }) => [path, extensions.code]),
    [[["task", "history"], "FORBIDDEN"]]);
});

test("what is left out is not asked about, and its type may be absent", async () => {
  const row = await create({ title: mark() });
  const part = await told(viewer, TaskForEverybodyDocument, { id: row.id, mayReadUsers: false });
  assert.equal(part.task?.owner satisfies object | null | undefined, undefined);
  const whole = await ask(viewer, TaskForEverybodyDocument, { id: row.id, mayReadUsers: true });
  assert.equal(whole.data?.task?.owner, null);
  assert.deepEqual(whole.errors?.map(({ path, extensions }) => [path, extensions.code]),
    [[["task", "owner"], "FORBIDDEN"]]);
});

test("buttons know before they are pressed, and say why not", async () => {
  const row = await create({ title: mark() });
  const { tasks } = await told(viewer, TaskListDocument, {
    first: 5,
    filter: { titleContains: row.title },
    orderBy: { field: TaskOrderField.Title, direction: OrderDirection.Asc },
  });
  assert.equal(tasks?.totalCount satisfies number | null | undefined, 1);
  const [edge] = present(tasks).edges;
  const seen = useFragment(TaskRowFragmentDoc, edge?.node);
  const buttons = useFragment(ButtonsFragmentDoc, seen)?.viewerPermissions;
  assert.equal(useFragment(VerdictFragmentDoc, buttons?.canCheck)?.allowed satisfies boolean | undefined, true);
  const canDelete = useFragment(VerdictFragmentDoc, buttons?.canDelete);
  assert.equal(canDelete?.allowed, false);
  assert.equal(canDelete?.reason, DenialReason.NoPermission);
  assert.match(present(canDelete?.hint), /task:delete/);
  assert.equal(useFragment(VerdictFragmentDoc, tasks?.viewerCanCreate)?.allowed, false);

  const refused = await ask(manager, DeleteTaskDocument, { input: { id: row.id } });
  assert.equal(refused.data?.deleteTask, null);
  assert.equal(refused.errors?.[0]?.extensions.code, "FORBIDDEN");
});

/** Never called: `tsc` fails here as soon as one of these is no longer an error. */
export async function refusedByTheCompiler(row: TaskRowFragment, card: TaskCardFragment): Promise<void> {
  // @ts-expect-error The title is required.
  await told(manager, CreateTaskDocument, { input: {} });
  // @ts-expect-error It cannot be null either.
  await told(manager, CreateTaskDocument, { input: { title: null } });
  // @ts-expect-error An id is a string.
  await told(manager, TaskDetailsDocument, { id: 7 });
  // @ts-expect-error There is no such order.
  await told(manager, TaskListDocument, { first: 5, orderBy: { field: "COLOUR", direction: OrderDirection.Asc } });
  // @ts-expect-error An open task has no such moment.
  Date.parse(row.completedAt);
  // @ts-expect-error Somebody who may not read users gets no assignee.
  useFragment(PersonFragmentDoc, card.assignee).id;
}
