// graphql-sse: one connection for each operation.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { NetworkError, createClient, type Client } from "graphql-sse";
import { useFragment } from "./gql/index.js";
import {
  CreateTaskDocument, TaskChangeKind, TaskFeedDocument, TaskListDocument, TaskRowFragmentDoc, WhoAmIDocument,
} from "./gql/graphql.js";
import { endpoint, mark, present, provoked, signIn, start, told, token, type Answer } from "./support.js";

function connected(bearer: string): Client {
  return createClient({ url: endpoint, headers: { authorization: `Bearer ${bearer}` }, retryAttempts: 0 });
}

let manager: string;
before(async () => { manager = await signIn("manager"); });

test("a query is one event, and the end", async () => {
  const title = mark();
  await told(manager, CreateTaskDocument, { input: { title } });
  const { answers, ends } = start(connected(manager), TaskListDocument, { first: 5, filter: { titleContains: title } });
  const { data, errors } = await answers.next();
  assert.equal(errors, undefined);
  assert.equal(useFragment(TaskRowFragmentDoc, data?.tasks?.edges[0]?.node)?.title, title);
  assert.equal(await ends.next(), "complete");
});

test("a subscription tells of changes until it is stopped", async () => {
  const word = mark();
  const { answers, ends, stop } = start(connected(manager), TaskFeedDocument, { filter: { titleContains: word } });
  const { data } = await provoked(answers, () => told(manager, CreateTaskDocument, { input: { title: word } }));
  const { kind, task } = present(data).taskChanged;
  assert.equal(kind, TaskChangeKind.Created);
  assert.equal(useFragment(TaskRowFragmentDoc, task)?.title, word);
  stop();
  assert.equal(await ends.next(), "complete");
});

test("a subscription that is not permitted is told so in its stream", async () => {
  const { answers, ends } = start(connected(await token("newcomer")), TaskFeedDocument, {});
  const { errors } = await answers.next();
  assert.equal(errors?.[0]?.extensions.code, "FORBIDDEN");
  assert.equal(await ends.next(), "complete");
});

test("a document that is not valid is told so in its stream", async () => {
  const { answers, ends } = start(connected(manager), "subscription { taskChanged { colour } }", {});
  const { errors } = await answers.next();
  assert.equal(errors?.[0]?.extensions.code, "GRAPHQL_VALIDATION_FAILED");
  assert.equal(await ends.next(), "complete");
});

test("a token that is not accepted is an error before the stream", async () => {
  const { ends } = start(connected(`${manager}x`), WhoAmIDocument, {});
  const end = await ends.next();
  assert.ok(end instanceof NetworkError);
  const response = present(end.response) as Response;
  const { errors } = await response.json() as Answer<never>;
  assert.equal(response.status, 401);
  const { code, reason } = present(errors?.[0]).extensions;
  assert.deepEqual([code, reason], ["UNAUTHENTICATED", "BAD_SIGNATURE"]);
});
