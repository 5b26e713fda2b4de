// Apollo Client: its cache, its errors, its pages and its subscriptions.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import {
  ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, type ObservableQuery,
} from "@apollo/client/core";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import { createClient, type Client } from "graphql-ws";
import { WebSocket } from "ws";
import { useFragment } from "./gql/index.js";
import {
  CompleteTaskDocument, CreateTaskDocument, DeleteTaskDocument, ProblemFragmentDoc, TaskCardFragmentDoc,
  TaskChangeKind, TaskDetailsDocument, TaskFeedDocument, TaskListDocument, TaskRowFragmentDoc, UpdateTaskDocument,
  UserErrorCode, WhoAmIDocument, type TaskFeedSubscription, type TaskListQuery, type TaskListQueryVariables,
  type TaskRowFragment,
} from "./gql/graphql.js";
import { Inbox, endpoint, mark, present, provoked, signIn, socketEndpoint, token } from "./support.js";

const sockets: Client[] = [];
after(() => Promise.all(sockets.map((socket) => socket.dispose())));

/** The client of an application, which also counts its requests. */
function application(bearer: string) {
  const sent: string[] = [];
  const count = new ApolloLink((operation, forward) => {
    sent.push(operation.operationName ?? "");
    return forward(operation);
  });
  const http = new HttpLink({ uri: endpoint, headers: { authorization: `Bearer ${bearer}` } });
  const socket = createClient({
    url: socketEndpoint, webSocketImpl: WebSocket, connectionParams: { authorization: `Bearer ${bearer}` },
  });
  sockets.push(socket);
  const isSubscription = ({ operationType }: { operationType: OperationTypeNode }): boolean =>
    operationType === OperationTypeNode.SUBSCRIPTION;
  const cache = new InMemoryCache({
    typePolicies: { Query: { fields: { tasks: relayStylePagination(["filter", "orderBy"]) } } },
  });
  const link = ApolloLink.from([count, ApolloLink.split(isSubscription, new GraphQLWsLink(socket), http)]);
  return { client: new ApolloClient({ link, cache }), sent };
}

let manager: string;
let viewer: string;
before(async () => {
  manager = await signIn("manager");
  viewer = await signIn("viewer");
});

async function create(client: ApolloClient, title: string, notes?: string) {
  const variables = { input: notes === undefined ? { title } : { title, notes } };
  const { data } = await client.mutate({ mutation: CreateTaskDocument, variables });
  return present(useFragment(TaskRowFragmentDoc, data?.createTask?.task));
}

/** What a list shows, whenever that is something else. */
function watched(list: ObservableQuery<TaskListQuery, TaskListQueryVariables>) {
  const shown = new Inbox<TaskListQuery>();
  const watching = list.subscribe(({ data, dataState }) => {
    if (dataState === "complete") shown.push(data as TaskListQuery);
  });
  return { shown, stop: () => watching.unsubscribe() };
}

function rows(list: TaskListQuery | null): readonly TaskRowFragment[] {
  return present(list?.tasks).edges.map(({ node }) => useFragment(TaskRowFragmentDoc, node));
}

function titles(list: TaskListQuery | null): string[] {
  return rows(list).map(({ title }) => title);
}

test("pages join in the cache, in order and without a double", async () => {
  const { client, sent } = application(manager);
  const word = mark();
  for (const number of [1, 2, 3, 4, 5]) await create(client, `${word} ${number}`);
  const variables = { first: 2, filter: { titleContains: word } };
  const pages = client.watchQuery({ query: TaskListDocument, variables });
  const { shown, stop } = watched(pages);
  const first = await shown.next();
  assert.deepEqual(titles(first), [`${word} 5`, `${word} 4`]);
  assert.equal(first.tasks?.totalCount, 5);

  let more = present(first.tasks).pageInfo;
  while (more.hasNextPage) {
    const page = await pages.fetchMore({ variables: { after: present(more.endCursor) } });
    more = present(page.data?.tasks).pageInfo;
  }
  const joined = titles(client.readQuery({ query: TaskListDocument, variables }));
  assert.deepEqual(joined, [5, 4, 3, 2, 1].map((number) => `${word} ${number}`));
  assert.equal(sent.filter((name) => name === "TaskList").length, 3);
  stop();
});

test("a mutation's payload changes every list that shows the task, by its global id alone", async () => {
  const { client, sent } = application(manager);
  const row = await create(client, mark());
  const variables = { first: 2, filter: { titleContains: row.title } };
  const { shown, stop } = watched(client.watchQuery({ query: TaskListDocument, variables }));
  assert.equal(rows(await shown.next())[0]?.completed, false);

  const input = { id: row.id, completed: true };
  await client.mutate({ mutation: CompleteTaskDocument, variables: { input } });
  const second = rows(await shown.next())[0];
  assert.deepEqual([second?.id, second?.completed, second?.version], [row.id, true, 2]);
  assert.deepEqual(sent, ["CreateTask", "TaskList", "CompleteTask"], "the list was not fetched again");
  stop();

  const cached = await client.query({ query: TaskDetailsDocument, variables: { id: row.id } });
  assert.ok(cached.data?.node?.__typename === "Task");
  const ids = Object.keys(client.cache.extract() as object).filter((key) => key.startsWith("Task:"));
  assert.deepEqual(ids, [`Task:${row.id}`], "one object, under one id");
});

test("a refusal is an error with a code, a reason and a hint", async () => {
  const { client } = application(manager);
  const row = await create(client, mark());
  const deleting = client.mutate({ mutation: DeleteTaskDocument, variables: { input: { id: row.id } } });
  const refusal = await deleting.then(() => undefined, (error: unknown) => error);
  assert.ok(CombinedGraphQLErrors.is(refusal));
  assert.deepEqual(refusal.errors[0]?.path, ["deleteTask"]);
  const { code, resource, action, tenant, reason, hint } = refusal.errors[0]?.extensions ?? {};
  assert.deepEqual([code, resource, action, tenant, reason],
    ["FORBIDDEN", "task", "delete", "default", "NO_PERMISSION"]);
  assert.match(String(hint), /task:delete/);
});

test("a refused field leaves its siblings", async () => {
  const { id } = await create(application(manager).client, mark(), "Behind the shed");
  const { client } = application(viewer);
  const { data, error } = await client.query({
    query: TaskDetailsDocument, variables: { id }, errorPolicy: "all",
  });
  assert.ok(CombinedGraphQLErrors.is(error));
  assert.deepEqual(error.errors.map(({ path, extensions }) => [path, extensions?.code]).sort(), [
    [["node", "assignee"], "FORBIDDEN"], [["node", "notes"], "FORBIDDEN"], [["node", "owner"], "FORBIDDEN"],
  ]);
  assert.ok(data?.node?.__typename === "Task");
  const card = useFragment(TaskCardFragmentDoc, data.node);
  assert.deepEqual([card.notes, card.owner], [null, null]);
  assert.equal(useFragment(TaskRowFragmentDoc, card).completed, false);
});

test("a token that is not accepted is an error with its reason, and not a broken answer", async () => {
  const { client } = application(`${await token("manager")}x`);
  const error = await client.query({ query: WhoAmIDocument }).then(() => undefined, (error: unknown) => error);
  assert.ok(CombinedGraphQLErrors.is(error), String(error));
  assert.equal(error.errors[0]?.extensions?.code, "UNAUTHENTICATED");
  assert.equal(error.errors[0]?.extensions?.reason, "BAD_SIGNATURE");
});

test("a document that was sent once is called by its hash", async () => {
  const sent: boolean[] = [];
  const http = new HttpLink({
    uri: endpoint,
    headers: { authorization: `Bearer ${manager}` },
    fetch: (url, options) => {
      sent.push("query" in JSON.parse(String(options?.body)));
      return fetch(url, options);
    },
  });
  const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
  const link = new PersistedQueryLink({ sha256 }).concat(http);
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  for (const fetchPolicy of ["cache-first", "network-only"] as const) {
    const { data } = await client.query({ query: WhoAmIDocument, fetchPolicy });
    assert.equal(data?.viewer?.subject, "auth0|sandbox-manager");
  }
  // The hash alone, the document with it, and from then on the hash is enough.
  assert.deepEqual(sent, [false, true, false]);
});

test("what a person can fix arrives as data", async () => {
  const { client } = application(manager);
  const row = await create(client, mark());
  const input = { id: row.id, title: mark(), expectedVersion: 7 };
  const { data, error } = await client.mutate({ mutation: UpdateTaskDocument, variables: { input } });
  assert.equal(error, undefined);
  assert.equal(data?.updateTask?.task, null);
  const problem = useFragment(ProblemFragmentDoc, data?.updateTask?.userErrors)?.[0];
  assert.deepEqual([problem?.code, problem?.currentVersion], [UserErrorCode.VersionConflict, 1]);
});

test("a subscription updates the cache that the list is shown from", async () => {
  const { client } = application(manager);
  const word = mark();
  const row = await create(client, word);
  const list = { query: TaskListDocument, variables: { first: 2, filter: { titleContains: word } } };
  await client.query(list);
  const feed = client.subscribe({ query: TaskFeedDocument, variables: { filter: { titleContains: word } } });
  const changes = new Inbox<TaskFeedSubscription>();
  const listening = feed.subscribe(({ data }) => changes.push(present(data)));

  let renamed = 0;
  const { taskChanged } = await provoked(changes, async () => {
    const input = { id: row.id, title: `${word} ${++renamed}` };
    await application(manager).client.mutate({ mutation: UpdateTaskDocument, variables: { input } });
  });
  assert.equal(taskChanged.kind, TaskChangeKind.Updated);
  assert.equal(taskChanged.taskId, row.id);
  const title = present(useFragment(TaskRowFragmentDoc, taskChanged.task)).title;
  assert.match(title, new RegExp(`^${word} \\d+$`));
  assert.deepEqual(titles(client.readQuery(list)), [title]);
  listening.unsubscribe();
});
