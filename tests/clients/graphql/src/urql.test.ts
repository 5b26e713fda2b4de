// urql: GET for queries, its document cache, its errors and its subscriptions.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, cacheExchange, fetchExchange, subscriptionExchange, type OperationResult } from "@urql/core";
import { createClient, type Client as Socket, type SubscribePayload } from "graphql-ws";
import { WebSocket } from "ws";
import { useFragment } from "./gql/index.js";
import {
  CreateTaskDocument, DeleteTaskDocument, TaskChangeKind, TaskDetailsDocument, TaskFeedDocument, TaskListDocument,
  TaskRowFragmentDoc, UpdateTaskDocument, WhoAmIDocument, type TaskFeedSubscription, type TaskListQuery,
} from "./gql/graphql.js";
import { Inbox, endpoint, mark, present, provoked, signIn, socketEndpoint, token } from "./support.js";

const sockets: Socket[] = [];
after(() => Promise.all(sockets.map((socket) => socket.dispose())));

/** The client of an application, which also notes the methods of its requests. */
function application(bearer: string) {
  const methods: string[] = [];
  const socket = createClient({
    url: socketEndpoint, webSocketImpl: WebSocket, connectionParams: { authorization: `Bearer ${bearer}` },
  });
  sockets.push(socket);
  const subscriptions = subscriptionExchange({
    forwardSubscription: (request) => ({
      subscribe: (sink) => ({ unsubscribe: socket.subscribe(request as SubscribePayload, sink) }),
    }),
  });
  const client = new Client({
    url: endpoint,
    exchanges: [cacheExchange, fetchExchange, subscriptions],
    preferGetMethod: "within-url-limit",
    fetchOptions: { headers: { authorization: `Bearer ${bearer}` } },
    fetch: (url, options) => {
      methods.push(options?.method ?? "GET");
      return fetch(url, options);
    },
  });
  return { client, methods };
}

let manager: string;
let viewer: string;
before(async () => {
  manager = await signIn("manager");
  viewer = await signIn("viewer");
});

async function create(client: Client, title: string, notes?: string) {
  const { data, error } = await client.mutation(CreateTaskDocument, { input: { title, notes } });
  assert.equal(error, undefined);
  return present(useFragment(TaskRowFragmentDoc, data?.createTask?.task));
}

test("a list is fetched by GET, and again after a mutation of what it lists", async () => {
  const { client, methods } = application(manager);
  const word = mark();
  await create(client, `${word} 1`);
  const shown = new Inbox<OperationResult<TaskListQuery>>();
  const variables = { first: 5, filter: { titleContains: word } };
  const watching = client.query(TaskListDocument, variables).subscribe(shown.push);
  const first = await shown.next();
  assert.equal(first.error, undefined);
  assert.equal(first.data?.tasks?.totalCount, 1);
  await create(client, `${word} 2`);
  let again = await shown.next();
  while (again.stale) again = await shown.next();
  assert.deepEqual(
    again.data?.tasks?.edges.map(({ node }) => useFragment(TaskRowFragmentDoc, node).title),
    [`${word} 2`, `${word} 1`],
  );
  assert.deepEqual(methods, ["POST", "GET", "POST", "GET"]);
  watching.unsubscribe();
});

test("a refusal is an error with a code, beside the data", async () => {
  const { client } = application(manager);
  const row = await create(client, mark());
  const { data, error } = await client.mutation(DeleteTaskDocument, { input: { id: row.id } });
  assert.equal(data?.deleteTask, null);
  const refusal = present(error?.graphQLErrors[0]);
  assert.deepEqual(refusal.path, ["deleteTask"]);
  assert.equal(refusal.extensions.code, "FORBIDDEN");
  assert.equal(refusal.extensions.reason, "NO_PERMISSION");
});

test("a refused field leaves its siblings", async () => {
  const { id } = await create(application(manager).client, mark(), "Behind the shed");
  const { data, error } = await application(viewer).client.query(TaskDetailsDocument, { id });
  assert.equal(data?.node?.__typename, "Task");
  assert.equal(data?.node?.id, id);
  assert.deepEqual(error?.graphQLErrors.map(({ extensions }) => extensions.code),
    ["FORBIDDEN", "FORBIDDEN", "FORBIDDEN"]);
});

test("a token that is not accepted is an error with its code", async () => {
  const { client } = application(`${await token("manager")}x`);
  const { error } = await client.query(WhoAmIDocument, {});
  assert.equal(error?.networkError, undefined);
  assert.equal(error?.graphQLErrors[0]?.extensions.code, "UNAUTHENTICATED");
  assert.equal(error?.response?.status, 401);
});

test("a subscription tells of changes", async () => {
  const { client } = application(manager);
  const word = mark();
  const row = await create(client, word);
  const changes = new Inbox<OperationResult<TaskFeedSubscription>>();
  const filter = { titleContains: word };
  const listening = client.subscription(TaskFeedDocument, { filter }).subscribe(changes.push);
  let renamed = 0;
  const { data, error } = await provoked(changes, () =>
    client.mutation(UpdateTaskDocument, { input: { id: row.id, title: `${word} ${++renamed}` } }).toPromise());
  assert.equal(error, undefined);
  assert.equal(data?.taskChanged.kind, TaskChangeKind.Updated);
  assert.equal(data?.taskChanged.taskId, row.id);
  listening.unsubscribe();
});

test("a subscription without a socket is a stream of events", async () => {
  const word = mark();
  const client = new Client({
    url: endpoint,
    exchanges: [fetchExchange],
    fetchSubscriptions: true,
    preferGetMethod: false,
    fetchOptions: { headers: { authorization: `Bearer ${manager}` } },
  });
  const changes = new Inbox<OperationResult<TaskFeedSubscription>>();
  const filter = { titleContains: word };
  const listening = client.subscription(TaskFeedDocument, { filter }).subscribe(changes.push);
  const { data, error } = await provoked(changes, () => create(application(manager).client, word));
  assert.equal(error, undefined);
  assert.equal(data?.taskChanged.kind, TaskChangeKind.Created);
  assert.equal(useFragment(TaskRowFragmentDoc, data?.taskChanged.task)?.title, word);
  listening.unsubscribe();
});

test("a subscription that is refused ends with the reason", async () => {
  const { client } = application(await token("newcomer"));
  const answers = new Inbox<OperationResult<TaskFeedSubscription>>();
  client.subscription(TaskFeedDocument, {}).subscribe(answers.push);
  const { data, error } = await answers.next();
  assert.equal(data?.taskChanged, undefined);
  assert.equal(error?.graphQLErrors[0]?.extensions.code, "FORBIDDEN");
});
