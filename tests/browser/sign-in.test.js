// Auth0's SDK for single-page applications, unchanged, signs people in at the sandbox and calls the API from another
// origin.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch } from "./browser.js";

const server = process.env.TASKGATE_URL;
const issuer = process.env.ISSUER_URL;
const application = process.env.APPLICATION_URL;

/** What the application at each path asks Auth0 for. */
const SETTINGS = {
  "/renewing": { useRefreshTokens: true, parameters: {} },
  "/plain": { useRefreshTokens: false, parameters: {} },
  "/members": { useRefreshTokens: false, parameters: { organization: "org_outside" } },
};

let browser;
let applications;
before(async () => {
  const [page, sdk] = await Promise.all([
    readFile(new URL("application.html", import.meta.url), "utf8"),
    readFile(new URL("node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.js", import.meta.url)),
  ]);
  applications = createServer((request, response) => {
    const { pathname } = new URL(request.url, application);
    if (pathname === "/auth0.js") return response.setHeader("Content-Type", "text/javascript").end(sdk);
    const settings = JSON.stringify({ server, issuer, ...SETTINGS[pathname] });
    const told = page.replace("<script>", `<script>\n  const settings = ${settings};`);
    return response.setHeader("Content-Type", "text/html").end(told);
  });
  await new Promise((listening) => applications.listen(new URL(application).port, "127.0.0.1", listening));
  browser = await launch();
});
after(async () => {
  await browser.close();
  applications.close();
});

/** Somebody's browser, with no session from another test. */
let page;
beforeEach(async () => { page = await (await browser.newContext()).newPage(); });
afterEach(() => page.context().close());

const who = () => page.textContent("#who");
async function shows(text) {
  await page.waitForFunction((expected) => document.getElementById("who")?.textContent.includes(expected), text);
}

async function open(path) {
  await page.goto(application + path);
  await shows("Nobody is signed in");
}

async function choose(window, persona) {
  await window.waitForSelector("text=Who are you today?");
  await window.click(`button[value=${persona}]`);
}

async function signIn(path, persona) {
  await open(path);
  await page.click("#sign-in");
  await choose(page, persona);
  await shows(`auth0|sandbox-${persona}`);
}

/** What the API answers to the application. */
const ask = (query, variables) => page.evaluate(([query, variables]) => ask(query, variables), [query, variables]);
const token = (options) => page.evaluate((options) => client.getTokenSilently(options), options);
const claims = (jwt) => JSON.parse(Buffer.from(jwt.split(".")[1], "base64url"));

test("a manager signs in by redirect and works with tasks from another origin", async () => {
  await signIn("/renewing", "manager");
  assert.equal(await who(), "Sandbox Manager (auth0|sandbox-manager)");
  assert.equal(new URL(page.url()).search, "");
  const { aud, scope } = claims(await token());
  assert.deepEqual(aud, ["https://taskgate.example/api", `${issuer}/userinfo`]);
  assert.equal(scope, "openid profile email offline_access");

  const { data } = await ask("mutation { login { ready viewer { subject user { name } } } }");
  assert.deepEqual(data.login, {
    ready: true, viewer: { subject: "auth0|sandbox-manager", user: { name: "Sandbox Manager" } },
  });
  const created = await ask('mutation { createTask(input: { title: "From the browser" }) { task { id title } } }');
  const { id, title } = created.data.createTask.task;
  assert.equal(title, "From the browser");
  const refused = await ask("mutation($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }", { id });
  assert.equal(refused.data.deleteTask, null);
  assert.equal(refused.errors[0].extensions.code, "FORBIDDEN");
});

test("a role that Auth0 gives comes with the next token, which nobody has to sign in for", async () => {
  const give = (roles) => fetch(`${issuer}/sandbox/users/newcomer`, {
    method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ roles }),
  });
  const login = "mutation { login { ready roleOutcomes { role outcome } } }";
  await signIn("/renewing", "newcomer");
  assert.deepEqual((await ask(login)).data.login.roleOutcomes, []);
  assert.equal((await ask("{ tasks { totalCount } }")).errors[0].extensions.reason, "NO_ROLE_IN_TENANT");
  const first = await token();
  await give(["viewer"]);

  const grants = [];
  page.context().on("request", (request) => {
    const isExchange = request.url() === `${issuer}/oauth/token`;
    if (isExchange) grants.push(new URLSearchParams(request.postData()).get("grant_type"));
  });
  const second = await token({ cacheMode: "off" });
  assert.notEqual(second, first);
  assert.deepEqual((await ask(login)).data.login.roleOutcomes, [{ role: "viewer", outcome: "ASSIGNED" }]);
  assert.equal(typeof (await ask("{ tasks { totalCount } }")).data.tasks.totalCount, "number");

  await give([]);
  await token({ cacheMode: "off" });
  assert.deepEqual((await ask(login)).data.login.roleOutcomes, [{ role: "viewer", outcome: "REMOVED" }]);
  assert.deepEqual(grants, ["refresh_token", "refresh_token"]);
});

test("whoever reloads the page is still signed in, and gets a new token in a frame that nobody sees", async () => {
  await signIn("/plain", "viewer");
  const unseen = [];
  page.on("request", (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname === "/authorize") unseen.push([searchParams.get("prompt"), searchParams.get("response_mode")]);
  });
  await page.reload();
  await shows("auth0|sandbox-viewer");
  assert.equal(claims(await token({ cacheMode: "off" })).sub, "auth0|sandbox-viewer");
  assert.deepEqual(unseen, [["none", "web_message"], ["none", "web_message"]]);
  assert.equal((await ask("{ viewer { subject } }")).data.viewer.subject, "auth0|sandbox-viewer");
});

test("whoever signs in again is not asked who they are, until they sign out", async () => {
  await signIn("/plain", "viewer");
  await page.goto(`${application}/renewing`);
  await shows("Nobody is signed in");
  await page.click("#sign-in");
  await shows("auth0|sandbox-viewer");

  await page.click("#sign-out");
  await shows("Nobody is signed in");
  assert.equal(page.url(), `${application}/renewing`);
  const problem = await page.evaluate(() => client.getTokenSilently().catch((error) => error.error));
  assert.ok(["login_required", "missing_refresh_token"].includes(problem), problem);
  await page.click("#sign-in");
  await choose(page, "manager");
  await shows("auth0|sandbox-manager");
});

test("somebody signs in in a window of its own", async () => {
  await open("/plain");
  const [popup] = await Promise.all([page.waitForEvent("popup"), page.click("#sign-in-here")]);
  await choose(popup, "admin");
  await shows("auth0|sandbox-admin");
  assert.equal(popup.isClosed() || (await popup.waitForEvent("close"), true), true);
  const { data } = await ask("mutation { login { viewer { subject permissions } } }");
  assert.equal(data.login.viewer.subject, "auth0|sandbox-admin");
  assert.ok(data.login.viewer.permissions.includes("user:delete"));
});

test("a member signs in to their organization, and the API is about its tenant", async () => {
  await open("/members");
  await page.click("#sign-in");
  await choose(page, "outsider");
  await shows("auth0|sandbox-outsider");
  assert.equal((await ask("{ viewer { tenant } }")).data.viewer.tenant, "org_outside");
});

test("somebody who is no member is told so by the application", async () => {
  await open("/members");
  await page.click("#sign-in");
  await choose(page, "manager");
  await shows("Nobody is signed in");
  assert.match(await page.textContent("#problem"), /^access_denied: .*is not part of the org_outside organization$/);
});

test("an application of an origin that may call opens a socket", async () => {
  await signIn("/plain", "manager");
  await ask("mutation { login { ready } }");
  const answer = await page.evaluate(async () => {
    const authorization = `Bearer ${await client.getTokenSilently()}`;
    const socket = new WebSocket(`${settings.server.replace("http", "ws")}/graphql`, "graphql-transport-ws");
    const say = (message) => socket.send(JSON.stringify(message));
    return new Promise((resolve, reject) => {
      socket.onopen = () => say({ type: "connection_init", payload: { authorization } });
      socket.onclose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
      socket.onmessage = ({ data }) => {
        const { type, payload } = JSON.parse(data);
        const asked = { id: "1", type: "subscribe", payload: { query: "{ viewer { subject } }" } };
        if (type === "connection_ack") say(asked);
        else if (type === "next") resolve(payload.data);
      };
    });
  });
  assert.deepEqual(answer, { viewer: { subject: "auth0|sandbox-manager" } });
});
