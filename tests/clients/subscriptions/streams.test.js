"use strict";
// The reference clients of graphql-transport-ws and graphql-sse, unchanged, as the README uses them.
const assert = require("node:assert/strict");
const { before, test } = require("node:test");
const sse = require("graphql-sse");
const ws = require("graphql-ws");
const WebSocket = require("ws");

const url = `${process.env.TASKGATE_URL}/graphql`;
const WATCH = "subscription { taskChanged { kind task { title } } }";
let authorization;

before(async () => {
  authorization = `Bearer ${await (await fetch(`${process.env.ISSUER_URL}/sandbox/token/manager`)).text()}`;
  assert.equal((await ask("mutation { login { ready } }")).data.login.ready, true);
});

async function ask(query) {
  const headers = { authorization, "content-type": "application/json" };
  return (await fetch(url, { method: "POST", headers, body: JSON.stringify({ query }) })).json();
}

const overSocket = (more) => ws.createClient({
  url: url.replace(/^http/, "ws"),
  webSocketImpl: WebSocket,
  retryAttempts: 0,
  connectionParams: async () => ({ authorization }),
  ...more,
});
const overStream = (more) => sse.createClient({
  url,
  retryAttempts: 0,
  headers: async () => ({ authorization }),
  ...more,
});

// Nothing tells when a subscription has begun, so there is something to hear until it is heard.
async function hears(events, title) {
  const heard = events.next();
  let settled = false;
  heard.finally(() => { settled = true; }).catch(() => {});
  while (!settled) await ask(`mutation { createTask(input: { title: "${title}" }) { task { id } } }`);
  const { value } = await heard;
  assert.deepEqual(value.data.taskChanged, { kind: "CREATED", task: { title } });
  await events.return();
}

test("graphql-ws hears of a task", async () => {
  const client = overSocket();
  await hears(client.iterate({ query: WATCH }), "by graphql-ws");
  const { value } = await client.iterate({ query: "query Q { viewer { subject } }", operationName: "Q" }).next();
  assert.equal(value.data.viewer.subject, "auth0|sandbox-manager");
  await client.dispose();
});

test("graphql-ws renews its token in place", async () => {
  let client;
  const renewed = await new Promise((resolve, reject) => {
    client = overSocket({
      lazy: false,
      on: {
        connected: (socket, payload) => {
          assert.ok(Date.parse(payload.expiresAt) > Date.now());
          socket.send(JSON.stringify({ type: "ping", payload: { authorization } }));
        },
        pong: (received, payload) => resolve(payload),
        closed: reject,
      },
    });
  });
  assert.ok(Date.parse(renewed.expiresAt) > Date.now());
  await client.dispose();
});

test("graphql-ws is told why it is not let in, and why a document is not executed", async () => {
  const stranger = overSocket({ connectionParams: { authorization: "Bearer a.b.c" } });
  await assert.rejects(stranger.iterate({ query: WATCH }).next(), (closed) => closed.code === 4403 && closed.reason.startsWith("MALFORMED"));
  const client = overSocket();
  await assert.rejects(client.iterate({ query: "{ nothing }" }).next(), ([error]) => error.extensions.code === "GRAPHQL_VALIDATION_FAILED");
  await client.dispose();
});

test("graphql-sse hears of a task", async () => {
  const client = overStream();
  await hears(client.iterate({ query: WATCH }), "by graphql-sse");
  const { value } = await client.iterate({ query: "{ viewer { subject } }" }).next();
  assert.equal(value.data.viewer.subject, "auth0|sandbox-manager");
  client.dispose();
});

test("graphql-sse is told why it is not let in, and why a document is not executed", async () => {
  const stranger = overStream({ headers: { authorization: "Bearer a.b.c" } });
  await assert.rejects(stranger.iterate({ query: WATCH }).next(), (error) => error.response.status === 401);
  const client = overStream();
  const { value } = await client.iterate({ query: "{ nothing }" }).next();
  assert.equal(value.errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
  client.dispose();
});
