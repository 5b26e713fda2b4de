/**
 * Post-login Action: what taskgate needs to know about a person, as claims of the access token.
 *
 * Auth0 runs it at every login and at every exchange of a refresh token, so a role that is given or taken at Auth0 is
 * in the next token. Machines (client credentials) never come here: they have no person behind them.
 *
 * Secrets of the Action, both optional:
 * - NAMESPACE: begins the names of the claims, as in AUTH0_ROLES_CLAIM without `/roles`;
 * - AUDIENCE: identifier of the one API whose tokens get the claims. Without it every API of the tenant learns
 *   everybody's e-mail address.
 */

const DEFAULT_NAMESPACE = "https://taskgate.example";

exports.onExecutePostLogin = async (event, api) => {
  try {
    const secrets = event.secrets ?? {};
    if (secrets.AUDIENCE && event.resource_server?.identifier !== secrets.AUDIENCE) return;
    const namespace = (secrets.NAMESPACE || DEFAULT_NAMESPACE).replace(/\/+$/, "");
    for (const [name, value] of Object.entries(claims(event))) {
      api.accessToken.setCustomClaim(`${namespace}/${name}`, value);
    }
  } catch (error) {
    // A throw refuses the login. Without the claims the server keeps the roles it knows, and warns.
    console.log(`taskgate: claims were not set: ${error?.name}`);
  }
};

/** Only what is known: to taskgate an absent claim means "no information", an empty list "no roles". */
function claims(event) {
  const { email, email_verified: verified, name } = event.user;
  // With an organization these are the member's roles there; the token names it in `org_id` by itself.
  const roles = event.authorization?.roles;
  const told = {};
  if (Array.isArray(roles)) told.roles = roles.filter((role) => typeof role === "string");
  if (isText(email)) {
    told.email = email;
    // Never assumed: anyone can sign up with somebody else's address.
    if (typeof verified === "boolean") told.email_verified = verified;
  }
  if (isText(name)) told.name = name;
  return told;
}

function isText(value) {
  return typeof value === "string" && value.trim() !== "";
}
