// What the tests share: the sandbox's addresses, tokens, and one typed request without any client library.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { SignInDocument } from "./gql/graphql.js";

export type Persona = "admin" | "manager" | "viewer" | "newcomer";

export const endpoint = `${process.env.TASKGATE_URL}/graphql`;
export const socketEndpoint = endpoint.replace("http", "ws");
const issuer = process.env.ISSUER_URL;

export async function token(persona: Persona): Promise<string> {
  return (await fetch(`${issuer}/sandbox/token/${persona}`)).text();
}

/** A token of the manager that is different in these claims. */
export async function orderedToken(claims: Record<string, unknown>): Promise<string> {
  const body = JSON.stringify({ claims: { sub: "auth0|sandbox-manager", ...claims } });
  return (await fetch(`${issuer}/sandbox/token`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body,
  })).text();
}

export interface Refusal {
  message: string;
  path?: (string | number)[];
  extensions: { code: string; reason?: string; hint?: string; requestId?: string; [name: string]: unknown };
}

export interface Answer<Data> {
  data?: Data | null;
  errors?: Refusal[];
}

export async function ask<Data, Variables>(
  bearer: string, document: TypedDocumentNode<Data, Variables>, variables: Variables,
): Promise<Answer<Data>> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" },
    body: JSON.stringify({ query: print(document), variables }),
  });
  return await response.json() as Answer<Data>;
}

/** The data of an answer without errors. */
export async function told<Data, Variables>(
  bearer: string, document: TypedDocumentNode<Data, Variables>, variables: Variables,
): Promise<Data> {
  const answer = await ask(bearer, document, variables);
  assert.equal(answer.errors, undefined);
  return present(answer.data);
}

/** Signs a persona in, and answers the token. */
export async function signIn(persona: Persona): Promise<string> {
  const bearer = await token(persona);
  const { login } = await told(bearer, SignInDocument, {});
  assert.equal(login?.ready, true);
  return bearer;
}

/** The value, which has to be there. */
export function present<Value>(value: Value): NonNullable<Value> {
  assert.ok(value !== null && value !== undefined);
  return value;
}

/** A word that no other test uses in its titles. */
export function mark(): string {
  return randomUUID().slice(0, 13);
}

/** Collects what is pushed, for a test that waits for it. */
export class Inbox<Item> {
  private readonly items: Item[] = [];
  private readonly waiting: ((item: Item) => void)[] = [];

  readonly push = (item: Item): void => {
    const first = this.waiting.shift();
    if (first) first(item);
    else this.items.push(item);
  };

  /** The next item; a minute without one fails the test. */
  async next(): Promise<Item> {
    const item = this.items.shift();
    if (item !== undefined) return item;
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error("nothing came within a minute")), 60_000);
      this.waiting.push((arrived) => { clearTimeout(deadline); resolve(arrived); });
    });
  }

  /** Everything that nobody has waited for. */
  rest(): Item[] {
    return this.items.splice(0);
  }
}

/** What clients of subscriptions have in common. */
interface Subscriber {
  subscribe(
    operation: { query: string; variables: Record<string, unknown> },
    sink: { next(answer: unknown): void; error(reason: unknown): void; complete(): void },
  ): () => void;
}

/** Starts an operation; what it answers, and what ends it, come into the inboxes. */
export function start<Data, Variables extends Record<string, unknown>>(
  client: Subscriber, document: TypedDocumentNode<Data, Variables> | string, variables: Variables,
) {
  const answers = new Inbox<Answer<Data>>();
  const ends = new Inbox<unknown>();
  const query = typeof document === "string" ? document : print(document);
  const stop = client.subscribe({ query, variables }, {
    next: answers.push as (answer: unknown) => void,
    error: ends.push,
    complete: () => ends.push("complete"),
  });
  return { answers, ends, stop };
}

/**
 * Acts again and again until something came of it: no protocol says when a subscription listens, and what happens
 * before is not told.
 */
export async function provoked<Item>(inbox: Inbox<Item>, act: () => Promise<unknown>): Promise<Item> {
  let hasCome = false;
  const next = inbox.next().finally(() => { hasCome = true; });
  const acting = (async () => {
    while (!hasCome) {
      await act();
      await Promise.race([next, pause(100)]);
    }
  })();
  await Promise.all([next, acting]);
  return next;
}
