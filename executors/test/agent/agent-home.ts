import { homedir } from "node:os";
import { join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the agent keeps its conversations. */
export function agentHome(env: Environment): string {
  return env.PARALLAX_TEST_AGENT_HOME ?? join(env.HOME ?? homedir(), ".local/state/parallax-test-agent");
}
