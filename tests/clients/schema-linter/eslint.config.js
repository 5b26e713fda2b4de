// Every schema rule of graphql-eslint, and Relay's conventions, on the checked-in schema.
import plugin from "@graphql-eslint/eslint-plugin";

const all = plugin.configs["flat/schema-all"].rules;
const relay = plugin.configs["flat/schema-relay"].rules;

export default [
  {
    files: ["*.graphql"],
    languageOptions: {
      parser: plugin.parser,
      parserOptions: { graphQLConfig: { schema: "./schema.graphql" } },
    },
    plugins: { "@graphql-eslint": plugin },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      ...all,
      ...relay,
      // Fields stand in the order in which a reader wants to learn of them.
      "@graphql-eslint/alphabetize": "off",
      // Mutations are what the API is for.
      "@graphql-eslint/no-root-type": "off",
      // A payload carries what was changed; a way back to every query would be a way round the count of root fields.
      "@graphql-eslint/require-field-of-type-query-in-mutation-result": "off",
      // Only `apiInfo` is not nullable: it is public and asks nobody, so it cannot fail.
      "@graphql-eslint/require-nullable-result-in-root": "off",
      // Nodes have an id; values have none.
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          exceptions: {
            suffixes: [
              "Change", "Connection", "Edge", "Info", "Outcome", "Payload", "Permissions", "Requirement", "Result", "Status",
              "Verdict",
            ],
            types: ["Explanation", "RateLimit", "RoleAssignment", "UserError", "Viewer"],
          },
        },
      ],
      // A history is read from its newest event on, and nobody wants its last page first.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
      // Relay wants the edges to be a list of edges; `nodes` and `userErrors` are lists of something else. An event of a
      // history cannot be asked for alone, so it is no `Node`.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
      ],
    },
  },
];
