// graphql-ws, alone: who speaks on a socket and how long, and what runs on it side by side.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient, type Client, type ClientOptions } from "graphql-ws";
import { WebSocket } from "ws";
import { useFragment } from "./gql/index.js";
import {
  CreateTaskDocument, GiveRoleDocument, InviteDocument, MyPermissionsDocument, PersonFragmentDoc, TakeRoleDocument,
  TaskChangeKind, TaskFeedDocument, TaskListDocument, TaskRowFragmentDoc, WhoAmIDocument,
  type MyPermissionsSubscription, type TaskFeedSubscription,
} from "./gql/graphql.js";
import {
  Inbox, mark, orderedToken, present, provoked, signIn, socketEndpoint, start, told, type Answer, type Refusal,
} from "./support.js";

const clients: Client[] = [];
after(() => Promise.all(clients.map((client) => client.dispose())));

function connected(bearer: string, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    url: socketEndpoint,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${bearer}` },
    retryAttempts: 0,
    ...options,
  });
  clients.push(client);
  return client;
}

let manager: string;
before(async () => { manager = await signIn("manager"); });

function feed(client: Client, word: string) {
  return start(client, TaskFeedDocument, { filter: { titleContains: word } });
}

async function create(title: string): Promise<void> {
  await told(manager, CreateTaskDocument, { input: { title } });
}

function change(answer: Answer<TaskFeedSubscription>) {
  assert.equal(answer.errors, undefined);
  const { kind, task } = present(answer.data).taskChanged;
  return [kind, useFragment(TaskRowFragmentDoc, task)?.title];
}

test("a task that is created is told to whoever listens", async () => {
  const word = mark();
  const { answers, stop } = feed(connected(manager), word);
  assert.deepEqual(change(await provoked(answers, () => create(word))), [TaskChangeKind.Created, word]);
  stop();
});

test("queries and mutations run on the same socket", async () => {
  const client = connected(manager);
  const title = mark();
  const created = start(client, CreateTaskDocument, { input: { title } });
  const row = useFragment(TaskRowFragmentDoc, (await created.answers.next()).data?.createTask?.task);
  assert.equal(row?.title, title);
  assert.equal(await created.ends.next(), "complete");
  const listed = start(client, TaskListDocument, { first: 1, filter: { titleContains: title } });
  assert.equal((await listed.answers.next()).data?.tasks?.totalCount, 1);
  assert.equal(await listed.ends.next(), "complete");
});

test("several subscriptions share a socket, and each hears only its own", async () => {
  const sockets: unknown[] = [];
  const client = connected(manager, { on: { connected: (socket) => sockets.push(socket) } });
  const words = [mark(), mark(), mark()];
  const feeds = words.map((word) => feed(client, word));
  for (const [index, word] of words.entries()) {
    const { answers } = present(feeds[index]);
    assert.deepEqual(change(await provoked(answers, () => create(word))), [TaskChangeKind.Created, word]);
  }
  const [first, second, third] = feeds;
  present(first).stop();
  assert.equal(await present(first).ends.next(), "complete");
  for (const { answers } of feeds) answers.rest();
  await create(`${words[0]} ${words[1]}`);
  assert.deepEqual(change(await present(second).answers.next()), [TaskChangeKind.Created, `${words[0]} ${words[1]}`]);
  assert.deepEqual(present(first).answers.rest(), []);
  assert.deepEqual(present(third).answers.rest(), []);
  assert.equal(sockets.length, 1);
});

test("a subscription that is not permitted is refused, and the socket stays", async () => {
  const client = connected(await signIn("newcomer"));
  const refused = feed(client, mark());
  const [refusal] = present((await refused.answers.next()).errors);
  assert.equal(refusal?.extensions.code, "FORBIDDEN");
  assert.equal(refusal?.extensions.reason, "NO_ROLE_IN_TENANT");
  assert.equal(await refused.ends.next(), "complete");
  const { answers } = start(client, WhoAmIDocument, {});
  assert.equal((await answers.next()).data?.viewer?.subject, "auth0|sandbox-newcomer");
});

test("a document that is not valid is refused, and the socket stays", async () => {
  const client = connected(manager);
  const invalid = start(client, "subscription { taskChanged { colour } }", {});
  const [refusal] = await invalid.ends.next() as Refusal[];
  assert.deepEqual(invalid.answers.rest(), []);
  assert.equal(refusal?.extensions.code, "GRAPHQL_VALIDATION_FAILED");
  const { answers } = start(client, WhoAmIDocument, {});
  assert.equal((await answers.next()).data?.viewer?.subject, "auth0|sandbox-manager");
});

test("a token that is not accepted closes the socket with 4403 and says why", async () => {
  const { ends } = start(connected(`${manager}x`), WhoAmIDocument, {});
  const close = await ends.next() as CloseEvent;
  assert.equal(close.code, 4403);
  assert.match(close.reason, /^BAD_SIGNATURE: /);
});

test("a socket outlives its token when a ping brings the next one, and ends with it otherwise", async () => {
  const endsAt = Math.floor(Date.now() / 1000) + 3;
  const expiring = await orderedToken({ exp: endsAt });
  const word = mark();
  const closed = feed(connected(expiring), word).ends;

  const pongs = new Inbox<Record<string, unknown> | undefined>();
  const acknowledged = new Inbox<Record<string, unknown> | undefined>();
  let renew: ((bearer: string) => void) | undefined;
  const client = connected(expiring, {
    on: {
      connected: (socket, payload) => {
        acknowledged.push(payload as Record<string, unknown>);
        renew = (bearer) => (socket as WebSocket).send(
          JSON.stringify({ type: "ping", payload: { authorization: `Bearer ${bearer}` } }),
        );
      },
      pong: (_received, payload) => pongs.push(payload),
    },
  });
  const { answers, stop } = feed(client, word);
  assert.equal(Date.parse(String((await acknowledged.next())?.expiresAt)), endsAt * 1000);
  present(renew)(manager);
  const renewed = Date.parse(String((await pongs.next())?.expiresAt));
  assert.ok(renewed > endsAt * 1000);

  const close = await closed.next() as CloseEvent;
  assert.deepEqual([close.code, close.reason], [4403, "Token expired"]);
  assert.deepEqual(change(await provoked(answers, () => create(word))), [TaskChangeKind.Created, word]);
  stop();
});

test("whoever is given a role, or loses it, hears of it at once and without a new token", async () => {
  const admin = await signIn("admin");
  const subject = `auth0|client-${mark()}`;
  const { createUser } = await told(admin, InviteDocument, { input: { subject } });
  const userId = present(useFragment(PersonFragmentDoc, createUser?.user)).id;
  const input = { userId, role: "viewer" };
  const invited = await orderedToken({ sub: subject });
  const { answers, stop } = start(connected(invited), MyPermissionsDocument, {});
  let has = false;
  const toggle = async (): Promise<void> => {
    await told(admin, has ? TakeRoleDocument : GiveRoleDocument, { input });
    has = !has;
  };
  const permissions = (answer: Answer<MyPermissionsSubscription>): string[] =>
    present(answer.data).viewerPermissionsChanged.permissions;
  const held = (): string[] => has ? ["task:check", "task:get"] : [];

  let known = permissions(await provoked(answers, toggle));
  // Another change may have been on its way.
  if (known.length !== held().length) known = permissions(await answers.next());
  assert.deepEqual(known, held());
  for (let change = 0; change < 2; change++) {
    await toggle();
    assert.deepEqual(permissions(await answers.next()), held());
  }
  stop();
});

test("a token of somebody else renews nothing", async () => {
  const pings: (() => void)[] = [];
  const viewer = await signIn("viewer");
  const client = connected(manager, {
    on: {
      connected: (socket) => pings.push(() => (socket as WebSocket).send(
        JSON.stringify({ type: "ping", payload: { authorization: `Bearer ${viewer}` } }),
      )),
    },
  });
  const { ends } = feed(client, mark());
  await start(client, WhoAmIDocument, {}).answers.next();
  present(pings[0])();
  const close = await ends.next() as CloseEvent;
  assert.deepEqual([close.code, close.reason], [4403, "Token of another subject"]);
});
