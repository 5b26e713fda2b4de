// The console in headless Chromium: no other origin, no violation of its policy, two personas.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const server = process.env.TASKGATE_URL;
const issuer = process.env.ISSUER_URL;
let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync",
    ],
  });
});
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

async function runAs(page, persona) {
  await page.selectOption("#persona", persona);
  await page.waitForFunction((name) => document.getElementById("who").textContent.includes(`as ${name} `), persona);
  const answered = page.waitForResponse((response) =>
    response.url().endsWith("/graphql") && response.request().postData()?.includes("mutation Login"));
  await page.click(".graphiql-execute-button");
  return (await answered).json();
}

for (const path of ["/", "/graphql"]) {
  test(`two personas run a query at ${path}`, async () => {
    const { page, seen } = await open(path);
    assert.deepEqual([...seen.origins], [server], "nothing is loaded from elsewhere");

    for (const persona of ["manager", "viewer"]) {
      const answer = await runAs(page, persona);
      assert.equal(answer.data.login.viewer.subject, `auth0|sandbox-${persona}`);
      assert.equal(answer.data.login.ready, true);
    }

    assert.deepEqual([...seen.origins].sort(), [server, issuer].sort(), "only the issuer was asked for tokens");
    assert.deepEqual(seen.complaints, []);
    await page.close();
  });
}
