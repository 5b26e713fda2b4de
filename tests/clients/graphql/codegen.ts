// Twice the same documents: with the schema as it is checked in, and with the one that the running server tells. And
// their list, as a server that trusts them reads it.
import type { CodegenConfig } from "@graphql-codegen/cli";

const generated = {
  preset: "client" as const,
  config: { scalars: { DateTime: "string", JSON: "Record<string, unknown>" }, strictScalars: true, useTypeImports: true },
};
const server = `${process.env.TASKGATE_URL}/graphql`;

export default {
  documents: "documents/*.graphql",
  emitLegacyCommonJSImports: false,
  generates: {
    "src/gql/": { ...generated, schema: "schema.graphql" },
    "introspected/": { ...generated, schema: server },
    "persisted/": { ...generated, schema: "schema.graphql", presetConfig: { persistedDocuments: true } },
  },
} satisfies CodegenConfig;
