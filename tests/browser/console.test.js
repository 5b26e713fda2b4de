// The console in headless Chromium: no other origin, no violation of its policy, and a persona for all tabs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./browser.js";

const server = process.env.TASKGATE_URL;
const issuer = process.env.ISSUER_URL;
let browser;

before(async () => { browser = await launch(); });
after(() => browser.close());

async function open(path) {
  const page = await browser.newPage();
  const seen = { complaints: [], origins: new Set() };
  page.on("console", (message) => { if (message.type() === "error") seen.complaints.push(message.text()); });
  page.on("pageerror", (error) => seen.complaints.push(String(error)));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:") seen.origins.add(url.origin);
  });
  await page.goto(server + path);
  await page.waitForSelector(".graphiql-execute-button");
  return { page, seen };
}

async function become(page, persona) {
  await page.selectOption("#persona", persona);
  await page.waitForFunction((name) => document.getElementById("who").textContent.includes(`as ${name} `), persona);
}

// Runs what the active tab shows.
async function run(page) {
  const asked = page.waitForRequest((request) =>
    request.method() === "POST" && request.url().endsWith("/graphql") && !request.postData().includes("__schema"));
  await page.click(".graphiql-execute-button");
  const request = await asked;
  return { request, answer: await (await request.response()).json() };
}

async function runTab(page, title) {
  await page.click(`.graphiql-tab-button:text-is("${title}")`);
  return (await run(page)).answer;
}

for (const path of ["/", "/graphql"]) {
  test(`whoever is signed in is so in every tab at ${path}`, async () => {
    const { page, seen } = await open(path);
    assert.deepEqual([...seen.origins], [server], "nothing is loaded from elsewhere");
    assert.deepEqual(
      await page.locator(".graphiql-tab-button").allTextContents(),
      ["Step1_SignIn", "Step2_CreateTask", "Step3_Tasks", "Step4_DeleteTask", "Step5_WhoAmI", "Step6_Watch"],
    );

    await become(page, "manager");
    const login = await runTab(page, "Step1_SignIn");
    assert.equal(login.data.login.viewer.subject, "auth0|sandbox-manager");
    assert.equal(login.data.login.ready, true);
    const created = await runTab(page, "Step2_CreateTask");
    assert.ok(created.data.createTask.task.id);
    const listed = await runTab(page, "Step3_Tasks");
    assert.ok(listed.data.tasks.nodes.some((task) => task.id === created.data.createTask.task.id));

    await become(page, "viewer");
    const viewer = await runTab(page, "Step1_SignIn");
    assert.equal(viewer.data.login.viewer.subject, "auth0|sandbox-viewer", "a tab that ran before");
    const refused = await runTab(page, "Step2_CreateTask");
    assert.equal(refused.errors[0].extensions.code, "FORBIDDEN");

    await page.click(".graphiql-tab-add");
    await page.click(".graphiql-query-editor .CodeMirror");
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText("{ viewer { subject } }");
    const added = await run(page);
    assert.equal(added.answer.data.viewer.subject, "auth0|sandbox-viewer", "a tab that is new");

    assert.deepEqual([...seen.origins].sort(), [server, issuer].sort(), "only the issuer was asked for tokens");
    assert.deepEqual(seen.complaints, []);
    await page.close();
  });
}

test("the token can be copied, and is gone when the next one cannot be had", async () => {
  const { page } = await open("/");
  await become(page, "manager");
  const authorization = await page.inputValue("#authorization");
  assert.match(authorization, /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.click("#copy");
  assert.equal(`Bearer ${await page.evaluate(() => navigator.clipboard.readText())}`, authorization);
  assert.equal((await run(page)).request.headers().authorization, authorization);

  await page.route(`${issuer}/**`, (route) => route.fulfill({ status: 500 }));
  await page.selectOption("#persona", "viewer");
  await page.waitForFunction(() => document.getElementById("who").textContent.includes("Nobody is signed in: no token"));
  assert.equal(await page.isVisible("#authorization"), false);
  const { request, answer } = await run(page);
  assert.equal(request.headers().authorization, undefined);
  assert.equal(answer.errors[0].extensions.code, "UNAUTHENTICATED");
  await page.close();
});

test("a subscription runs over a socket of this origin, as whoever is signed in", async () => {
  const { page, seen } = await open("/");
  await become(page, "manager");
  await runTab(page, "Step1_SignIn");
  const authorization = await page.inputValue("#authorization");
  // The frames may come before anybody else is told of the socket.
  const opened = new Promise((resolve) => page.once("websocket", (socket) => {
    const isAcknowledged = (frame) => frame.payload.includes("connection_ack");
    resolve({ socket, acknowledged: socket.waitForEvent("framereceived", isAcknowledged) });
  }));
  await page.click('.graphiql-tab-button:text-is("Step6_Watch")');
  await page.click(".graphiql-execute-button");
  const { socket, acknowledged } = await opened;
  assert.equal(socket.url(), `${server.replace(/^http/, "ws")}/graphql`);
  assert.match((await acknowledged).payload, /expiresAt/, "somebody is signed in");

  const query = 'mutation { createTask(input: { title: "Seen by the console" }) { task { id } } }';
  const body = JSON.stringify({ query });
  const headers = { authorization, "content-type": "application/json" };
  // Nothing tells when a subscription has begun, so there is something to hear until it is heard.
  const told = page.waitForFunction(() => document.querySelector(".result-window").textContent.includes("Seen by the"));
  let heard = false;
  told.then(() => { heard = true; }, () => {});
  for (let attempt = 0; !heard && attempt < 100; attempt += 1) {
    await (await fetch(`${server}/graphql`, { method: "POST", headers, body })).json();
  }
  await told;
  assert.deepEqual(seen.complaints, []);
  await page.close();
});

test("the variables of the tab that needs some are open", async () => {
  const { page } = await open("/");
  await page.click('.graphiql-tab-button:text-is("Step4_DeleteTask")');
  const variables = page.locator(".graphiql-editor-tool .CodeMirror-line:visible");
  assert.equal(await variables.first().textContent(), '{ "id": "" }');
  await page.close();
});

test("comments are read whole at a width of 1400", async () => {
  const { page } = await open("/");
  await page.setViewportSize({ width: 1400, height: 900 });
  for (const tab of await page.locator(".graphiql-tab-button").all()) {
    await tab.click();
    const [text, pane] = await page.evaluate(() => {
      const scroller = document.querySelector(".graphiql-query-editor .CodeMirror-scroll");
      return [scroller.scrollWidth, scroller.clientWidth];
    });
    assert.ok(text <= pane, `${await tab.textContent()}: ${text} in ${pane}`);
  }
  await page.close();
});
