import type { BlueprintForExecutor, McpServerConfig } from "@parallax/shared/executor/adapter";
import type { OfferedRun } from "@parallax/shared/protocol/runners";

export interface PlaceholderValues {
  readonly mcpUrl: string;
  readonly sessionId: string;
}

/** The runner's side of the placeholders; the coordinator has resolved all others when the run was made. */
export function fillPlaceholders(
  blueprint: OfferedRun["resolved_agent_blueprint"],
  values: PlaceholderValues,
): BlueprintForExecutor | null {
  if (blueprint === null) return null;
  const fill = (text: string): string => fillText(text, values);
  const servers = Object.entries(blueprint.mcp_servers).map(
    ([name, server]) => [name, fillServer(server as McpServerConfig, fill)] as const,
  );
  return {
    name: blueprint.name,
    systemPrompt: blueprint.system_prompt === null ? null : fill(blueprint.system_prompt),
    mcpServers: Object.fromEntries(servers),
  };
}

function fillServer(server: McpServerConfig, fill: (text: string) => string): McpServerConfig {
  return {
    type: server.type,
    ...(server.url === undefined ? {} : { url: fill(server.url) }),
    ...(server.headers === undefined ? {} : { headers: fillValues(server.headers, fill) }),
    ...(server.command === undefined ? {} : { command: fill(server.command) }),
    ...(server.args === undefined ? {} : { args: server.args.map(fill) }),
    ...(server.env === undefined ? {} : { env: fillValues(server.env, fill) }),
  };
}

function fillValues(values: Readonly<Record<string, string>>, fill: (text: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fill(value)]));
}

function fillText(text: string, values: PlaceholderValues): string {
  // Functions as replacements: a `$&` in a value is text, not a pattern.
  return text
    .replaceAll("${AGENT_ORCHESTRATOR_MCP_URL}", () => values.mcpUrl)
    .replaceAll("${runner.orchestrator_mcp_url}", () => values.mcpUrl)
    .replaceAll("${AGENT_SESSION_ID}", () => values.sessionId);
}
