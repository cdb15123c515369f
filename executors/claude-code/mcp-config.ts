/** The MCP servers of one attempt: the blueprint's, and the way to the fleet if the blueprint does not name it. */
import type { Invocation, McpServerConfig } from "@parallax/shared/executor/adapter";

const FLEET_SERVER = "parallax";

/** A call that waits for a child may be silent for hours; without this the CLI gives up after five minutes. */
const FLEET_CALL_TIMEOUT_MS = 24 * 60 * 60 * 1000;

interface McpPlan {
  /** Content of the file for --mcp-config. It may hold secrets: headers, environments, the gateway's path. */
  readonly content: string;
  /** Rules for --allowedTools. Nobody is there to be asked, so a server that was configured on purpose may be used. */
  readonly allowRules: readonly string[];
}

export function planMcpServers({ blueprint, mcpUrl }: Invocation): McpPlan {
  const servers: Record<string, McpServerConfig & { timeout?: number }> = {};
  let namesFleet = false;
  for (const [name, server] of Object.entries(blueprint?.mcpServers ?? {})) {
    const isFleet = server.url !== undefined && isSameUrl(server.url, mcpUrl);
    namesFleet ||= isFleet;
    servers[name] = isFleet ? { ...server, timeout: FLEET_CALL_TIMEOUT_MS } : server;
  }
  if (!namesFleet) {
    servers[freeName(servers)] = { type: "http", url: mcpUrl, timeout: FLEET_CALL_TIMEOUT_MS };
  }
  return { content: JSON.stringify({ mcpServers: servers }), allowRules: Object.keys(servers).map(allowRule) };
}

/** The CLI builds tool names from server names and replaces what a tool name cannot hold. */
function allowRule(server: string): string {
  return `mcp__${server.replaceAll(/[^a-zA-Z0-9_-]/g, "_")}`;
}

function freeName(servers: Readonly<Record<string, unknown>>): string {
  let name = FLEET_SERVER;
  for (let count = 2; Object.hasOwn(servers, name); count += 1) name = `${FLEET_SERVER}-${count}`;
  return name;
}

function isSameUrl(left: string, right: string): boolean {
  return URL.canParse(left) && URL.canParse(right) && new URL(left).href === new URL(right).href;
}
