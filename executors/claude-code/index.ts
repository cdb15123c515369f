/** The `claude-code` executor: Anthropic's CLI, driven headless over its stream-json pipe. */
import type { ExecutorAdapter } from "@parallax/shared/executor/adapter";
import { planCommand } from "./command.ts";
import { parseConfig } from "./config.ts";
import { ENV_ALLOW_LIST } from "./env.ts";
import { locateClaude } from "./locate.ts";
import { createClaudeReader } from "./reader/create-reader.ts";
import { interruptLine, userLine } from "./wire.ts";

export { installPlan } from "./install.ts";

export const adapter: ExecutorAdapter = {
  name: "claude-code",
  capabilities: {
    headless: true,
    interactive: false,
    resume: true,
    fork: false,
    steer: true,
    interrupt: true,
    permissions: false,
    questions: false,
    usage: true,
    capsule: false,
  },
  envAllowList: ENV_ALLOW_LIST,
  detect: locateClaude,
  checkConfig: (config) => {
    parseConfig(config);
  },
  command: planCommand,
  createReader: () => createClaudeReader(),
  interrupt: (invocation) => interruptLine(`interrupt-${invocation.runId}-${invocation.attempt}`),
  steer: (_invocation, message) => userLine(message),
};
