import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The agent's environment: a short list of the runner's variables, then the run's own, then ours. An allow-list, because
 * what a service manager or a person's shell puts into the runner's environment is nobody's business but the runner's.
 */
const ALLOWED_NAMES: ReadonlySet<string> = new Set(
  [
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TZ", "LANG", "TMPDIR"],
    ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"],
    ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"],
  ].flat(),
);
const ALLOWED_PREFIXES = ["LC_", "XDG_"] as const;

/** Put first on PATH by scripts/bootstrap.sh for this program's own sake: an agent must not find our tools in its project's place. */
const OWN_TOOLS_DIR = fileURLToPath(new URL("../../../node_modules/.bin", import.meta.url));

/** What of `env` an agent may see; `more` are the names its executor asks for. */
export function snapshotHostEnv(
  env: Readonly<Record<string, string | undefined>>,
  more: readonly string[],
): Record<string, string> {
  const allowed = (name: string): boolean =>
    ALLOWED_NAMES.has(name) || ALLOWED_PREFIXES.some((prefix) => name.startsWith(prefix)) || more.includes(name);
  const snapshot: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && allowed(name)) snapshot[name] = value;
  }
  if (snapshot["PATH"] !== undefined) snapshot["PATH"] = withoutOwnTools(snapshot["PATH"]);
  return snapshot;
}

function withoutOwnTools(path: string): string {
  const rest = path.split(delimiter).filter((directory) => directory !== OWN_TOOLS_DIR);
  return rest.join(delimiter);
}

export interface OwnVariables {
  readonly sessionId: string;
  readonly mcpUrl: string;
}

export function composeAgentEnv(
  hostEnv: Readonly<Record<string, string>>,
  runEnv: Readonly<Record<string, string>>,
  own: OwnVariables,
): Record<string, string> {
  return {
    ...hostEnv,
    ...runEnv,
    AGENT_SESSION_ID: own.sessionId,
    AGENT_SESSION_NAME: own.sessionId,
    AGENT_ORCHESTRATOR_MCP_URL: own.mcpUrl,
  };
}
