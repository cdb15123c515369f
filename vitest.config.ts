import { existsSync } from "node:fs";
import { defineConfig } from "vitest/config";

const E2E = "scripts/e2e/**/*.e2e.test.ts";
const INTEGRATION = "**/*.int.test.ts";
const NEVER = ["**/node_modules/**", "**/dist/**", "**/fixtures/**", "coordinator/dashboard/**"];

// One Postgres for all integration tests; each test file makes a schema of its own in it.
const POSTGRES_SETUP = "coordinator/src/store/testing/global-setup.ts";
const postgresSetup = existsSync(new URL(POSTGRES_SETUP, import.meta.url)) ? [`./${POSTGRES_SETUP}`] : [];

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: [...NEVER, INTEGRATION, E2E],
          testTimeout: 10_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "integration",
          include: [INTEGRATION],
          exclude: NEVER,
          globalSetup: postgresSetup,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "e2e",
          include: [E2E],
          exclude: NEVER,
          testTimeout: 240_000,
          hookTimeout: 240_000,
          // They start whole systems on the machine's ports and processors: one file at a time.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
