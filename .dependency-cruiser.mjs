/**
 * The directions of imports, as ARCHITECTURE.md lists them. `scripts/check` runs this and also asserts that
 * enough modules were read: a cruise that parses nothing reports no violation.
 */

const npm = (...names) => `(^|/)node_modules/(${names.join("|")})(/|$)`;

/** Closed vocabularies at the root of `shared`: they import nothing but each other, so the protocol may use them. */
const VOCABULARY = "^shared/src/[a-z-]+\\.ts$";
const TEST = "\\.test\\.ts$|(^|/)testing/";
const PRODUCT = "^(coordinator|runner|executors|shared|patterns)/";

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    {
      name: "resolvable",
      comment: "An import that cannot be resolved would otherwise escape every other rule in silence.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "no-circular",
      comment: "Cycles of types vanish when types are stripped; cycles of values do not.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "protocol-imports-zod-only",
      severity: "error",
      from: { path: "^shared/src/protocol/", pathNot: TEST },
      to: { pathNot: ["^shared/src/protocol/", VOCABULARY, npm("zod")] },
    },
    {
      name: "vocabulary-imports-nothing-above-it",
      comment: "What the protocol and the SDK build on must not reach back into them, except for wire types.",
      severity: "error",
      from: { path: VOCABULARY, pathNot: TEST },
      to: { path: "^shared/src/(?!protocol/)[^/]+/" },
    },
    {
      name: "sdk-imports-protocol-only",
      comment: "The SDK runs in browsers too: no Node built-ins, no packages but zod.",
      severity: "error",
      from: { path: "^shared/src/sdk/", pathNot: TEST },
      to: { pathNot: ["^shared/src/(sdk|protocol)/", VOCABULARY, npm("zod")] },
    },
    {
      name: "shared-imports-no-package-of-ours",
      severity: "error",
      from: { path: "^shared/" },
      to: { path: "^(coordinator|runner|executors|patterns|scripts)/" },
    },
    {
      name: "executors-import-shared-only",
      comment: "One executor never imports another, nor the place where it runs.",
      severity: "error",
      from: { path: "^executors/([^/]+)/" },
      to: { path: "^(coordinator|runner|executors|patterns|scripts)/", pathNot: "^executors/$1/" },
    },
    {
      name: "patterns-import-shared-only",
      severity: "error",
      from: { path: "^patterns/" },
      to: { path: "^(coordinator|runner|executors|scripts)/" },
    },
    {
      name: "runner-not-to-coordinator",
      severity: "error",
      from: { path: "^runner/" },
      to: { path: "^(coordinator|patterns|scripts)/" },
    },
    {
      name: "runner-loads-executors-by-name",
      comment: "A static import would tie what runs to where it runs.",
      severity: "error",
      from: { path: "^runner/" },
      to: { path: "^executors/", dynamic: false },
    },
    {
      name: "coordinator-not-to-runner",
      severity: "error",
      from: { path: "^coordinator/" },
      to: { path: "^(runner|executors|scripts)/" },
    },
    {
      name: "dashboard-uses-the-sdk",
      severity: "error",
      from: { path: "^coordinator/dashboard/" },
      to: { path: "^(coordinator/src|shared/src/(?!sdk/|protocol/))" },
    },
    {
      name: "sql-in-the-store",
      severity: "error",
      from: { path: PRODUCT, pathNot: "^coordinator/src/store/" },
      to: { path: npm("drizzle-orm", "drizzle-kit", "postgres") },
    },
    {
      name: "bullmq-in-the-queue",
      severity: "error",
      from: { path: PRODUCT, pathNot: "^coordinator/src/queue/" },
      to: { path: npm("bullmq", "ioredis", "redis", "pg", "@types/pg") },
    },
    {
      name: "store-and-queue-know-no-http",
      severity: "error",
      from: { path: "^coordinator/src/(store|queue)/" },
      to: { path: ["^coordinator/src/(http|app\\.ts)", npm("hono", "@hono/[^/]+")] },
    },
    {
      name: "product-without-tests",
      comment: "Helpers under testing/ are for tests alone.",
      severity: "error",
      from: { path: PRODUCT, pathNot: TEST },
      to: { path: TEST },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // Ours only: many packages are published from a dist/ folder, and an excluded target breaks no rule.
    exclude: { path: ["^(coordinator|runner|executors|shared|patterns|scripts).*/(fixtures|dist)/"] },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".tsx", ".mts", ".js", ".mjs", ".cjs", ".json", ".d.ts"],
    },
  },
};
