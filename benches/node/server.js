// The list of tasks, and one task, as a Node server answers them: GraphQL Yoga, Permit's SDK behind a data loader, the
// token verified against cached keys, rows from SQLite or PostgreSQL. One process. Settings come as JSON in the first
// argument; when it listens it prints its port.
import { createServer } from "node:http";
import DataLoader from "dataloader";
import { GraphQLError } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { Permit } from "permitio";
import { openRows } from "./rows.js";

const settings = JSON.parse(process.argv[2]);
const rows = await openRows(settings.database);
const keys = createRemoteJWKSet(new URL(settings.jwks));
const permit = new Permit({ pdp: settings.pdp, token: settings.key, throwOnError: true, log: { level: "error" } });

const typeDefs = /* GraphQL */ `
  type Query { tasks(first: Int = 20): TaskConnection task(id: ID!): Task }
  type TaskConnection { nodes: [Task!]! }
  type Task { id: ID! title: String! completed: Boolean! viewerPermissions: TaskPermissions! }
  type TaskPermissions { canUpdate: PermissionResult! canDelete: PermissionResult! }
  type PermissionResult { allowed: Boolean! }
`;

// All checks that are pending together are one call; equal ones are asked once.
function checks() {
  return new DataLoader((asked) => permit.bulkCheck([...asked]), {
    cacheKeyFn: ({ user, action, resource }) => `${user} ${action} ${resource.type} ${resource.tenant}`,
  });
}

function can({ user, tenant, decisions }, action) {
  return decisions.load({ user, action, resource: { type: "task", tenant } });
}

async function demand(context, action) {
  if (!(await can(context, action))) {
    throw new GraphQLError(`You may not do this: it needs task:${action}.`, { extensions: { code: "FORBIDDEN" } });
  }
}

const button = (action) => async (_, __, context) => ({ allowed: await can(context, action) });

const resolvers = {
  Query: {
    async tasks(_, { first }, context) {
      await demand(context, "get");
      return { nodes: await rows.newest(context.tenant, first) };
    },
    async task(_, { id }, context) {
      await demand(context, "get");
      return rows.one(context.tenant, Buffer.from(id, "base64url").toString().slice("Task:".length));
    },
  },
  Task: {
    id: (task) => Buffer.from(`Task:${task.id}`).toString("base64url"),
    completed: (task) => task.completed_at !== null,
    viewerPermissions: () => ({}),
  },
  TaskPermissions: { canUpdate: button("update"), canDelete: button("delete") },
};

async function context({ request }) {
  const token = request.headers.get("authorization")?.replace(/^Bearer /, "");
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: settings.issuer,
      audience: settings.audience,
      algorithms: ["RS256"],
    });
    return { user: payload.sub, tenant: payload.org_id ?? "default", decisions: checks() };
  } catch {
    throw new GraphQLError("This token is not accepted.", {
      extensions: { code: "UNAUTHENTICATED", http: { status: 401 } },
    });
  }
}

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context,
  graphiql: false,
  landingPage: false,
  logging: false,
});
const server = createServer(yoga);
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
