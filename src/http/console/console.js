"use strict";
// The console: GraphiQL on this server's own API, example operations, and in the sandbox a menu of personas.

// GraphiQL names a tab after its operation, and its narrowest pane shows 45 characters.
const EXAMPLES = [
  { query: `# Choose "manager" above, then run this:
# it copies the account and its roles to
# Permit. Go on from tab to tab.
mutation Step1_SignIn {
  login {
    ready
    roleOutcomes { role outcome detail }
    viewer { subject tenant permissions }
    warnings
  }
}` },
  { query: `mutation Step2_CreateTask {
  createTask(input: {
    title: "Write the report"
    notes: "Two pages"
  }) {
    task { id title version }
    userErrors { code field message }
  }
}` },
  { query: `# However many rows, one call to the PDP:
# see "authz" in the extensions.
query Step3_Tasks {
  tasks(first: 20) {
    totalCount
    viewerCanCreate { allowed }
    nodes {
      id
      title
      completed
      notes
      owner { name }
      viewerPermissions {
        canCheck { allowed }
        canDelete { allowed reason hint }
      }
    }
  }
}` },
  { query: `# Put an id of step 3 into the variables.
# A manager is refused, with a reason.
# Grant it to the role in a terminal:
#
# P=http://127.0.0.1:4002/v2/schema
# R=taskgate/sandbox/roles/manager
# K=permit_key_sandbox
# curl "$P/$R/permissions" \\
#   -H "Authorization: Bearer $K" \\
#   -H "Content-Type: application/json" \\
#   -d '{"permissions":["task:delete"]}'
#
# Then the same token deletes at once.
mutation Step4_DeleteTask($id: ID!) {
  deleteTask(input: { id: $id }) {
    deletedTaskId
  }
}`, variables: '{ "id": "" }' },
  { query: `query Step5_WhoAmI {
  viewer {
    subject
    tenant
    roles { role source }
    permissions
    can(resource: "task", action: "delete") {
      allowed
      reason
      hint
    }
  }
}` },
  { query: `# Run it, then create a task in another
# window: it is told here at once.
subscription Step6_Watch {
  taskChanged {
    kind
    at
    task { id title completed }
  }
}` },
];

// Who is signed in holds for every tab, so it is kept beside them: GraphiQL's own headers belong to one tab.
const state = { authorization: null };
// GraphiQL sends the headers of a subscription, the token among them, in `connection_init`.
const send = GraphiQL.createFetcher({
  url: "/graphql",
  subscriptionUrl: new URL("/graphql", location.href).href.replace(/^http/, "ws"),
});

// What is to be executed. For a moment after a change of tab GraphiQL has the new tab's text and still knows the old
// one's operation, by which it would choose between HTTP and a WebSocket.
function read(query, chosen) {
  let documentAST;
  try {
    documentAST = GraphiQL.GraphQL.parse(query);
  } catch {
    return {}; // The server says what is wrong.
  }
  const operations = documentAST.definitions.filter(({ kind }) => kind === "OperationDefinition");
  const names = operations.map(({ name }) => name?.value);
  return { documentAST, operationName: names.includes(chosen) || names.length > 1 ? chosen : names[0] };
}

function fetcher({ query, variables, operationName: chosen }, options) {
  const { documentAST, operationName } = read(query, chosen);
  const own = options?.headers ?? {};
  const names = Object.keys(own).map((name) => name.toLowerCase());
  const signedIn = state.authorization !== null && !names.includes("authorization");
  const headers = signedIn ? { ...own, Authorization: state.authorization } : own;
  return send({ query, variables, operationName }, { ...options, headers, documentAST });
}

// No storage: a token must not outlive the page.
const forgetful = { getItem: () => null, setItem() {}, removeItem() {}, clear() {}, length: 0 };

function show() {
  ReactDOM.createRoot(document.getElementById("console")).render(React.createElement(GraphiQL, {
    fetcher,
    storage: forgetful,
    shouldPersistHeaders: false,
    defaultEditorToolsVisibility: "variables",
    defaultTabs: EXAMPLES,
  }));
}

function expiryOf(token) {
  const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
  return new Date(JSON.parse(atob(payload)).exp * 1000);
}

// Without a token nobody is signed in, whoever was before.
function become(token, message) {
  state.authorization = token === null ? null : `Bearer ${token}`;
  document.getElementById("token").hidden = token === null;
  document.getElementById("authorization").value = state.authorization ?? "";
  document.getElementById("who").textContent = message;
}

async function signIn(tokenUrl, menu) {
  const persona = menu.value;
  if (persona === "") return become(null, "Nobody is signed in.");
  become(null, `Asking for a token for ${persona} …`);
  let outcome;
  try {
    const answer = await fetch(`${tokenUrl}/${encodeURIComponent(persona)}`);
    if (!answer.ok) throw new Error(`the issuer answered ${answer.status}`);
    const token = await answer.text();
    outcome = [token, `Signed in as ${persona} until ${expiryOf(token).toLocaleTimeString()}.`];
  } catch (error) {
    outcome = [null, `Nobody is signed in: no token for ${persona}, ${error.message}.`];
  }
  // Somebody else may have been chosen meanwhile.
  if (menu.value === persona) become(...outcome);
}

const personas = document.getElementById("personas");
if (personas.dataset.tokenUrl) {
  const tokenUrl = personas.dataset.tokenUrl.replace(/\/$/, "");
  const menu = document.getElementById("persona");
  personas.hidden = false;
  personas.addEventListener("submit", (event) => event.preventDefault());
  // A browser may keep the choice over a reload, but not the token.
  menu.value = "";
  menu.addEventListener("change", () => signIn(tokenUrl, menu));
  become(null, "Nobody is signed in.");
  const field = document.getElementById("authorization");
  field.addEventListener("focus", () => field.select());
  document.getElementById("copy").addEventListener("click", () => {
    navigator.clipboard.writeText(field.value.replace(/^Bearer /, "")).catch(() => field.focus());
  });
}
show();
