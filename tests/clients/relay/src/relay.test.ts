// What Relay's compiler makes of `TaskPage.ts`, and Relay's store fed by the server.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";
import {
  Environment, Network, RecordSource, Store, commitMutation, createOperationDescriptor, fetchQuery, getSingularSelector,
  type ConcreteRequest, type GraphQLResponse, type MutationParameters, type OperationType, type PayloadError,
  type ReaderFragment, type RequestParameters, type Variables,
} from "relay-runtime";
import CompleteMutation, { type TaskPageCompleteMutation } from "./__generated__/TaskPageCompleteMutation.graphql";
import CreateMutation, { type TaskPageCreateMutation } from "./__generated__/TaskPageCreateMutation.graphql";
import DeleteMutation, { type TaskPageDeleteMutation } from "./__generated__/TaskPageDeleteMutation.graphql";
import DetailsQuery, { type TaskPageDetailsQuery } from "./__generated__/TaskPageDetailsQuery.graphql";
import LoginMutation, { type TaskPageLoginMutation } from "./__generated__/TaskPageLoginMutation.graphql";
import PaginationQuery, { type TaskPagePaginationQuery } from "./__generated__/TaskPagePaginationQuery.graphql";
import PageQuery, { type TaskPageQuery } from "./__generated__/TaskPageQuery.graphql";
import RowRefetchQuery, { type TaskPageRowRefetchQuery } from "./__generated__/TaskPageRowRefetchQuery.graphql";
import listFragment, { type TaskPage_list$data } from "./__generated__/TaskPage_list.graphql";
import rowFragment, { type TaskPage_row$data } from "./__generated__/TaskPage_row.graphql";

type Persona = "admin" | "manager" | "viewer";

/** The store and the network of an application. */
async function application(persona: Persona): Promise<Environment> {
  const token = await (await fetch(`${process.env.ISSUER_URL}/sandbox/token/${persona}`)).text();
  const ask = async (request: RequestParameters, variables: Variables): Promise<GraphQLResponse> => {
    const response = await fetch(`${process.env.TASKGATE_URL}/graphql`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ query: request.text, variables }),
    });
    return await response.json() as GraphQLResponse;
  };
  return new Environment({ network: Network.create(ask), store: new Store(new RecordSource()) });
}

function present<Value>(value: Value): NonNullable<Value> {
  assert.ok(value !== null && value !== undefined);
  return value;
}

async function query<Q extends OperationType>(
  environment: Environment, request: ConcreteRequest, variables: Q["variables"],
): Promise<Q["response"]> {
  return present(await fetchQuery<Q>(environment, request, variables).toPromise());
}

function commit<M extends MutationParameters>(
  environment: Environment, mutation: ConcreteRequest, variables: M["variables"],
): Promise<{ data: M["response"]; errors: readonly PayloadError[] | null | undefined }> {
  return new Promise((resolve, reject) => {
    commitMutation<M>(environment, {
      mutation, variables, onCompleted: (data, errors) => resolve({ data, errors }), onError: reject,
    });
  });
}

/** What a component that has this fragment would be given. */
function read<Data>(environment: Environment, fragment: ReaderFragment, reference: unknown): Data {
  const selector = getSingularSelector(fragment, reference);
  assert.equal(selector?.kind, "SingularReaderSelector");
  return environment.lookup(selector as never).data as Data;
}

function list(environment: Environment, variables: TaskPageQuery["variables"]): TaskPage_list$data {
  const page = environment.lookup(createOperationDescriptor(PageQuery, variables).fragment).data;
  return read(environment, listFragment, page);
}

function titles(environment: Environment, variables: TaskPageQuery["variables"]): string[] {
  const edges = present(list(environment, variables).tasks).edges;
  return edges.map(({ node }) => read<TaskPage_row$data>(environment, rowFragment, node).title);
}

let manager: Environment;
let viewer: Environment;
before(async () => {
  [manager, viewer] = await Promise.all([application("manager"), application("viewer")]);
  for (const environment of [manager, viewer]) {
    assert.equal((await commit<TaskPageLoginMutation>(environment, LoginMutation, {})).data.login?.ready, true);
  }
});

async function create(environment: Environment, title: string, connections: string[] = []): Promise<string> {
  const variables = { input: { title }, connections };
  const { data, errors } = await commit<TaskPageCreateMutation>(environment, CreateMutation, variables);
  assert.equal(errors, null);
  return present(data.createTask?.task).id;
}

test("the compiler takes the connection for one, and the interface for a way back to every task", () => {
  const [connection] = present(listFragment.metadata?.connection);
  assert.deepEqual(connection, {
    count: "count", cursor: "cursor", direction: "forward", path: ["tasks"],
  });
  const asked = present(PaginationQuery.params.text);
  assert.match(asked, /tasks\(first: \$count, after: \$cursor, filter: \{titleContains: \$word\}\)/);
  assert.match(asked, /pageInfo \{\s+endCursor\s+hasNextPage\s+\}/);
  const { refetch } = rowFragment.metadata as { refetch: { fragmentPathInResult: string[] } };
  assert.deepEqual(refetch.fragmentPathInResult, ["node"]);
  assert.match(present(RowRefetchQuery.params.text), /node\(id: \$id\) \{\s+__typename\s+\.\.\.TaskPage_row\s+id\s+\}/);
});

test("pages join in the store, and a new task stands before them", async () => {
  const word = randomUUID();
  for (const number of [1, 2, 3]) await create(manager, `${word} ${number}`);
  const variables = { count: 2, word };
  const page = await query<TaskPageQuery>(manager, PageQuery, variables);
  assert.equal(page.viewer?.subject, "auth0|sandbox-manager");
  const kept = manager.retain(createOperationDescriptor(PageQuery, variables));
  assert.deepEqual(titles(manager, variables), [`${word} 3`, `${word} 2`]);

  // `pageInfo` is not in the fragment: Relay's hooks read it from the store as this does.
  const before = present(list(manager, variables).tasks) as unknown as { pageInfo: { endCursor: string } };
  const cursor = before.pageInfo.endCursor;
  await query<TaskPagePaginationQuery>(manager, PaginationQuery, { ...variables, cursor });
  assert.deepEqual(titles(manager, variables), [`${word} 3`, `${word} 2`, `${word} 1`]);

  const connection = present(list(manager, variables).tasks).__id;
  await create(manager, `${word} 4`, [connection]);
  assert.deepEqual(titles(manager, variables), [4, 3, 2, 1].map((number) => `${word} ${number}`));
  kept.dispose();
});

test("a row that is refetched, or changed by a mutation, is one record of the store", async () => {
  const word = randomUUID();
  const id = await create(manager, word);
  const variables = { count: 1, word };
  await query<TaskPageQuery>(manager, PageQuery, variables);
  const kept = manager.retain(createOperationDescriptor(PageQuery, variables));
  const row = (): TaskPage_row$data =>
    read(manager, rowFragment, present(list(manager, variables).tasks).edges[0]?.node);
  assert.deepEqual([row().completed, row().completedAt], [false, null]);
  assert.deepEqual(row().viewerPermissions?.canDelete, { allowed: false, reason: "NO_PERMISSION" });

  await commit<TaskPageCompleteMutation>(viewer, CompleteMutation, { input: { id, completed: true } });
  assert.equal(row().completed, false, "somebody else did it, and nobody asked since");
  await query<TaskPageRowRefetchQuery>(manager, RowRefetchQuery, { id });
  assert.equal(row().completed, true);
  await commit<TaskPageCompleteMutation>(manager, CompleteMutation, { input: { id, completed: false } });
  assert.deepEqual([row().completed, row().completedAt], [false, null]);
  kept.dispose();
});

test("a refused field can be caught where it is read", async () => {
  const id = await create(manager, randomUUID());
  const whole = await query<TaskPageDetailsQuery>(manager, DetailsQuery, { id });
  assert.deepEqual(whole.node?.notes, { ok: true, value: null });
  const { node } = await query<TaskPageDetailsQuery>(viewer, DetailsQuery, { id });
  assert.equal(node?.__typename, "Task");
  assert.equal(node.notes?.ok, false);
  assert.equal(node.owner, null);
  assert.equal(read<TaskPage_row$data>(viewer, rowFragment, node.row).completed, false);
});

test("a refused mutation deletes nothing in the store, and a permitted one does", async () => {
  const word = randomUUID();
  const variables = { count: 5, word };
  const admin = await application("admin");
  await commit<TaskPageLoginMutation>(admin, LoginMutation, {});
  const id = await create(admin, word);
  for (const environment of [manager, admin]) {
    await query<TaskPageQuery>(environment, PageQuery, variables);
    environment.retain(createOperationDescriptor(PageQuery, variables));
  }
  const remove = { input: { id } };
  const refused = await commit<TaskPageDeleteMutation>(manager, DeleteMutation, remove);
  assert.equal(refused.data.deleteTask, null);
  const [error] = present(refused.errors) as (PayloadError & { extensions: Record<string, unknown> })[];
  assert.deepEqual([error?.extensions.code, error?.extensions.reason], ["FORBIDDEN", "NO_PERMISSION"]);
  assert.deepEqual(titles(manager, variables), [word]);

  const removed = await commit<TaskPageDeleteMutation>(admin, DeleteMutation, remove);
  assert.equal(removed.data.deleteTask?.deletedTaskId, id);
  assert.deepEqual(present(list(admin, variables).tasks).edges.filter(({ node }) => node !== null), []);
});
