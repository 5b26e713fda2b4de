"use strict";
// The console: GraphiQL on this server's own API, example operations, and in the sandbox a menu of personas.

const EXAMPLES = [
  ["1 Sign in", `# Choose "manager" above, then run this: it copies the account and its roles to Permit.
mutation Login {
  login {
    ready
    roleOutcomes { role outcome detail }
    viewer { subject tenant permissions }
    warnings
  }
}`],
  ["2 Create", `mutation CreateTask {
  createTask(input: { title: "Write the report", notes: "Two pages" }) {
    task { id title version }
    userErrors { code field message }
  }
}`],
  ["3 Tasks", `# Two calls to the decision point, however many rows: see "authz" in the extensions.
query Tasks {
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
}`],
  ["4 Delete", `# Put an id from "Tasks" into the variables. A manager is refused with a reason, until somebody
# grants task:delete to the role in Permit; then the same token deletes at once.
mutation DeleteTask($id: ID!) {
  deleteTask(input: { id: $id }) {
    deletedTaskId
  }
}`, '{ "id": "" }'],
  ["5 Who am I", `query Viewer {
  viewer {
    subject
    tenant
    roles { role source }
    permissions
    can(resource: "task", action: "delete") { allowed reason hint }
  }
}`],
];

const state = { headers: "{}" };
const root = ReactDOM.createRoot(document.getElementById("console"));

// No storage: a token must not outlive the page.
const forgetful = { getItem: () => null, setItem() {}, removeItem() {}, clear() {}, length: 0 };

function show() {
  root.render(React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: "/graphql" }),
    storage: forgetful,
    headers: state.headers,
    shouldPersistHeaders: false,
    defaultEditorToolsVisibility: "headers",
    defaultTabs: EXAMPLES.map(([title, query, variables]) => ({ title, query, variables })),
  }));
}

function expiryOf(token) {
  const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
  return new Date(JSON.parse(atob(payload)).exp * 1000);
}

async function signIn(tokenUrl, persona) {
  const who = document.getElementById("who");
  if (persona === "") {
    state.headers = "{}";
    who.textContent = "Nobody is signed in.";
    return show();
  }
  try {
    const answer = await fetch(`${tokenUrl}/${encodeURIComponent(persona)}`);
    if (!answer.ok) throw new Error(`the issuer answered ${answer.status}`);
    const token = await answer.text();
    state.headers = JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2);
    who.textContent = `Signed in as ${persona} until ${expiryOf(token).toLocaleString()}.`;
    show();
  } catch (error) {
    who.textContent = `No token for ${persona}: ${error.message}.`;
  }
}

const personas = document.getElementById("personas");
if (personas.dataset.tokenUrl) {
  personas.hidden = false;
  document.getElementById("who").textContent = "Nobody is signed in.";
  personas.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("persona").addEventListener("change", (event) => {
    signIn(personas.dataset.tokenUrl.replace(/\/$/, ""), event.target.value);
  });
}
show();
