import type { Command } from "../command.ts";
import { CONNECTION_OPTIONS, connect, JSON_OPTION } from "../connect.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { onlyOperand } from "../only-operand.ts";
import { printJson } from "../print-json.ts";
import { formatTree } from "../terminal/format-tree.ts";

export const treeCommand: Command = {
  name: "tree",
  summary: "show a session's parents and children with their runs",
  operands: "<session>",
  options: [...CONNECTION_OPTIONS, JSON_OPTION],
  async run(io, flags) {
    const sessionId = onlyOperand(flags, "a session");
    const { client } = await connect(io, flags);
    const tree = await client.sessions.tree(sessionId, { signal: io.signal });
    if (flags.isOn("json")) printJson(io, tree);
    else for (const line of formatTree(io, tree.sessions)) io.out(line);
    return EXIT_CODES.ok;
  },
};
